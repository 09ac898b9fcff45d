//! Gives money back: finds the payment behind the session, then refunds it, with our attempt's id on the refund so that its messages
//! can be placed.

use super::form::{Form, segment};
use super::objects::{Refund, Session, note};
use super::reading::{Answer, Asked, look, read, strange};
use super::register::ATTEMPT_NOTE;
use super::{amounts, fetch};
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::Money;
use ducat_domain::payments::{Decline, DeclineCode, PspToken};

pub(super) fn step(token: &PspToken, amount: Money, key: &str, seen: &[Reply]) -> Result<Step, Fault> {
    match seen {
        [] => fetch::request(token).map(Step::Send),
        [fetched] => request(&look(fetched)?, amount, key),
        [.., refunded] => match read::<Refund>(refunded, Asked::Act)? {
            Answer::Good(refund) => outcome(refund).map(Step::Done),
            Answer::Refused(refusal) => Ok(Step::Done(Outcome::Refused(refusal.decline()))),
        },
    }
}

fn request(session: &Session, amount: Money, key: &str) -> Result<Step, Fault> {
    let payment = session.payment_id().ok_or(Fault::Invalid("nothing was paid that could be given back"))?;
    let attempt = note(&session.metadata, ATTEMPT_NOTE).or(session.client_reference_id.as_deref());
    let form = Form::new()
        .with("payment_intent", segment(payment)?)
        .with("amount", &amounts::to_wire(amount)?.to_string())
        .with_some(&format!("metadata[{ATTEMPT_NOTE}]"), attempt);
    Ok(Step::Send(form.post("/v1/refunds", format!("{key}:refund"))))
}

fn outcome(refund: Refund) -> Result<Outcome, Fault> {
    let psp_refund = refund.id;
    match refund.status.as_deref() {
        Some("succeeded") => Ok(Outcome::Refunded { psp_refund, settled: true }),
        Some("pending" | "requires_action") => Ok(Outcome::Refunded { psp_refund, settled: false }),
        Some(status @ ("failed" | "canceled")) => {
            let word = refund.failure_reason.unwrap_or_else(|| status.to_owned());
            let decline = Decline { code: DeclineCode::RefusedByPsp, psp_code: Some(word), psp_ref: Some(psp_refund) };
            Ok(Outcome::Refused(decline))
        }
        status => Err(strange("the status of a refund:", status)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ATTEMPT, done, error, field, json, paid, sent, session};
    use super::*;
    use serde_json::json as value;

    fn refund(seen: &[Reply]) -> Result<Step, Fault> {
        let amount = Money::new(1_500, "EUR".parse().unwrap());
        step(&PspToken("cs_test_1".into()), amount, "re_1", seen)
    }

    fn answered(status: &str) -> Result<Step, Fault> {
        refund(&[json(&paid()), json(&value!({"id": "re_9", "object": "refund", "status": status}))])
    }

    #[test]
    fn a_refund_names_the_payment_the_amount_and_our_attempt() {
        let request = sent(refund(&[json(&paid())]));
        assert_eq!((request.path.as_str(), request.key.as_deref()), ("/v1/refunds", Some("re_1:refund")));
        assert_eq!(field(&request, "payment_intent").as_deref(), Some("pi_1"));
        assert_eq!(field(&request, "amount").as_deref(), Some("1500"));
        assert_eq!(field(&request, "metadata[ducat_attempt]").as_deref(), Some(ATTEMPT));
    }

    #[test]
    fn every_status_of_a_refund_is_mapped() {
        let refunded = |settled| Outcome::Refunded { psp_refund: "re_9".into(), settled };
        assert_eq!(done(answered("succeeded")), refunded(true));
        assert_eq!(done(answered("pending")), refunded(false));
        assert_eq!(done(answered("requires_action")), refunded(false));
        assert!(matches!(done(answered("failed")), Outcome::Refused(_)));
        assert!(matches!(done(answered("canceled")), Outcome::Refused(_)));
        assert!(matches!(answered("postponed"), Err(Fault::Protocol(_))));
    }

    #[test]
    fn what_was_refunded_already_is_refused_with_stripe_s_code() {
        let refused = error(400, "invalid_request_error", Some("charge_already_refunded"));
        let Outcome::Refused(decline) = done(refund(&[json(&paid()), refused])) else { panic!() };
        assert_eq!(decline.psp_code.as_deref(), Some("charge_already_refunded"));
    }

    #[test]
    fn what_nobody_paid_is_not_sent() {
        assert!(matches!(refund(&[json(&session("open"))]), Err(Fault::Invalid(_))));
    }
}
