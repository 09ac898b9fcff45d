//! What a payout of Stripe's says in our words.

use super::amounts::from_wire;
use super::objects::Payout;
use super::reading::strange;
use crate::Fault;
use ducat_domain::Timestamp;
use ducat_domain::settlement::{PayoutSeen, PayoutStatus};

/// A payout in our words.
pub(super) fn seen(payout: &Payout) -> Result<PayoutSeen, Fault> {
    let status = match payout.status.as_deref() {
        Some("pending") => PayoutStatus::Pending,
        Some("in_transit") => PayoutStatus::InTransit,
        Some("paid") => PayoutStatus::Paid,
        Some("failed") => PayoutStatus::Failed,
        Some("canceled") => PayoutStatus::Canceled,
        status => return Err(strange("the status of a payout:", status)),
    };
    let created = payout.created.ok_or_else(|| Fault::Protocol("a payout without its time".into()))?;
    Ok(PayoutSeen {
        psp_payout: payout.id.clone(),
        amount: from_wire(payout.amount, payout.currency.as_deref())?,
        status,
        arrives_at: payout.arrival_date.map(Timestamp::from_seconds),
        created_at: Timestamp::from_seconds(created),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(status: &str) -> Result<PayoutSeen, Fault> {
        let payout = json!({
            "id": "po_1", "object": "payout", "amount": 10_000, "currency": "usd", "status": status, "arrival_date": 1_795_339_800,
            "created": 1_795_253_400,
        });
        seen(&serde_json::from_value(payout).unwrap())
    }

    #[test]
    fn every_status_of_a_payout_is_mapped_and_a_new_one_is_not_guessed_at() {
        for status in PayoutStatus::ALL {
            let seen = read(status.as_str()).unwrap();
            assert_eq!((seen.status, seen.amount.minor, seen.psp_payout.as_str()), (*status, 10_000, "po_1"));
            assert_eq!(seen.arrives_at, Some(Timestamp::from_seconds(1_795_339_800)));
        }
        assert!(matches!(read("lost_in_the_post"), Err(Fault::Protocol(_))));
    }
}
