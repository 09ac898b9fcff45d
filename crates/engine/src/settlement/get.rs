//! Looking at payouts.

use super::PayoutView;
use crate::{Engine, Error};
use ducat_domain::settlement::Payout;
use ducat_domain::{MerchantId, PayoutId};
use ducat_store::{Page, PageAnchor, PartFilter};

/// One payout of the merchant.
pub async fn payout(engine: &Engine, merchant: MerchantId, id: PayoutId) -> Result<PayoutView, Error> {
    Ok(PayoutView::of(&own(engine, merchant, id).await?))
}

/// The merchant's own payout; another merchant's is as unknown as none.
pub(super) async fn own(engine: &Engine, merchant: MerchantId, id: PayoutId) -> Result<Payout, Error> {
    let found = engine.store().payout(merchant, id).await?;
    found.ok_or(Error::NotFound("payout"))
}

/// The merchant's payouts, newest first. They belong to no order, so that part of the filter is of no use.
pub async fn payouts(
    engine: &Engine,
    merchant: MerchantId,
    filter: PartFilter,
    anchor: PageAnchor<PayoutId>,
    limit: u32,
) -> Result<Page<PayoutView>, Error> {
    let filter = PartFilter { order: None, ..filter };
    let page = engine.store().payouts(merchant, filter, anchor, limit).await?;
    Ok(Page { data: page.data.iter().map(PayoutView::of).collect(), has_more: page.has_more })
}
