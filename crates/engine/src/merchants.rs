//! Merchants: who sells.

use crate::{Engine, Error};
use ducat_domain::{Chance, Merchant, MerchantId, Secret, Timestamp, random_bytes};
use ducat_store::Change;
use sha2::{Digest, Sha256};

/// Records a merchant, with a secret of its own for return addresses.
pub async fn create(engine: &Engine, name: &str) -> Result<Merchant, Error> {
    record(engine, MerchantId::new(engine.now(), engine.chance()), name).await
}

async fn record(engine: &Engine, id: MerchantId, name: &str) -> Result<Merchant, Error> {
    let now = engine.now();
    let secret: [u8; 32] = random_bytes(engine.chance());
    let secret = Secret::new(format!("rsec_{}", hex::encode(secret)));
    let sealed_return_secret = engine.vault().seal(engine.chance(), id.as_bytes(), &secret)?;
    let merchant = Merchant { id, name: name.to_owned(), sealed_return_secret, created_at: now };
    engine.store().commit(Change { merchants: vec![merchant.clone()], ..Change::default() }).await?;
    Ok(merchant)
}

/// The first merchant, made when there is none. Its id follows from when the database was made: of two nodes that start at once, one makes
/// it, and the other finds it.
pub async fn first(engine: &Engine, name: &str) -> Result<Merchant, Error> {
    match engine.store().merchants().await?.into_iter().next() {
        Some(merchant) => Ok(merchant),
        None => {
            let made_at = engine.store().made_at().await?;
            let id = MerchantId::new(made_at, &Same(made_at));
            match record(engine, id, name).await {
                Err(Error::Internal(_)) => get(engine, id).await,
                made => made,
            }
        }
    }
}

/// Bytes that follow from a moment.
struct Same(Timestamp);

impl Chance for Same {
    fn fill(&self, bytes: &mut [u8]) {
        let digest = Sha256::new().chain_update("the first merchant").chain_update(self.0.as_micros().to_be_bytes()).finalize();
        for (byte, same) in bytes.iter_mut().zip(digest.iter().cycle()) {
            *byte = *same;
        }
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
