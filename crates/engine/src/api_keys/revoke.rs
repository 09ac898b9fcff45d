//! Taking a key back.

use super::view::ApiKeyView;
use crate::{Engine, Error};
use ducat_domain::{ApiKeyId, MerchantId};
use ducat_store::Change;

/// Takes a key back at once on this node, within seconds on the others. Again is no error.
pub async fn revoke(engine: &Engine, merchant: MerchantId, id: ApiKeyId) -> Result<ApiKeyView, Error> {
    let keys = engine.store().api_keys(merchant).await?;
    let mut key = keys.into_iter().find(|k| k.id == id).ok_or(Error::NotFound("API key"))?;
    if key.revoked_at.is_none() {
        let now = engine.now();
        engine.store().commit(Change { revoked_keys: vec![(id, now)], ..Change::default() }).await?;
        engine.keys().forget();
        key.revoked_at = Some(now);
    }
    Ok(ApiKeyView::of(&key))
}
