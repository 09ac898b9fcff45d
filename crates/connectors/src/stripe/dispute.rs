//! What a dispute of Stripe's says in our words. What moved is told by its balance transactions, and by nothing else.

use super::amounts::from_wire;
use super::objects::{BalanceTransaction, Dispute};
use super::reading::strange;
use crate::Fault;
use ducat_domain::Timestamp;
use ducat_domain::payments::{DisputeReason, DisputeSeen, DisputeStatus, Fee};

/// Stripe's reasons; `customer_initiated`, `general` and `noncompliant` say nothing more than that there is a dispute.
const REASONS: &[(&str, DisputeReason)] = &[
    ("bank_cannot_process", DisputeReason::BankReturned),
    ("check_returned", DisputeReason::BankReturned),
    ("credit_not_processed", DisputeReason::CreditNotProcessed),
    ("debit_not_authorized", DisputeReason::Fraudulent),
    ("duplicate", DisputeReason::Duplicate),
    ("fraudulent", DisputeReason::Fraudulent),
    ("incorrect_account_details", DisputeReason::BankReturned),
    ("insufficient_funds", DisputeReason::BankReturned),
    ("product_not_received", DisputeReason::NotReceived),
    ("product_unacceptable", DisputeReason::NotAsDescribed),
    ("subscription_canceled", DisputeReason::SubscriptionCanceled),
    ("unrecognized", DisputeReason::Unrecognized),
];

/// A dispute in our words.
pub(super) fn seen(dispute: &Dispute) -> Result<DisputeSeen, Fault> {
    let details = dispute.evidence_details.as_ref();
    let lines = &dispute.balance_transactions;
    let created = dispute.created.ok_or_else(|| Fault::Protocol("a dispute without its time".into()))?;
    Ok(DisputeSeen {
        psp_dispute: dispute.id.clone(),
        amount: from_wire(dispute.amount, dispute.currency.as_deref())?,
        reason: reason(dispute.reason.as_deref()),
        status: status(dispute.status.as_deref())?,
        // Zero where the bank takes no answer.
        evidence_due_at: details.and_then(|d| d.due_by).filter(|at| *at > 0).map(Timestamp::from_seconds),
        evidence_submitted: details.and_then(|d| d.submission_count).is_some_and(|count| count > 0),
        withdrawn: lines.iter().any(|line| line.amount.is_some_and(|amount| amount < 0)),
        returned: lines.iter().any(|line| line.amount.is_some_and(|amount| amount > 0)),
        fees: lines.iter().filter(|line| line.fee.is_some_and(|fee| fee != 0)).map(fee).collect::<Result<_, _>>()?,
        opened_at: Timestamp::from_seconds(created),
    })
}

/// What Stripe charged with a line; less than nothing where it gave a fee back.
fn fee(line: &BalanceTransaction) -> Result<Fee, Fault> {
    let amount = from_wire(line.fee, line.currency.as_deref())?;
    Ok(Fee { psp_line: line.id.clone(), amount })
}

fn reason(word: Option<&str>) -> DisputeReason {
    let known = word.and_then(|word| REASONS.iter().find(|(theirs, _)| *theirs == word));
    known.map_or(DisputeReason::Other, |(_, ours)| *ours)
}

fn status(word: Option<&str>) -> Result<DisputeStatus, Fault> {
    Ok(match word {
        Some("warning_needs_response") => DisputeStatus::InquiryNeedsResponse,
        Some("warning_under_review") => DisputeStatus::InquiryUnderReview,
        // A dispute that was prevented never became one.
        Some("warning_closed" | "prevented") => DisputeStatus::Closed,
        Some("needs_response") => DisputeStatus::NeedsResponse,
        Some("under_review") => DisputeStatus::UnderReview,
        Some("won") => DisputeStatus::Won,
        Some("lost") => DisputeStatus::Lost,
        status => return Err(strange("the status of a dispute:", status)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::disputed;
    use super::*;
    use ducat_domain::Money;
    use serde_json::{Value, json};

    fn read(value: Value) -> Result<DisputeSeen, Fault> {
        seen(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn a_dispute_tells_its_amount_in_the_payment_s_currency_and_the_fee_in_the_settlement_s() {
        let seen = read(disputed("needs_response")).unwrap();
        assert_eq!(seen.amount, Money::new(4_999, "EUR".parse().unwrap()));
        assert_eq!(seen.fees, [Fee { psp_line: "txn_2".into(), amount: Money::new(1_500, "USD".parse().unwrap()) }]);
        assert_eq!((seen.withdrawn, seen.returned, seen.evidence_submitted), (true, false, false));
        assert_eq!(seen.evidence_due_at, Some(Timestamp::from_seconds(1_796_031_000)));
        assert_eq!(seen.opened_at, Timestamp::from_seconds(1_795_253_400));
    }

    #[test]
    fn money_that_came_back_is_told_with_the_fee_that_came_back() {
        let mut won = disputed("won");
        let back = json!({"id": "txn_3", "amount": 5_420, "fee": -1_500, "currency": "usd"});
        won["balance_transactions"].as_array_mut().unwrap().push(back);
        won["evidence_details"]["submission_count"] = json!(1);
        let seen = read(won).unwrap();
        assert_eq!((seen.withdrawn, seen.returned, seen.evidence_submitted), (true, true, true));
        assert_eq!(seen.fees.iter().map(|fee| fee.amount.minor).collect::<Vec<_>>(), [1_500, -1_500]);
    }

    #[test]
    fn an_inquiry_moves_nothing_and_a_bank_that_takes_no_answer_has_no_date() {
        let mut inquiry = disputed("warning_needs_response");
        inquiry["balance_transactions"] = json!([]);
        inquiry["evidence_details"]["due_by"] = json!(0);
        let seen = read(inquiry).unwrap();
        assert_eq!((seen.withdrawn, seen.returned, seen.fees.len(), seen.evidence_due_at), (false, false, 0, None));
    }

    #[test]
    fn every_status_of_stripe_s_is_mapped_and_a_new_one_is_not_guessed_at() {
        for (word, ours) in [
            ("warning_needs_response", DisputeStatus::InquiryNeedsResponse),
            ("warning_under_review", DisputeStatus::InquiryUnderReview),
            ("warning_closed", DisputeStatus::Closed),
            ("prevented", DisputeStatus::Closed),
            ("needs_response", DisputeStatus::NeedsResponse),
            ("under_review", DisputeStatus::UnderReview),
            ("won", DisputeStatus::Won),
            ("lost", DisputeStatus::Lost),
        ] {
            assert_eq!(read(disputed(word)).unwrap().status, ours, "{word}");
        }
        assert!(matches!(read(disputed("settled")), Err(Fault::Protocol(_))));
    }

    #[test]
    fn a_reason_that_did_not_exist_is_another_one() {
        assert!(REASONS.is_sorted_by_key(|(word, _)| *word));
        for (word, ours) in [
            (json!("product_not_received"), DisputeReason::NotReceived),
            (json!("debit_not_authorized"), DisputeReason::Fraudulent),
            (json!("general"), DisputeReason::Other),
            (json!("bad_mood"), DisputeReason::Other),
            (Value::Null, DisputeReason::Other),
        ] {
            let mut value = disputed("needs_response");
            value["reason"] = word.clone();
            assert_eq!(read(value).unwrap().reason, ours, "{word}");
        }
    }
}
