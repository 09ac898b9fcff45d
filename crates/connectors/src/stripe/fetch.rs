//! Looks a registration up by its session, and tells the whole truth: the payment, the charge with its fee and its refunds in one answer;
//! more refunds than that, and the disputes, in further ones where there are any.

use super::form::{Form, segment};
use super::objects::{Charge, Dispute, Expandable, Refund, Session};
use super::pages::{Pages, of_payment};
use super::reading::{Answer, Asked, read};
use super::{dispute, refund, standing};
use crate::{Fault, HttpRequest, Outcome, Reply, Step};
use ducat_domain::payments::PspToken;

pub(super) fn step(token: &PspToken, seen: &[Reply]) -> Result<Step, Fault> {
    if seen.is_empty() { request(token).map(Step::Send) } else { read_on(seen) }
}

/// Asks for the session with everything behind it.
pub(super) fn request(token: &PspToken) -> Result<HttpRequest, Fault> {
    let path = format!("/v1/checkout/sessions/{}", segment(&token.0)?);
    Ok(Form::new()
        .with("expand[]", "payment_intent.latest_charge.balance_transaction")
        .with("expand[]", "payment_intent.latest_charge.refunds")
        .get(&path))
}

/// How the session stands, by the answer to the request and to those that followed.
pub(super) fn read_on(seen: &[Reply]) -> Result<Step, Fault> {
    let mut replies = seen.iter();
    let first = replies.next().ok_or_else(|| Fault::Protocol("no answer to be read".into()))?;
    let session = match read::<Session>(first, Asked::Look)? {
        Answer::Good(session) => session,
        Answer::Refused(refusal) if refusal.is_missing() => return Ok(Step::Done(Outcome::Absent)),
        Answer::Refused(refusal) => return Err(refusal.unexpected()),
    };
    let mut standing = standing::of_session(&session)?;
    if let (Some(payment), Some(charge)) = (session.payment_id(), charge(&session)) {
        if charge.refunds.as_ref().is_some_and(|refunds| refunds.has_more) {
            match of_payment::<Refund>("/v1/refunds", payment, &mut replies)? {
                Pages::Ask(request) => return Ok(Step::Send(request)),
                Pages::All(all) => standing.refunds = refund::all(&all)?,
            }
        }
        if charge.disputed == Some(true) {
            match of_payment::<Dispute>("/v1/disputes", payment, &mut replies)? {
                Pages::Ask(request) => return Ok(Step::Send(request)),
                Pages::All(all) => standing.disputes = all.iter().map(dispute::seen).collect::<Result<_, _>>()?,
            }
        }
    }
    Ok(Step::Done(Outcome::Seen(standing)))
}

/// The charge behind a session.
pub(super) fn charge(session: &Session) -> Option<&Charge> {
    session.payment()?.latest_charge.as_ref().and_then(Expandable::object)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{disputed, done, error, json, list, paid, refund, sent};
    use super::*;
    use crate::HttpMethod;
    use ducat_domain::payments::{DisputeStatus, Observation, Observed, RefundState};

    fn token() -> PspToken {
        PspToken("cs_test_1".into())
    }

    fn seen(replies: &[Reply]) -> Observation {
        match done(step(&token(), replies)) {
            Outcome::Seen(seen) => seen,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_request_asks_for_the_session_the_payment_the_fee_and_the_refunds() {
        let request = sent(step(&token(), &[]));
        assert_eq!((request.method, request.key), (HttpMethod::Get, None));
        assert_eq!(
            request.path,
            "/v1/checkout/sessions/cs_test_1?expand%5B%5D=payment_intent.latest_charge.balance_transaction\
             &expand%5B%5D=payment_intent.latest_charge.refunds"
        );
    }

    #[test]
    fn the_answer_is_how_the_session_stands() {
        assert!(matches!(seen(&[json(&paid())]).state, Observed::Captured(_)));
    }

    #[test]
    fn refunds_are_told_with_the_session() {
        let mut session = paid();
        session["payment_intent"]["latest_charge"]["refunds"] = serde_json::json!({"object": "list", "data": [refund("re_1", "succeeded"), refund("re_2", "pending")], "has_more": false});
        let states: Vec<_> = seen(&[json(&session)]).refunds.iter().map(|r| (r.psp_refund.clone(), r.state)).collect();
        assert_eq!(states, [("re_1".to_owned(), RefundState::Succeeded), ("re_2".to_owned(), RefundState::Pending)]);
    }

    #[test]
    fn more_refunds_than_one_answer_holds_are_asked_for_page_by_page() {
        let mut session = paid();
        session["payment_intent"]["latest_charge"]["refunds"] =
            serde_json::json!({"object": "list", "data": [refund("re_1", "succeeded")], "has_more": true});
        let first = json(&session);
        assert_eq!(sent(step(&token(), std::slice::from_ref(&first))).path, "/v1/refunds?payment_intent=pi_1&limit=100");
        let page = json(&list(&[refund("re_1", "succeeded"), refund("re_2", "succeeded")], true));
        let next = sent(step(&token(), &[first.clone(), page.clone()]));
        assert_eq!(next.path, "/v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_2");
        let last = json(&list(&[refund("re_3", "failed")], false));
        assert_eq!(seen(&[first, page, last]).refunds.len(), 3);
    }

    #[test]
    fn a_list_that_never_ends_is_stopped() {
        let mut session = paid();
        session["payment_intent"]["latest_charge"]["refunds"] = serde_json::json!({"data": [], "has_more": true});
        let page = json(&list(&[refund("re_1", "succeeded")], true));
        let replies: Vec<Reply> = std::iter::once(json(&session)).chain(std::iter::repeat_n(page, 10)).collect();
        assert!(matches!(step(&token(), &replies[..10]), Ok(Step::Send(_))));
        assert!(matches!(step(&token(), &replies), Err(Fault::Protocol(_))));
    }

    #[test]
    fn a_disputed_payment_s_disputes_are_asked_for() {
        let mut session = paid();
        session["payment_intent"]["latest_charge"]["disputed"] = true.into();
        let first = json(&session);
        assert_eq!(sent(step(&token(), std::slice::from_ref(&first))).path, "/v1/disputes?payment_intent=pi_1&limit=100");
        let disputes = seen(&[first, json(&list(&[disputed("needs_response")], false))]).disputes;
        assert_eq!((disputes.len(), disputes[0].status), (1, DisputeStatus::NeedsResponse));
    }

    #[test]
    fn only_stripe_s_own_word_makes_a_session_absent() {
        let missing = error(404, "invalid_request_error", Some("resource_missing"));
        assert_eq!(done(step(&token(), &[missing])), Outcome::Absent);
        let wrong_path = error(404, "invalid_request_error", None);
        assert!(matches!(step(&token(), &[wrong_path]), Err(Fault::Protocol(_))));
    }

    #[test]
    fn a_token_that_is_none_is_not_sent() {
        assert!(matches!(step(&PspToken("../../v1/refunds".into()), &[]), Err(Fault::Invalid(_))));
    }
}
