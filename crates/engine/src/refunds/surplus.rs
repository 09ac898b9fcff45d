//! Money that came although the order was paid by another attempt goes back by itself.

use super::create::{NewRefund, begin};
use crate::{Engine, Error};
use ducat_domain::payments::{AttemptStatus, RefundOrigin};
use ducat_domain::{MerchantId, PaymentOrderId};

/// Begins the refund of every surplus of the order that is not on its way back. Their jobs tell the PSP. A surplus whose refund failed
/// stays for a person to see to.
pub(crate) async fn return_surplus(engine: &Engine, merchant: MerchantId, order: PaymentOrderId) -> Result<(), Error> {
    let attempts = engine.store().attempts(merchant, order).await?;
    let surplus: Vec<_> = attempts.iter().filter(|a| a.surplus && a.status == AttemptStatus::Captured).collect();
    if surplus.is_empty() {
        return Ok(());
    }
    let begun = engine.store().refunds_of(merchant, order).await?;
    for attempt in surplus {
        if begun.iter().any(|refund| refund.attempt == attempt.id) {
            continue;
        }
        let Some(payment) = engine.store().payment_by_attempt(merchant, attempt.id).await? else { continue };
        let new = NewRefund { amount: None, reason: Some("the order was paid twice".into()) };
        let of = begin(engine, payment, &new, RefundOrigin::Surplus, |_, _| {}).await?;
        tracing::warn!(%order, refund = %of.refund.id, "the order was paid twice; the surplus goes back");
        super::tell::hurry(engine, &of).await?;
    }
    Ok(())
}
