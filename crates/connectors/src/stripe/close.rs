//! Ends a session that nobody has paid. Stripe refuses where somebody has, or where it is ended already: then we look.

use super::fetch;
use super::form::{Form, segment};
use super::objects::Session;
use super::reading::{Answer, Asked, read};
use super::standing;
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::payments::{Observed, PspToken};

pub(super) fn step(token: &PspToken, key: &str, seen: &[Reply]) -> Result<Step, Fault> {
    match seen {
        [] => expire(token, format!("{key}:close")),
        [first] => after_expiring(token, first),
        [first, _, rest @ ..] => match fetch::read_on(&seen[1..2])? {
            // The error that the first key repeats came before anything was done. Ending a session twice does no harm.
            Step::Done(Outcome::Seen(seen)) if seen.state == Observed::Open && is_stuck(first) => match rest {
                [] => expire(token, format!("{key}:close:again")),
                [second] => after_expiring(token, second),
                [_, fetched @ ..] => fetch::read_on(fetched),
            },
            _ => fetch::read_on(&seen[1..]),
        },
    }
}

fn expire(token: &PspToken, key: String) -> Result<Step, Fault> {
    let path = format!("/v1/checkout/sessions/{}/expire", segment(&token.0)?);
    Ok(Step::Send(Form::new().post(&path, key)))
}

/// A key that only repeats an error tells nothing of the session: it may well be ended.
fn after_expiring(token: &PspToken, reply: &Reply) -> Result<Step, Fault> {
    match read::<Session>(reply, Asked::Act) {
        Ok(Answer::Good(session)) => standing::of_session(&session).map(|seen| Step::Done(Outcome::Seen(seen))),
        Ok(Answer::Refused(refusal)) if refusal.is_missing() => Ok(Step::Done(Outcome::Absent)),
        Ok(Answer::Refused(_)) | Err(Fault::Stuck(_)) => fetch::request(token).map(Step::Send),
        Err(fault) => Err(fault),
    }
}

fn is_stuck(reply: &Reply) -> bool {
    matches!(read::<Session>(reply, Asked::Act), Err(Fault::Stuck(_)))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, json, paid, sent, session};
    use super::*;
    use crate::HttpReply;

    fn close(seen: &[Reply]) -> Result<Step, Fault> {
        step(&PspToken("cs_test_1".into()), "pa_1", seen)
    }

    fn state(step: Result<Step, Fault>) -> Observed {
        match done(step) {
            Outcome::Seen(seen) => seen.state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_open_session_is_expired_under_a_key_of_its_own() {
        let request = sent(close(&[]));
        assert_eq!(request.path, "/v1/checkout/sessions/cs_test_1/expire");
        assert_eq!(request.key.as_deref(), Some("pa_1:close"));
        assert_eq!(state(close(&[json(&session("expired"))])), Observed::Expired);
    }

    #[test]
    fn a_session_that_was_paid_meanwhile_is_looked_at() {
        let refused = error(400, "invalid_request_error", None);
        assert!(sent(close(std::slice::from_ref(&refused))).path.starts_with("/v1/checkout/sessions/cs_test_1?expand"));
        assert!(matches!(state(close(&[refused, json(&paid())])), Observed::Captured(_)));
    }

    #[test]
    fn a_session_that_does_not_exist_is_absent() {
        assert_eq!(done(close(&[error(404, "invalid_request_error", Some("resource_missing"))])), Outcome::Absent);
    }

    #[test]
    fn a_key_that_only_repeats_an_error_does_not_hide_how_the_session_stands() {
        let mut repeated: HttpReply = error(500, "api_error", None).unwrap();
        repeated.headers.push(("idempotent-replayed".into(), "true".into()));
        let repeated: Reply = Ok(repeated);
        assert!(sent(close(std::slice::from_ref(&repeated))).path.starts_with("/v1/checkout/sessions/cs_test_1?expand"));
        assert_eq!(state(close(&[repeated.clone(), json(&session("expired"))])), Observed::Expired);
        let again = sent(close(&[repeated.clone(), json(&session("open"))]));
        assert_eq!(
            (again.path.as_str(), again.key.as_deref()),
            ("/v1/checkout/sessions/cs_test_1/expire", Some("pa_1:close:again"))
        );
        let ended = [repeated, json(&session("open")), json(&session("expired"))];
        assert_eq!(state(close(&ended)), Observed::Expired);
    }
}
