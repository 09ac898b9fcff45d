//! What each line of Stripe's statement is: one table for every type of balance transaction, and what the object behind a line tells of
//! it. A line that cannot be placed is told as such; none is left out.

use super::amounts::from_wire;
use super::objects::{BalanceTransaction, Charge, Dispute, Payout, Refund, id_of};
use super::payout;
use crate::Fault;
use ducat_domain::settlement::{LineAbout, LineKind, StatementLine};
use ducat_domain::{Money, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Every type that Stripe documents: those of its OpenAPI document, and three more that its own libraries list. An `adjustment` is a dispute's where a dispute is behind it. A payment
/// that failed or was reversed on its way is a payment with a minus; nothing of it was taken in our books.
const KINDS: &[(&str, LineKind)] = &[
    ("adjustment", LineKind::Unplaced),
    ("advance", LineKind::Unplaced),
    ("advance_funding", LineKind::Unplaced),
    ("anticipation_repayment", LineKind::Unplaced),
    ("application_fee", LineKind::Unplaced),
    ("application_fee_refund", LineKind::Unplaced),
    ("charge", LineKind::Charge),
    ("climate_order_purchase", LineKind::Unplaced),
    ("climate_order_refund", LineKind::Unplaced),
    ("connect_collection_transfer", LineKind::Unplaced),
    ("contribution", LineKind::Unplaced),
    ("fee_credit_funding", LineKind::Unplaced),
    ("inbound_transfer", LineKind::Unplaced),
    ("inbound_transfer_reversal", LineKind::Unplaced),
    ("issuing_authorization_hold", LineKind::Unplaced),
    ("issuing_authorization_release", LineKind::Unplaced),
    ("issuing_dispute", LineKind::Unplaced),
    ("issuing_dispute_provisional_credit", LineKind::Unplaced),
    ("issuing_dispute_provisional_credit_reversal", LineKind::Unplaced),
    ("issuing_transaction", LineKind::Unplaced),
    ("obligation_outbound", LineKind::Unplaced),
    ("obligation_reversal_inbound", LineKind::Unplaced),
    ("payment", LineKind::Charge),
    ("payment_failure_refund", LineKind::Charge),
    ("payment_network_reserve_hold", LineKind::Reserve),
    ("payment_network_reserve_release", LineKind::Reserve),
    ("payment_refund", LineKind::Refund),
    ("payment_reversal", LineKind::Charge),
    ("payment_unreconciled", LineKind::Unplaced),
    ("payout", LineKind::Payout),
    ("payout_cancel", LineKind::PayoutReturned),
    ("payout_failure", LineKind::PayoutReturned),
    ("payout_minimum_balance_hold", LineKind::Reserve),
    ("payout_minimum_balance_release", LineKind::Reserve),
    ("refund", LineKind::Refund),
    ("refund_failure", LineKind::RefundReturned),
    ("reserve_hold", LineKind::Reserve),
    ("reserve_release", LineKind::Reserve),
    ("reserve_transaction", LineKind::Reserve),
    ("reserved_funds", LineKind::Reserve),
    ("stripe_balance_payment_debit", LineKind::Unplaced),
    ("stripe_balance_payment_debit_reversal", LineKind::Unplaced),
    ("stripe_fee", LineKind::PspFee),
    ("stripe_fx_fee", LineKind::FxFee),
    ("tax_fee", LineKind::PspFee),
    ("tax_fund", LineKind::Unplaced),
    ("topup", LineKind::Unplaced),
    ("topup_reversal", LineKind::Unplaced),
    ("transfer", LineKind::Unplaced),
    ("transfer_cancel", LineKind::Unplaced),
    ("transfer_failure", LineKind::Unplaced),
    ("transfer_refund", LineKind::Unplaced),
];

/// How much of its charge a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All that was taken.
    Whole,
    /// One of several captures. Stripe does not say of which amount in the payment's currency.
    Part,
}

/// The object behind a line.
enum Source {
    Charge(Charge),
    Refund(Refund),
    Dispute(Dispute),
    Payout(Payout),
    Other,
}

/// The charge of which it must be found out whether the line is all of it: it was settled in another currency, and may have been captured
/// in parts.
pub(super) fn in_doubt(line: &BalanceTransaction) -> Option<String> {
    let Source::Charge(charge) = source(line) else { return None };
    let converted = charge.currency != line.currency;
    (converted && is_capture(line) && charge.takes_parts() == Some(true)).then_some(charge.id).flatten()
}

/// Whether the line is money that was taken.
pub(super) fn is_capture(line: &BalanceTransaction) -> bool {
    matches!(line.kind.as_deref(), Some("charge" | "payment")) && line.amount.is_some_and(|amount| amount > 0)
}

/// A line in our words.
pub(super) fn read(line: &BalanceTransaction, extent: Extent) -> Result<StatementLine, Fault> {
    let psp_kind = line.kind.clone().unwrap_or_default();
    let currency = line.currency.as_deref();
    let amount = from_wire(line.amount, currency)?;
    let source = source(line);
    let created = line.created.ok_or_else(|| Fault::Protocol("a balance transaction without its time".into()))?;
    let converted = psp_currency(&source).is_some_and(|theirs| Some(theirs) != currency);
    let paid = if converted { paid(&source, amount, extent) } else { None };
    let kind = match kind(&psp_kind, &source) {
        // Its books would be wrong by the conversion: a person has to look.
        LineKind::Charge | LineKind::Refund | LineKind::RefundReturned | LineKind::Dispute if converted && paid.is_none() => {
            LineKind::Unplaced
        }
        kind => kind,
    };
    Ok(StatementLine {
        psp_line: line.id.clone(),
        kind,
        psp_kind,
        about: about(kind, &source),
        amount,
        paid,
        fee: from_wire(Some(line.fee.unwrap_or(0)), currency)?,
        created_at: Timestamp::from_seconds(created),
    })
}

fn kind(word: &str, source: &Source) -> LineKind {
    if word == "adjustment" && matches!(source, Source::Dispute(_)) {
        return LineKind::Dispute;
    }
    KINDS.iter().find(|(theirs, _)| *theirs == word).map_or(LineKind::Unplaced, |(_, ours)| *ours)
}

fn about(kind: LineKind, source: &Source) -> LineAbout {
    let payment = match (kind, source) {
        (LineKind::Payout | LineKind::PayoutReturned, Source::Payout(payout)) => {
            return payout::seen(payout).map_or(LineAbout::Nothing, LineAbout::Payout);
        }
        (LineKind::Charge, Source::Charge(charge)) => id_of(charge.payment_intent.as_ref()),
        (LineKind::Charge | LineKind::Refund | LineKind::RefundReturned, Source::Refund(refund)) => {
            id_of(refund.payment_intent.as_ref())
        }
        (LineKind::Refund | LineKind::RefundReturned, Source::Charge(charge)) => id_of(charge.payment_intent.as_ref()),
        (LineKind::Dispute, Source::Dispute(dispute)) => id_of(dispute.payment_intent.as_ref()),
        _ => None,
    };
    payment.map_or(LineAbout::Nothing, |id| LineAbout::Payment(id.to_owned()))
}

/// The currency of the payment behind a line.
fn psp_currency(source: &Source) -> Option<&str> {
    match source {
        Source::Charge(charge) => charge.currency.as_deref(),
        Source::Refund(refund) => refund.currency.as_deref(),
        Source::Dispute(dispute) => dispute.currency.as_deref(),
        Source::Payout(_) | Source::Other => None,
    }
}

/// The line's amount in the payment's currency, where Stripe says it exactly. Its exchange rate has too few digits to work it out.
fn paid(source: &Source, amount: Money, extent: Extent) -> Option<Money> {
    let units = match source {
        Source::Charge(charge) if extent == Extent::Whole && amount.minor > 0 => {
            charge.amount_captured.filter(|units| *units > 0).or(charge.amount)
        }
        Source::Refund(refund) => refund.amount,
        Source::Dispute(dispute) => dispute.amount,
        _ => None,
    };
    let units = units.filter(|units| *units > 0)?.checked_mul(amount.minor.signum())?;
    from_wire(Some(units), psp_currency(source)).ok().filter(|paid| paid.minor != 0)
}

fn source(line: &BalanceTransaction) -> Source {
    fn as_a<T: DeserializeOwned>(value: &Value, what: impl Fn(T) -> Source) -> Source {
        serde_json::from_value(value.clone()).map_or(Source::Other, what)
    }
    let Some(value) = &line.source else { return Source::Other };
    match value.get("object").and_then(Value::as_str) {
        Some("charge") => as_a(value, Source::Charge),
        Some("refund") => as_a(value, Source::Refund),
        Some("dispute") => as_a(value, Source::Dispute),
        Some("payout") => as_a(value, Source::Payout),
        _ => Source::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{disputed, refund};
    use super::*;
    use serde_json::json;

    /// From Stripe's own document and its page on the types.
    const STRIPE_S: &str = "adjustment advance advance_funding anticipation_repayment application_fee application_fee_refund charge \
        climate_order_purchase climate_order_refund connect_collection_transfer contribution fee_credit_funding inbound_transfer \
        inbound_transfer_reversal issuing_authorization_hold issuing_authorization_release issuing_dispute \
        issuing_dispute_provisional_credit issuing_dispute_provisional_credit_reversal issuing_transaction obligation_outbound \
        obligation_reversal_inbound payment payment_failure_refund payment_network_reserve_hold payment_network_reserve_release \
        payment_refund payment_reversal payment_unreconciled payout payout_cancel payout_failure payout_minimum_balance_hold \
        payout_minimum_balance_release refund refund_failure reserve_hold reserve_release reserve_transaction reserved_funds \
        stripe_balance_payment_debit stripe_balance_payment_debit_reversal stripe_fee stripe_fx_fee tax_fee tax_fund topup \
        topup_reversal transfer transfer_cancel transfer_failure transfer_refund";

    fn line(kind: &str, amount: i64, source: Value) -> BalanceTransaction {
        let line = json!({
            "id": "txn_1", "object": "balance_transaction", "type": kind, "amount": amount, "fee": 30, "currency": "usd",
            "created": 1_795_253_400, "source": source,
        });
        serde_json::from_value(line).unwrap()
    }

    fn told(kind: &str, amount: i64, source: Value) -> StatementLine {
        read(&line(kind, amount, source), Extent::Whole).unwrap()
    }

    fn charge() -> Value {
        json!({
            "id": "ch_1", "object": "charge", "amount": 4_999, "amount_captured": 4_000, "currency": "eur", "payment_intent": "pi_1",
            "payment_method_details": {"type": "card", "card": {"multicapture": {"status": "available"}}},
        })
    }

    fn eur(minor: i64) -> Option<Money> {
        Some(Money::new(minor, "EUR".parse().unwrap()))
    }

    #[test]
    fn every_type_of_stripe_s_is_in_the_table_once_and_a_new_one_is_unplaced_and_not_dropped() {
        let ours: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        assert_eq!((ours.len(), ours.join(" ")), (52, STRIPE_S.split_whitespace().collect::<Vec<_>>().join(" ")));
        let new = told("moon_landing", -500, Value::Null);
        assert_eq!((new.kind, new.psp_kind.as_str(), new.about), (LineKind::Unplaced, "moon_landing", LineAbout::Nothing));
        assert_eq!((new.amount.minor, new.fee.minor), (-500, 30));
    }

    #[test]
    fn lines_of_payments_are_placed_by_the_payment_with_what_was_paid() {
        let payment = || LineAbout::Payment("pi_1".into());
        for (word, amount, source, kind, paid) in [
            ("charge", 4_340, charge(), LineKind::Charge, eur(4_000)),
            ("refund", -1_620, refund("re_1", "succeeded"), LineKind::Refund, eur(-1_500)),
            ("refund_failure", 1_620, refund("re_1", "failed"), LineKind::RefundReturned, eur(1_500)),
            ("adjustment", -5_420, disputed("needs_response"), LineKind::Dispute, eur(-4_999)),
            ("adjustment", 5_420, disputed("won"), LineKind::Dispute, eur(4_999)),
        ] {
            let line = told(word, amount, source);
            assert_eq!((line.kind, line.about, line.paid), (kind, payment(), paid), "{word} {amount}");
        }
    }

    #[test]
    fn without_a_conversion_what_was_paid_is_the_amount() {
        let mut same = charge();
        same["currency"] = json!("usd");
        let line = told("charge", 4_000, same.clone());
        assert_eq!((line.paid, line.kind), (None, LineKind::Charge));
        assert_eq!(in_doubt(&super::tests::line("charge", 4_000, same)), None);
    }

    #[test]
    fn a_part_in_another_currency_is_not_worked_out_and_not_guessed_at() {
        let doubtful = line("charge", 2_000, charge());
        assert_eq!(in_doubt(&doubtful).as_deref(), Some("ch_1"));
        let part = read(&doubtful, Extent::Part).unwrap();
        assert_eq!((part.kind, part.about, part.paid), (LineKind::Unplaced, LineAbout::Nothing, None));
        let mut once = charge();
        once["payment_method_details"]["card"]["multicapture"]["status"] = json!("unavailable");
        assert_eq!(in_doubt(&line("charge", 4_340, once)), None);
    }

    #[test]
    fn payouts_are_told_with_their_lines() {
        let payout = json!({
            "id": "po_1", "object": "payout", "amount": 700, "currency": "usd", "status": "failed", "arrival_date": 1, "created": 1,
        });
        for (word, kind) in [
            ("payout", LineKind::Payout),
            ("payout_failure", LineKind::PayoutReturned),
            ("payout_cancel", LineKind::PayoutReturned),
        ] {
            let line = told(word, -700, payout.clone());
            assert_eq!(line.kind, kind);
            assert!(matches!(line.about, LineAbout::Payout(seen) if seen.psp_payout == "po_1" && seen.amount.minor == 700));
        }
    }

    #[test]
    fn what_is_behind_a_line_and_cannot_be_read_leaves_the_line_unplaced() {
        for source in [Value::Null, json!("ch_1"), json!({"object": "charge", "amount": "much"}), json!({"object": "topup"})] {
            assert_eq!(told("charge", 100, source.clone()).about, LineAbout::Nothing, "{source}");
        }
        assert_eq!(told("adjustment", -100, charge()).kind, LineKind::Unplaced);
    }

    #[test]
    fn a_line_whose_own_amount_cannot_be_read_is_refused() {
        let mut strange = line("charge", 100, Value::Null);
        strange.currency = Some("xyz".into());
        assert!(matches!(read(&strange, Extent::Whole), Err(Fault::Protocol(_))));
    }
}
