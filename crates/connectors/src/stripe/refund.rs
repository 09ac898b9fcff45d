//! Gives money back: finds the payment behind the session, then refunds it, with our ids on the refund so that it is found again and its
//! messages can be placed. A refund of ours that is there already is told as it stands.

use super::declines;
use super::form::{Form, clip, segment};
use super::objects::{Refund, Session, note};
use super::reading::{Answer, Asked as Wanted, look, read, strange};
use super::register::{ATTEMPT_NOTE, NOTE_LIMIT};
use super::{amounts, fetch};
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::Money;
use ducat_domain::payments::{Decline, PspToken, RefundSeen, RefundState};

/// Under this name a refund carries our id.
pub(super) const REFUND_NOTE: &str = "ducat_refund";
/// Under this name it carries a reason that is none of Stripe's own.
const REASON_NOTE: &str = "reason";
/// The reasons that Stripe has words for.
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];
/// Under this reason Stripe shows a hold that it let go: no money had moved.
const NEVER_TAKEN: &str = "expired_uncaptured_charge";

/// What is to be given back.
pub(super) struct Asked<'a> {
    /// Our id of the refund.
    pub ours: &'a str,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: Option<&'a str>,
}

pub(super) fn step(token: &PspToken, asked: &Asked<'_>, key: &str, replies: &[Reply]) -> Result<Step, Fault> {
    match replies {
        [] => fetch::request(token).map(Step::Send),
        [fetched] => request(&look(fetched)?, asked, key),
        [.., refunded] => match read::<Refund>(refunded, Wanted::Act)? {
            Answer::Good(refund) => seen(&refund).map(|seen| Step::Done(Outcome::Refunded(seen))),
            Answer::Refused(refusal) => {
                let decline = refusal.decline();
                let code = declines::of_refund(decline.psp_code.as_deref()).unwrap_or(decline.code);
                Ok(Step::Done(Outcome::Refused(Decline { code, ..decline })))
            }
        },
    }
}

fn request(session: &Session, asked: &Asked<'_>, key: &str) -> Result<Step, Fault> {
    let payment = session.payment_id().ok_or(Fault::Invalid("nothing was paid that could be given back"))?;
    let refunds = fetch::charge(session).and_then(|charge| charge.refunds.as_ref());
    let ours = |refund: &&Refund| note(&refund.metadata, REFUND_NOTE) == Some(asked.ours);
    if let Some(there) = refunds.and_then(|refunds| refunds.data.iter().find(ours)) {
        return seen(there).map(|seen| Step::Done(Outcome::Refunded(seen)));
    }
    let attempt = note(&session.metadata, ATTEMPT_NOTE).or(session.client_reference_id.as_deref());
    let (word, text) = match asked.reason {
        Some(word) if REASONS.contains(&word) => (Some(word), None),
        text => (None, text.map(|text| clip(text, NOTE_LIMIT))),
    };
    let form = Form::new()
        .with("payment_intent", segment(payment)?)
        .with("amount", &amounts::to_wire(asked.amount)?.to_string())
        .with_some("reason", word)
        .with_some(&format!("metadata[{ATTEMPT_NOTE}]"), attempt)
        .with(&format!("metadata[{REFUND_NOTE}]"), asked.ours)
        .with_some(&format!("metadata[{REASON_NOTE}]"), text);
    Ok(Step::Send(form.post("/v1/refunds", format!("{key}:refund"))))
}

/// All of a payment's refunds that gave money back or were to.
pub(super) fn all(refunds: &[Refund]) -> Result<Vec<RefundSeen>, Fault> {
    refunds.iter().filter(|refund| gives_back(refund)).map(seen).collect()
}

/// Whether it is about money that was taken.
pub(super) fn gives_back(refund: &Refund) -> bool {
    refund.reason.as_deref() != Some(NEVER_TAKEN)
}

/// A refund in our words.
pub(super) fn seen(refund: &Refund) -> Result<RefundSeen, Fault> {
    let state = match refund.status.as_deref() {
        Some("succeeded") => RefundState::Succeeded,
        Some("pending" | "requires_action") => RefundState::Pending,
        Some("failed" | "canceled") => RefundState::Failed,
        status => return Err(strange("the status of a refund:", status)),
    };
    let word = refund.failure_reason.as_deref().or(refund.status.as_deref());
    let failure = (state == RefundState::Failed).then(|| Decline {
        psp_code: word.map(str::to_owned),
        psp_ref: Some(refund.id.clone()),
        ..Decline::of(declines::of_failed_refund(word))
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
    use super::super::samples::{ATTEMPT, done, error, field, json, paid, refund as sample, sent, session};
    use super::*;
    use ducat_domain::payments::DeclineCode;
    use serde_json::{Value, json as value};

    const OURS: &str = "re_06axqp2m00e008000000000000";

    fn because(reason: Option<&str>, seen: &[Reply]) -> Result<Step, Fault> {
        let asked = Asked { ours: OURS, amount: Money::new(1_500, "EUR".parse().unwrap()), reason };
        step(&PspToken("cs_test_1".into()), &asked, OURS, seen)
    }

    fn refund(seen: &[Reply]) -> Result<Step, Fault> {
        because(None, seen)
    }

    fn answered(change: &Value) -> Result<Step, Fault> {
        let mut refunded = sample("re_9", "succeeded");
        refunded["metadata"] = value!({"ducat_refund": OURS});
        for (name, given) in change.as_object().unwrap() {
            refunded[name] = given.clone();
        }
        refund(&[json(&paid()), json(&refunded)])
    }

    #[test]
    fn a_refund_names_the_payment_the_amount_our_attempt_and_our_id() {
        let request = sent(refund(&[json(&paid())]));
        assert_eq!(request.path, "/v1/refunds");
        assert_eq!(request.key.as_deref(), Some("re_06axqp2m00e008000000000000:refund"));
        assert_eq!(field(&request, "payment_intent").as_deref(), Some("pi_1"));
        assert_eq!(field(&request, "amount").as_deref(), Some("1500"));
        assert_eq!(field(&request, "metadata[ducat_attempt]").as_deref(), Some(ATTEMPT));
        assert_eq!(field(&request, "metadata[ducat_refund]").as_deref(), Some(OURS));
        assert_eq!((field(&request, "reason"), field(&request, "metadata[reason]")), (None, None));
    }

    #[test]
    fn a_reason_is_stripe_s_word_or_a_note() {
        for word in REASONS {
            let request = sent(because(Some(word), &[json(&paid())]));
            assert_eq!((field(&request, "reason").as_deref(), field(&request, "metadata[reason]")), (Some(word), None));
        }
        let long = "ü".repeat(600);
        let request = sent(because(Some(&long), &[json(&paid())]));
        assert_eq!(field(&request, "reason"), None);
        assert_eq!(field(&request, "metadata[reason]").unwrap().chars().count(), 500);
    }

    #[test]
    fn a_refund_of_ours_that_is_there_already_is_told_and_not_made_again() {
        let mut there = sample("re_9", "pending");
        there["metadata"] = value!({"ducat_refund": OURS});
        let mut session = paid();
        session["payment_intent"]["latest_charge"]["refunds"] =
            value!({"data": [sample("re_8", "succeeded"), there], "has_more": false});
        let Outcome::Refunded(seen) = done(refund(&[json(&session)])) else { panic!() };
        assert_eq!((seen.psp_refund.as_str(), seen.state), ("re_9", RefundState::Pending));
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
            let Outcome::Refunded(seen) = done(answered(&value!({"status": status}))) else { panic!("{status}") };
            assert_eq!((seen.state, seen.psp_refund.as_str(), seen.amount.minor), (state, "re_9", 1_500), "{status}");
            assert_eq!((seen.ours, seen.failure.is_some()), (OURS.parse().ok(), state == RefundState::Failed), "{status}");
        }
        assert!(matches!(answered(&value!({"status": "postponed"})), Err(Fault::Protocol(_))));
    }

    #[test]
    fn every_reason_for_a_failure_has_a_code_of_ours() {
        for (word, code) in [
            ("lost_or_stolen_card", DeclineCode::AccountClosed),
            ("expired_or_canceled_card", DeclineCode::AccountClosed),
            ("charge_for_pending_refund_disputed", DeclineCode::PaymentDisputed),
            ("insufficient_funds", DeclineCode::BalanceTooLow),
            ("declined", DeclineCode::RefundRejected),
            ("merchant_request", DeclineCode::RefundCanceled),
            ("unknown", DeclineCode::RefundRejected),
            ("a new one", DeclineCode::RefundRejected),
        ] {
            let Outcome::Refunded(seen) = done(answered(&value!({"status": "failed", "failure_reason": word}))) else { panic!() };
            let failure = seen.failure.unwrap();
            assert_eq!((failure.code, failure.psp_code.as_deref(), failure.psp_ref.as_deref()), (code, Some(word), Some("re_9")));
        }
        let Outcome::Refunded(seen) = done(answered(&value!({"status": "canceled"}))) else { panic!() };
        assert_eq!(seen.failure.unwrap().code, DeclineCode::RefundCanceled);
    }

    #[test]
    fn every_refusal_has_a_code_of_ours_beside_stripe_s() {
        for (word, code) in [
            ("charge_already_refunded", DeclineCode::AlreadyRefunded),
            ("charge_disputed", DeclineCode::PaymentDisputed),
            ("refund_disputed_payment", DeclineCode::PaymentDisputed),
            ("balance_insufficient", DeclineCode::BalanceTooLow),
            ("charge_not_refundable", DeclineCode::NotRefundable),
            ("parameter_invalid_integer", DeclineCode::RefusedByPsp),
        ] {
            let refused = error(400, "invalid_request_error", Some(word));
            let Outcome::Refused(decline) = done(refund(&[json(&paid()), refused])) else { panic!() };
            assert_eq!((decline.code, decline.psp_code.as_deref()), (code, Some(word)));
        }
    }

    #[test]
    fn a_hold_that_lapsed_is_no_refund_of_money() {
        let mut lapsed: Refund = serde_json::from_value(sample("re_1", "succeeded")).unwrap();
        lapsed.reason = Some(NEVER_TAKEN.into());
        assert_eq!(all(&[lapsed]), Ok(vec![]));
    }

    #[test]
    fn what_nobody_paid_is_not_sent() {
        assert!(matches!(refund(&[json(&session("open"))]), Err(Fault::Invalid(_))));
    }
}
