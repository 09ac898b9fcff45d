//! Ends a session that nobody has paid. Stripe refuses where somebody has, or where it is ended already: then we look.

use super::fetch;
use super::form::{Form, segment};
use super::objects::Session;
use super::reading::{Answer, Asked, read};
use super::standing;
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::payments::PspToken;

pub(super) fn step(token: &PspToken, key: &str, seen: &[Reply]) -> Result<Step, Fault> {
    match seen {
        [] => {
            let path = format!("/v1/checkout/sessions/{}/expire", segment(&token.0)?);
            Ok(Step::Send(Form::new().post(&path, format!("{key}:close"))))
        }
        [expired] => match read::<Session>(expired, Asked::Act)? {
            Answer::Good(session) => standing::of_session(&session).map(|seen| Step::Done(Outcome::Seen(seen))),
            Answer::Refused(refusal) if refusal.is_missing() => Ok(Step::Done(Outcome::Absent)),
            Answer::Refused(_) => fetch::request(token).map(Step::Send),
        },
        [.., fetched] => fetch::outcome(fetched).map(Step::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, json, paid, sent, session};
    use super::*;
    use ducat_domain::payments::Observed;

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
}
