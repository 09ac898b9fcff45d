//! Lets money go that is held: finds the payment behind the session, then cancels it. What is not held is told as it stands.

use super::capture::is_state;
use super::form::{Form, segment};
use super::objects::{PaymentIntent, Session};
use super::reading::{Answer, Asked, look, read};
use super::{fetch, standing};
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::payments::{Observed, PspToken};

pub(super) fn step(token: &PspToken, key: &str, seen: &[Reply]) -> Result<Step, Fault> {
    match seen {
        [] => fetch::request(token).map(Step::Send),
        [fetched] => request(&look(fetched)?, key),
        [fetched, canceled] => match read::<PaymentIntent>(canceled, Asked::Act)? {
            Answer::Good(payment) => standing::after(&look(fetched)?, payment).map(|seen| Step::Done(Outcome::Seen(seen))),
            Answer::Refused(refusal) if is_state(&refusal) => fetch::request(token).map(Step::Send),
            Answer::Refused(refusal) => Ok(Step::Done(Outcome::Refused(refusal.decline()))),
        },
        [_, _, fetched @ ..] => fetch::read_on(fetched),
    }
}

fn request(session: &Session, key: &str) -> Result<Step, Fault> {
    let standing = standing::of_session(session)?;
    let (Observed::Held { .. }, Some(payment)) = (standing.state, session.payment_id()) else {
        return Ok(Step::Done(Outcome::Seen(standing)));
    };
    let path = format!("/v1/payment_intents/{}/cancel", segment(payment)?);
    Ok(Step::Send(Form::new().post(&path, format!("{key}:void"))))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, json, paid, payment, sent, session_with};
    use super::*;

    fn void(seen: &[Reply]) -> Result<Step, Fault> {
        step(&PspToken("cs_test_1".into()), "pa_1", seen)
    }

    fn held() -> Reply {
        json(&session_with("complete", payment("requires_capture")))
    }

    fn state(step: Result<Step, Fault>) -> Observed {
        match done(step) {
            Outcome::Seen(seen) => seen.state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hold_is_let_go_under_the_key() {
        let request = sent(void(&[held()]));
        assert_eq!((request.path.as_str(), request.key.as_deref()), ("/v1/payment_intents/pi_1/cancel", Some("pa_1:void")));
        assert_eq!(state(void(&[held(), json(&payment("canceled"))])), Observed::Canceled);
    }

    #[test]
    fn money_that_was_taken_is_not_touched() {
        assert!(matches!(state(void(&[json(&paid())])), Observed::Captured(_)));
    }

    #[test]
    fn a_hold_that_was_captured_in_between_is_told_as_captured() {
        let refused = error(400, "invalid_request_error", Some("payment_intent_unexpected_state"));
        assert!(matches!(state(void(&[held(), refused, json(&paid())])), Observed::Captured(_)));
    }
}
