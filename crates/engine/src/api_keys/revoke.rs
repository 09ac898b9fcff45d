//! Taking a key back.

use super::view::ApiKeyView;
use crate::{Engine, Error};
use ducat_domain::{ApiKeyId, MerchantId, random_bytes};
use ducat_store::Change;

/// Takes a key back: at once on this node, on the others within a tenth of a second where they share a cache, else within seconds. Again is no error.
pub async fn revoke(engine: &Engine, merchant: MerchantId, id: ApiKeyId) -> Result<ApiKeyView, Error> {
    let keys = engine.store().api_keys(merchant).await?;
    let mut key = keys.into_iter().find(|k| k.id == id).ok_or(Error::NotFound("API key"))?;
    if key.revoked_at.is_none() {
        let now = engine.now();
        engine.store().commit(Change { revoked_keys: vec![(id, now)], ..Change::default() }).await?;
        engine.cache().outdate(random_bytes(engine.chance())).await;
        key.revoked_at = Some(now);
    }
    Ok(ApiKeyView::of(&key))
}
