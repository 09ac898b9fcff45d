//! Looking at disputes.

use super::{DisputeView, own};
use crate::{Engine, Error};
use ducat_domain::{DisputeId, MerchantId};
use ducat_store::{Page, PageAnchor, PartFilter};

/// One dispute of the merchant.
pub async fn get(engine: &Engine, merchant: MerchantId, id: DisputeId) -> Result<DisputeView, Error> {
    Ok(DisputeView::of(&own(engine, merchant, id).await?.dispute))
}

/// The merchant's disputes, newest first.
pub async fn list(
    engine: &Engine,
    merchant: MerchantId,
    filter: PartFilter,
    anchor: PageAnchor<DisputeId>,
    limit: u32,
) -> Result<Page<DisputeView>, Error> {
    let page = engine.store().disputes(merchant, filter, anchor, limit).await?;
    Ok(Page { data: page.data.iter().map(DisputeView::of).collect(), has_more: page.has_more })
}
