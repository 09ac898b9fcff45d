//! Looking at refunds.

use super::RefundView;
use crate::{Engine, Error};
use ducat_domain::{MerchantId, RefundId};
use ducat_store::{Page, PageAnchor, PartFilter};

/// One refund of the merchant; another merchant's is as unknown as none.
pub async fn get(engine: &Engine, merchant: MerchantId, id: RefundId) -> Result<RefundView, Error> {
    let found = engine.store().refund(merchant, id).await?;
    found.map(|refund| RefundView::of(&refund)).ok_or(Error::NotFound("refund"))
}

/// The merchant's refunds, newest first.
pub async fn list(
    engine: &Engine,
    merchant: MerchantId,
    filter: PartFilter,
    anchor: PageAnchor<RefundId>,
    limit: u32,
) -> Result<Page<RefundView>, Error> {
    let page = engine.store().refunds(merchant, filter, anchor, limit).await?;
    Ok(Page { data: page.data.iter().map(RefundView::of).collect(), has_more: page.has_more })
}
