//! How a registration stands, by its session and the payment behind it. Where money has moved, the payment's word counts; the session
//! tells the rest. A combination that Stripe does not document is refused, never guessed at.

use super::amounts::from_wire;
use super::declines::{card, decline};
use super::objects::{Charge, Expandable, PaymentIntent, Session};
use super::reading::strange;
use super::refund;
use crate::{Fault, Fees};
use ducat_domain::payments::{CardMode, Fee, Observation, Observed, PspToken, RefundSeen};

/// Everything a session tells. Its payment must have been expanded where the session is complete.
pub(super) fn of_session(session: &Session) -> Result<Observation, Fault> {
    let state = match (session.status.as_deref(), session.payment()) {
        (Some("open" | "complete" | "expired"), Some(payment)) if is_decided(payment) => of_payment(payment)?,
        (Some("open"), None) => Observed::Open,
        (Some("open"), Some(payment)) => while_open(payment)?,
        (Some("expired"), _) => Observed::Expired,
        (Some("complete"), Some(payment)) => of_payment(payment)?,
        (Some("complete"), None) => return Err(Fault::Protocol("a complete session without its payment".into())),
        (status, _) => return Err(strange("the status of a session:", status)),
    };
    let payment = session.payment();
    let mode = if session.livemode == Some(false) { CardMode::Test } else { CardMode::Live };
    let refusal = payment.and_then(|p| p.last_payment_error.as_ref());
    Ok(Observation {
        token: PspToken(session.id.clone()),
        psp_payment: session.payment_id().map(str::to_owned),
        redirect_url: if state == Observed::Open { session.url.clone() } else { None },
        state,
        decline: refusal.map(decline),
        card: refusal.and_then(|error| card(error, mode)).map(Box::new),
        fees: payment.map_or(Ok(Fees::new()), fees)?,
        refunds: refunds(payment)?,
        disputes: Vec::new(),
    })
}

/// What is known of a registration after acting on its payment.
pub(super) fn after(session: &Session, payment: PaymentIntent) -> Result<Observation, Fault> {
    let payment_intent = Some(Expandable::Object(Box::new(payment)));
    of_session(&Session { payment_intent, ..session.clone() })
}

/// Whether the payment says more than any session could.
fn is_decided(payment: &PaymentIntent) -> bool {
    matches!(payment.status.as_deref(), Some("succeeded" | "requires_capture"))
}

/// The customer is on the page: what was refused may be tried again.
fn while_open(payment: &PaymentIntent) -> Result<Observed, Fault> {
    match payment.status.as_deref() {
        Some("requires_payment_method" | "requires_confirmation" | "requires_action") => Ok(Observed::Open),
        Some("processing") => Ok(Observed::Processing),
        status => Err(strange("an open session with a payment that is", status)),
    }
}

/// The customer is through.
fn of_payment(payment: &PaymentIntent) -> Result<Observed, Fault> {
    let amount = |units| from_wire(units, payment.currency.as_deref());
    match payment.status.as_deref() {
        Some("succeeded") => amount(payment.amount_received).map(Observed::Captured),
        // With several captures, what is held is what was not taken yet.
        Some("requires_capture") => {
            let (held, captured) = (amount(payment.amount_capturable)?, amount(payment.amount_received.or(Some(0)))?);
            let authorized = held.plus(captured).map_err(|_| Fault::Protocol("amounts out of range".into()))?;
            Ok(Observed::Held { authorized, captured })
        }
        // A voucher or a bank transfer waits for the customer after the session is complete.
        Some("processing" | "requires_action" | "requires_confirmation") => Ok(Observed::Processing),
        // Nobody can give another method any more: a delayed payment failed.
        Some("requires_payment_method") => Ok(Observed::Failed),
        // What was taken before the rest was let go stays taken.
        Some("canceled") if payment.amount_received.is_some_and(|units| units > 0) => {
            amount(payment.amount_received).map(Observed::Captured)
        }
        Some("canceled") => Ok(canceled(payment)),
        status => Err(strange("the status of a payment:", status)),
    }
}

/// Stripe cancels a payment by itself when its hold lapses.
fn canceled(payment: &PaymentIntent) -> Observed {
    match payment.cancellation_reason.as_deref() {
        Some("automatic" | "expired") => Observed::Expired,
        _ => Observed::Canceled,
    }
}

/// What was given back, as far as the answer holds it.
fn refunds(payment: Option<&PaymentIntent>) -> Result<Vec<RefundSeen>, Fault> {
    let charge = payment.and_then(|payment| payment.latest_charge.as_ref()).and_then(Expandable::object);
    charge.and_then(|charge| charge.refunds.as_ref()).map_or(Ok(Vec::new()), |refunds| refund::all(&refunds.data))
}

/// What Stripe kept of the charge, where it says so already. A payment that is captured in parts has a line for each, of which this is
/// one; the statement tells them all.
fn fees(payment: &PaymentIntent) -> Result<Fees, Fault> {
    let line = payment
        .latest_charge
        .as_ref()
        .and_then(Expandable::object)
        .and_then(|charge: &Charge| charge.balance_transaction.as_ref())
        .and_then(Expandable::object);
    let Some(line) = line else { return Ok(Fees::new()) };
    let amount = from_wire(line.fee, line.currency.as_deref())?;
    match amount.minor {
        0 => Ok(Fees::new()),
        1.. => Ok(vec![Fee { psp_line: line.id.clone(), amount }]),
        _ => Err(Fault::Protocol("a negative fee".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{paid, payment, session, session_with};
    use super::*;
    use ducat_domain::Money;
    use ducat_domain::payments::{CardNetwork, DeclineCode};
    use serde_json::{Value, json};

    fn of(value: Value) -> Result<Observation, Fault> {
        of_session(&serde_json::from_value(value).unwrap())
    }

    fn state(value: Value) -> Result<Observed, Fault> {
        of(value).map(|o| o.state)
    }

    fn eur(minor: i64) -> Money {
        Money::new(minor, "EUR".parse().unwrap())
    }

    #[test]
    fn an_open_session_has_a_page_for_the_customer() {
        let seen = of(session("open")).unwrap();
        assert_eq!(seen.state, Observed::Open);
        assert_eq!(seen.redirect_url.as_deref(), Some("https://checkout.stripe.com/c/pay/cs_test_1"));
        assert_eq!((seen.psp_payment, seen.decline, seen.fees), (None, None, vec![]));
    }

    #[test]
    fn a_paid_session_tells_the_money_and_the_fee_by_stripe_s_own_line() {
        let seen = of(paid()).unwrap();
        assert_eq!(seen.state, Observed::Captured(eur(4_999)));
        assert_eq!(seen.redirect_url, None);
        assert_eq!(seen.psp_payment.as_deref(), Some("pi_1"));
        assert_eq!(seen.fees, vec![Fee { psp_line: "txn_1".into(), amount: Money::new(175, "USD".parse().unwrap()) }]);
    }

    #[test]
    fn a_decline_leaves_the_session_open() {
        let mut declined = payment("requires_payment_method");
        declined["last_payment_error"] =
            json!({"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "charge": "ch_9"});
        let seen = of(session_with("open", declined)).unwrap();
        let decline = seen.decline.unwrap();
        assert_eq!(seen.state, Observed::Open);
        assert_eq!((decline.code, decline.psp_ref.as_deref()), (DeclineCode::InsufficientFunds, Some("ch_9")));
        assert_eq!(seen.card, None);
        assert!(seen.redirect_url.is_some());
    }

    #[test]
    fn the_card_of_a_decline_is_a_live_one_unless_stripe_says_that_it_is_for_tests() {
        let mut declined = payment("requires_payment_method");
        declined["last_payment_error"] = json!({"code": "card_declined", "payment_method": {"id": "pm_1", "card": {"brand": "mastercard", "fingerprint": "fp"}}});
        for (livemode, mode) in [(json!(true), CardMode::Live), (json!(false), CardMode::Test), (Value::Null, CardMode::Live)] {
            let mut session = session_with("open", declined.clone());
            session["livemode"] = livemode;
            let card = of(session).unwrap().card.unwrap();
            assert_eq!((card.mode, card.network), (mode, CardNetwork::Mastercard));
        }
    }

    #[test]
    fn every_status_of_a_complete_session_s_payment_is_mapped() {
        for (status, expected) in [
            ("processing", Observed::Processing),
            ("requires_action", Observed::Processing),
            ("requires_confirmation", Observed::Processing),
            ("requires_capture", Observed::Held { authorized: eur(4_999), captured: eur(0) }),
            ("succeeded", Observed::Captured(eur(4_999))),
            ("requires_payment_method", Observed::Failed),
            ("canceled", Observed::Canceled),
        ] {
            assert_eq!(state(session_with("complete", payment(status))), Ok(expected), "{status}");
        }
    }

    #[test]
    fn every_status_of_an_open_session_s_payment_is_mapped() {
        for status in ["requires_payment_method", "requires_confirmation", "requires_action"] {
            assert_eq!(state(session_with("open", payment(status))), Ok(Observed::Open), "{status}");
        }
        assert_eq!(state(session_with("open", payment("processing"))), Ok(Observed::Processing));
        assert_eq!(state(session_with("open", json!("pi_1"))), Ok(Observed::Open));
    }

    #[test]
    fn money_is_believed_whatever_the_session_says() {
        for status in ["open", "complete", "expired"] {
            assert_eq!(state(session_with(status, payment("succeeded"))), Ok(Observed::Captured(eur(4_999))), "{status}");
        }
    }

    #[test]
    fn an_expired_session_is_expired_and_so_is_a_hold_that_lapsed() {
        assert_eq!(state(session("expired")), Ok(Observed::Expired));
        assert_eq!(state(session_with("expired", payment("canceled"))), Ok(Observed::Expired));
        let mut lapsed = payment("canceled");
        lapsed["cancellation_reason"] = json!("automatic");
        assert_eq!(state(session_with("complete", lapsed)), Ok(Observed::Expired));
    }

    #[test]
    fn words_that_did_not_exist_are_never_guessed_at() {
        for strange in [
            session("dormant"),
            session_with("complete", payment("requires_blessing")),
            session_with("open", payment("canceled")),
            session_with("complete", json!("pi_1")),
            session("complete"),
        ] {
            assert!(matches!(state(strange.clone()), Err(Fault::Protocol(_))), "{strange}");
        }
    }

    #[test]
    fn a_fee_that_is_not_told_yet_is_no_fee() {
        let mut early = paid();
        early["payment_intent"]["latest_charge"]["balance_transaction"] = Value::Null;
        assert_eq!(of(early.clone()).unwrap().fees, vec![]);
        early["payment_intent"]["latest_charge"] = json!("ch_1");
        assert_eq!(of(early).unwrap().fees, vec![]);
    }

    #[test]
    fn what_was_taken_of_a_hold_and_what_is_still_held_are_told_apart() {
        let mut part = payment("requires_capture");
        part["amount_received"] = json!(1_000);
        part["amount_capturable"] = json!(3_999);
        let held = Observed::Held { authorized: eur(4_999), captured: eur(1_000) };
        assert_eq!(state(session_with("complete", part)), Ok(held));
    }

    #[test]
    fn what_was_taken_before_the_rest_was_let_go_stays_taken() {
        let mut part = payment("canceled");
        part["amount_received"] = json!(1_000);
        assert_eq!(state(session_with("complete", part)), Ok(Observed::Captured(eur(1_000))));
    }

    #[test]
    fn a_part_that_was_captured_is_the_amount() {
        let mut part = paid();
        part["payment_intent"]["amount_received"] = json!(1_000);
        assert_eq!(state(part), Ok(Observed::Captured(eur(1_000))));
    }
}
