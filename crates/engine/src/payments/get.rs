//! Looking at orders.

use super::Expand;
use super::commit::links;
use super::view::{AttemptView, EventView, PaymentOrderView};
use crate::captures::CaptureView;
use crate::disputes::DisputeView;
use crate::ledger::EntryView;
use crate::refunds::RefundView;
use crate::{Engine, Error};
use ducat_domain::payments::Payment;
use ducat_domain::{MerchantId, PaymentOrderId, Subject};
use ducat_store::{OrderFilter, Page, PageAnchor};

/// The merchant's own order; another merchant's is as unknown as none.
pub(crate) async fn own(engine: &Engine, merchant: MerchantId, id: PaymentOrderId) -> Result<Payment, Error> {
    engine.store().payment(merchant, id).await?.ok_or(Error::NotFound("payment order"))
}

/// The order that a page is about, whoever's it is: who knows the page's address may see it.
pub(super) async fn on_page(engine: &Engine, id: PaymentOrderId) -> Result<Payment, Error> {
    let merchant = engine.store().merchant_of_order(id).await?.ok_or(Error::NotFound("payment order"))?;
    own(engine, merchant, id).await
}

/// One order of the merchant.
pub async fn get(engine: &Engine, merchant: MerchantId, id: PaymentOrderId, expand: Expand) -> Result<PaymentOrderView, Error> {
    let payment = own(engine, merchant, id).await?;
    let mut view = PaymentOrderView::now(links(engine), &payment);
    if expand.attempts {
        let attempts = engine.store().attempts(merchant, id).await?;
        view.attempts = Some(attempts.iter().map(AttemptView::now).collect());
    }
    if expand.captures {
        view.captures = Some(engine.store().captures_of(merchant, id).await?.iter().map(CaptureView::of).collect());
    }
    if expand.refunds {
        view.refunds = Some(engine.store().refunds_of(merchant, id).await?.iter().map(RefundView::of).collect());
    }
    if expand.disputes {
        view.disputes = Some(engine.store().disputes_of(merchant, id).await?.iter().map(DisputeView::of).collect());
    }
    if expand.events {
        view.events = Some(timeline(engine, merchant, id).await?);
    }
    Ok(view)
}

/// The merchant's orders, newest first.
pub async fn list(
    engine: &Engine,
    merchant: MerchantId,
    filter: OrderFilter,
    anchor: PageAnchor<PaymentOrderId>,
    limit: u32,
) -> Result<Page<PaymentOrderView>, Error> {
    let page = engine.store().payments(merchant, filter, anchor, limit).await?;
    let data = page.data.iter().map(|p| PaymentOrderView::now(links(engine), p)).collect();
    Ok(Page { data, has_more: page.has_more })
}

/// The journal entries of an order.
pub async fn ledger(engine: &Engine, merchant: MerchantId, id: PaymentOrderId) -> Result<Vec<EntryView>, Error> {
    own(engine, merchant, id).await?;
    Ok(engine.store().entries_of(merchant, id).await?.iter().map(EntryView::of).collect())
}

/// Every event of an order, first to last.
pub async fn timeline(engine: &Engine, merchant: MerchantId, id: PaymentOrderId) -> Result<Vec<EventView>, Error> {
    own(engine, merchant, id).await?;
    // Events first: an attempt that is begun meanwhile is then not missed.
    let rows = engine.store().events_of(merchant, Subject::PaymentOrder(id)).await?;
    crate::events::shown(engine, merchant, &rows).await
}
