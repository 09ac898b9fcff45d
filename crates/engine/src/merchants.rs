//! Merchants: who sells.

use crate::{Engine, Error};
use ducat_domain::{Merchant, MerchantId, Secret, random_bytes};
use ducat_store::Change;

/// Records a merchant, with a secret of its own for return addresses.
pub async fn create(engine: &Engine, name: &str) -> Result<Merchant, Error> {
    let now = engine.now();
    let id = MerchantId::new(now, engine.chance());
    let secret: [u8; 32] = random_bytes(engine.chance());
    let secret = Secret::new(format!("rsec_{}", hex::encode(secret)));
    let sealed_return_secret = engine.vault().seal(engine.chance(), id.as_bytes(), &secret)?;
    let merchant = Merchant { id, name: name.to_owned(), sealed_return_secret, created_at: now };
    engine.store().commit(Change { merchants: vec![merchant.clone()], ..Change::default() }).await?;
    Ok(merchant)
}

/// The first merchant, made when there is none.
pub async fn first(engine: &Engine, name: &str) -> Result<Merchant, Error> {
    match engine.store().merchants().await?.into_iter().next() {
        Some(merchant) => Ok(merchant),
        None => create(engine, name).await,
    }
}

/// One merchant.
pub async fn get(engine: &Engine, merchant: MerchantId) -> Result<Merchant, Error> {
    engine.store().merchant(merchant).await?.ok_or(Error::NotFound("merchant"))
}

/// The secret with which return addresses are signed.
pub async fn return_secret(engine: &Engine, merchant: MerchantId) -> Result<Secret, Error> {
    open_return_secret(engine, &get(engine, merchant).await?)
}

pub(crate) fn open_return_secret(engine: &Engine, merchant: &Merchant) -> Result<Secret, Error> {
    Ok(engine.vault().open(merchant.id.as_bytes(), &merchant.sealed_return_secret)?)
}
