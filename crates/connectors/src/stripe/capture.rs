//! Takes money that is held: finds the payment behind the session, then captures it. What is taken already is told as it stands.

use super::form::{Form, segment};
use super::objects::{Charge, PaymentIntent, Session};
use super::reading::{Answer, Asked, Refusal, look, read};
use super::{amounts, fetch, standing};
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::Money;
use ducat_domain::payments::{Observed, PspToken};

/// What is to be taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// How much this time.
    pub amount: Money,
    /// How much in all, once it is done.
    pub total: Money,
    /// What becomes of the rest.
    pub extent: Extent,
}

/// What becomes of the rest of the hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// It is let go.
    Last,
    /// It stays held for further captures.
    OneOfSeveral,
}

impl Extent {
    pub(super) const fn of(is_final: bool) -> Self {
        if is_final { Self::Last } else { Self::OneOfSeveral }
    }
}

pub(super) fn step(token: &PspToken, part: Part, key: &str, seen: &[Reply]) -> Result<Step, Fault> {
    match seen {
        [] => fetch::request(token).map(Step::Send),
        [fetched] => request(&look(fetched)?, part, key),
        [fetched, captured] => match read::<PaymentIntent>(captured, Asked::Act)? {
            Answer::Good(payment) => standing::after(&look(fetched)?, payment).map(|seen| Step::Done(Outcome::Seen(seen))),
            // Somebody else was quicker, or the hold lapsed between the two requests.
            Answer::Refused(refusal) if is_state(&refusal) => fetch::request(token).map(Step::Send),
            Answer::Refused(refusal) => Ok(Step::Done(Outcome::Refused(refusal.decline()))),
        },
        [_, _, fetched @ ..] => fetch::read_on(fetched),
    }
}

fn request(session: &Session, part: Part, key: &str) -> Result<Step, Fault> {
    let Part { amount, total, extent } = part;
    let standing = standing::of_session(session)?;
    let (Observed::Held { authorized, captured }, Some(payment)) = (standing.state, session.payment_id()) else {
        return Ok(Step::Done(Outcome::Seen(standing)));
    };
    if authorized.currency != amount.currency {
        return Err(Fault::Invalid("the amount is in another currency than the payment"));
    }
    // The answer to it was lost, and it was done.
    if captured.minor >= total.minor {
        return Ok(Step::Done(Outcome::Seen(standing)));
    }
    if extent == Extent::OneOfSeveral && fetch::charge(session).and_then(Charge::takes_parts) == Some(false) {
        return Err(Fault::Invalid("this card is captured once: let the rest go with it"));
    }
    let path = format!("/v1/payment_intents/{}/capture", segment(payment)?);
    let form = Form::new()
        .with("amount_to_capture", &amounts::to_wire(amount)?.to_string())
        // True is what Stripe does by itself; it may be said only where several captures are possible.
        .with_some("final_capture", (extent == Extent::OneOfSeveral).then_some("false"))
        .with("expand[]", "latest_charge.balance_transaction")
        .with("expand[]", "latest_charge.refunds");
    Ok(Step::Send(form.post(&path, format!("{key}:capture"))))
}

/// Whether Stripe refused because the payment is not where we thought it was.
pub(super) fn is_state(refusal: &Refusal) -> bool {
    refusal.error.code.as_deref() == Some("payment_intent_unexpected_state")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, field, json, paid, payment, sent, session, session_with};
    use super::*;
    use ducat_domain::payments::DeclineCode;

    fn eur(minor: i64) -> Money {
        Money::new(minor, "EUR".parse().unwrap())
    }

    fn capture(amount: Money, seen: &[Reply]) -> Result<Step, Fault> {
        step(&PspToken("cs_test_1".into()), Part { amount, total: amount, extent: Extent::Last }, "cap_1", seen)
    }

    /// A thousand on top of the thousand that was taken before.
    fn part(seen: &[Reply]) -> Result<Step, Fault> {
        let part = Part { amount: eur(1_000), total: eur(2_000), extent: Extent::OneOfSeveral };
        step(&PspToken("cs_test_1".into()), part, "cap_2", seen)
    }

    fn taken_of_it(taken: i64, multicapture: &str) -> Reply {
        let mut payment = payment("requires_capture");
        payment["amount_received"] = taken.into();
        payment["amount_capturable"] = (4_999 - taken).into();
        payment["latest_charge"]["payment_method_details"] =
            serde_json::json!({"type": "card", "card": {"multicapture": {"status": multicapture}}});
        json(&session_with("complete", payment))
    }

    #[test]
    fn only_a_capture_that_is_not_the_last_says_so() {
        let request = sent(part(&[taken_of_it(1_000, "available")]));
        assert_eq!(field(&request, "final_capture").as_deref(), Some("false"));
        assert_eq!(field(&request, "amount_to_capture").as_deref(), Some("1000"));
        assert_eq!(field(&sent(capture(eur(4_000), &[taken_of_it(0, "available")])), "final_capture"), None);
    }

    #[test]
    fn a_part_that_stripe_has_taken_already_is_told_and_not_taken_again() {
        let Outcome::Seen(seen) = done(part(&[taken_of_it(2_000, "available")])) else { panic!() };
        assert_eq!(seen.state, Observed::Held { authorized: eur(4_999), captured: eur(2_000) });
    }

    #[test]
    fn a_card_that_is_captured_once_is_not_captured_in_parts() {
        assert!(matches!(part(&[taken_of_it(0, "unavailable")]), Err(Fault::Invalid(_))));
        assert!(matches!(capture(eur(1), &[taken_of_it(0, "unavailable")]), Ok(Step::Send(_))));
    }

    fn held() -> Reply {
        json(&session_with("complete", payment("requires_capture")))
    }

    #[test]
    fn the_payment_behind_the_session_is_captured_under_the_key() {
        let request = sent(capture(eur(4_000), &[held()]));
        assert_eq!(request.path, "/v1/payment_intents/pi_1/capture");
        assert_eq!(request.key.as_deref(), Some("cap_1:capture"));
        assert_eq!(field(&request, "amount_to_capture").as_deref(), Some("4000"));
    }

    #[test]
    fn the_answer_tells_what_was_taken() {
        let mut taken = payment("succeeded");
        taken["amount_received"] = 4_000.into();
        let Outcome::Seen(seen) = done(capture(eur(4_000), &[held(), json(&taken)])) else { panic!() };
        assert_eq!((seen.state, seen.token.0.as_str()), (Observed::Captured(eur(4_000)), "cs_test_1"));
    }

    #[test]
    fn what_is_not_held_is_told_as_it_stands_and_nothing_is_sent() {
        let Outcome::Seen(seen) = done(capture(eur(4_999), &[json(&paid())])) else { panic!() };
        assert_eq!(seen.state, Observed::Captured(eur(4_999)));
        let Outcome::Seen(seen) = done(capture(eur(4_999), &[json(&session("open"))])) else { panic!() };
        assert_eq!(seen.state, Observed::Open);
    }

    #[test]
    fn a_payment_that_changed_in_between_is_looked_at_again() {
        let refused = error(400, "invalid_request_error", Some("payment_intent_unexpected_state"));
        assert!(sent(capture(eur(1), &[held(), refused.clone()])).path.starts_with("/v1/checkout/sessions/"));
        let lapsed = json(&session_with("complete", payment("canceled")));
        let Outcome::Seen(seen) = done(capture(eur(1), &[held(), refused, lapsed])) else { panic!() };
        assert_eq!(seen.state, Observed::Canceled);
    }

    #[test]
    fn more_than_is_held_is_refused_by_stripe_s_own_word() {
        let refused = error(400, "invalid_request_error", Some("amount_too_large"));
        let Outcome::Refused(decline) = done(capture(eur(9_999), &[held(), refused])) else { panic!() };
        assert_eq!((decline.code, decline.psp_code.as_deref()), (DeclineCode::RefusedByPsp, Some("amount_too_large")));
    }

    #[test]
    fn another_currency_is_not_sent() {
        let amount = Money::new(4_999, "USD".parse().unwrap());
        assert!(matches!(capture(amount, &[held()]), Err(Fault::Invalid(_))));
    }

    #[test]
    fn a_lost_answer_to_the_capture_is_unknown_while_one_to_the_look_is_not() {
        let lost: Reply = Err(crate::SendFailure::Lost("time-out".into()));
        assert!(matches!(capture(eur(1), std::slice::from_ref(&lost)), Err(Fault::Retry { .. })));
        assert!(matches!(capture(eur(1), &[held(), lost]), Err(Fault::Unknown(_))));
    }
}
