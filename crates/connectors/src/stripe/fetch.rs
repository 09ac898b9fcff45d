//! Looks a registration up by its session, with the payment, the charge and its fee in one answer.

use super::form::{Form, segment};
use super::objects::Session;
use super::reading::{Answer, Asked, read};
use super::standing;
use crate::{Fault, HttpRequest, Outcome, Reply, Step};
use ducat_domain::payments::PspToken;

pub(super) fn step(token: &PspToken, seen: &[Reply]) -> Result<Step, Fault> {
    match seen.last() {
        None => request(token).map(Step::Send),
        Some(reply) => outcome(reply).map(Step::Done),
    }
}

/// Asks for the session with everything behind it.
pub(super) fn request(token: &PspToken) -> Result<HttpRequest, Fault> {
    let path = format!("/v1/checkout/sessions/{}", segment(&token.0)?);
    Ok(Form::new().with("expand[]", "payment_intent.latest_charge.balance_transaction").get(&path))
}

/// How the session stands.
pub(super) fn outcome(reply: &Reply) -> Result<Outcome, Fault> {
    match read::<Session>(reply, Asked::Look)? {
        Answer::Good(session) => standing::of_session(&session).map(Outcome::Seen),
        Answer::Refused(refusal) if refusal.is_missing() => Ok(Outcome::Absent),
        Answer::Refused(refusal) => Err(refusal.unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, json, paid, sent};
    use super::*;
    use crate::HttpMethod;
    use ducat_domain::payments::Observed;

    fn token() -> PspToken {
        PspToken("cs_test_1".into())
    }

    #[test]
    fn one_request_asks_for_the_session_the_payment_and_the_fee() {
        let request = sent(step(&token(), &[]));
        assert_eq!((request.method, request.key), (HttpMethod::Get, None));
        assert_eq!(request.path, "/v1/checkout/sessions/cs_test_1?expand%5B%5D=payment_intent.latest_charge.balance_transaction");
    }

    #[test]
    fn the_answer_is_how_the_session_stands() {
        let Outcome::Seen(seen) = done(step(&token(), &[json(&paid())])) else { panic!() };
        assert!(matches!(seen.state, Observed::Captured(_)));
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
