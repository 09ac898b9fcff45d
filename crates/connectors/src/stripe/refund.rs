//! Gives money back: finds the payment behind the session, then refunds it, with our attempt's id on the refund so that its messages
//! can be placed.

use super::form::{Form, segment};
use super::objects::{Refund, Session, note};
use super::reading::{Answer, Asked, look, read, strange};
use super::register::ATTEMPT_NOTE;
use super::{amounts, fetch};
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::Money;
use ducat_domain::payments::{Decline, DeclineCode, PspToken, RefundSeen, RefundState};

/// Under this name a refund carries our id.
pub(super) const REFUND_NOTE: &str = "ducat_refund";

pub(super) fn step(token: &PspToken, ours: &str, amount: Money, key: &str, replies: &[Reply]) -> Result<Step, Fault> {
    match replies {
        [] => fetch::request(token).map(Step::Send),
        [fetched] => request(&look(fetched)?, ours, amount, key),
        [.., refunded] => match read::<Refund>(refunded, Asked::Act)? {
            Answer::Good(refund) => seen(&refund).map(|seen| Step::Done(Outcome::Refunded(seen))),
            Answer::Refused(refusal) => Ok(Step::Done(Outcome::Refused(refusal.decline()))),
        },
    }
}

fn request(session: &Session, ours: &str, amount: Money, key: &str) -> Result<Step, Fault> {
    let payment = session.payment_id().ok_or(Fault::Invalid("nothing was paid that could be given back"))?;
    let attempt = note(&session.metadata, ATTEMPT_NOTE).or(session.client_reference_id.as_deref());
    let form = Form::new()
        .with("payment_intent", segment(payment)?)
        .with("amount", &amounts::to_wire(amount)?.to_string())
        .with_some(&format!("metadata[{ATTEMPT_NOTE}]"), attempt)
        .with(&format!("metadata[{REFUND_NOTE}]"), ours);
    Ok(Step::Send(form.post("/v1/refunds", format!("{key}:refund"))))
}

/// A refund in our words.
pub(super) fn seen(refund: &Refund) -> Result<RefundSeen, Fault> {
    let state = match refund.status.as_deref() {
        Some("succeeded") => RefundState::Succeeded,
        Some("pending" | "requires_action") => RefundState::Pending,
        Some("failed" | "canceled") => RefundState::Failed,
        status => return Err(strange("the status of a refund:", status)),
    };
    let failure = (state == RefundState::Failed).then(|| Decline {
        psp_code: refund.failure_reason.clone().or_else(|| refund.status.clone()),
        psp_ref: Some(refund.id.clone()),
        ..Decline::of(DeclineCode::RefusedByPsp)
    });
    Ok(RefundSeen {
        psp_refund: refund.id.clone(),
        ours: note(&refund.metadata, REFUND_NOTE).and_then(|text| text.parse().ok()),
        amount: amounts::from_wire(refund.amount, refund.currency.as_deref())?,
        state,
        failure,
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ATTEMPT, done, error, field, json, paid, sent, session};
    use super::*;
    use serde_json::json as value;

    const OURS: &str = "re_06axqp2m00e008000000000000";

    fn refund(seen: &[Reply]) -> Result<Step, Fault> {
        let amount = Money::new(1_500, "EUR".parse().unwrap());
        step(&PspToken("cs_test_1".into()), OURS, amount, OURS, seen)
    }

    fn answered(status: &str) -> Result<Step, Fault> {
        let refunded = value!({
            "id": "re_9", "object": "refund", "status": status, "amount": 1_500, "currency": "eur", "metadata": {"ducat_refund": OURS},
        });
        refund(&[json(&paid()), json(&refunded)])
    }

    #[test]
    fn a_refund_names_the_payment_the_amount_and_our_attempt() {
        let request = sent(refund(&[json(&paid())]));
        assert_eq!(
            (request.path.as_str(), request.key.as_deref()),
            ("/v1/refunds", Some("re_06axqp2m00e008000000000000:refund"))
        );
        assert_eq!(field(&request, "payment_intent").as_deref(), Some("pi_1"));
        assert_eq!(field(&request, "amount").as_deref(), Some("1500"));
        assert_eq!(field(&request, "metadata[ducat_attempt]").as_deref(), Some(ATTEMPT));
    }

    #[test]
    fn every_status_of_a_refund_is_mapped() {
        for (status, state) in [
            ("succeeded", RefundState::Succeeded),
            ("pending", RefundState::Pending),
            ("requires_action", RefundState::Pending),
            ("failed", RefundState::Failed),
            ("canceled", RefundState::Failed),
        ] {
            let Outcome::Refunded(seen) = done(answered(status)) else { panic!("{status}") };
            assert_eq!((seen.state, seen.psp_refund.as_str(), seen.amount.minor), (state, "re_9", 1_500), "{status}");
            assert_eq!((seen.ours, seen.failure.is_some()), (OURS.parse().ok(), state == RefundState::Failed), "{status}");
        }
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
