//! Sixteen bytes that stand for a long name where it is only looked up, as the database's own `named_at` makes them.

use ducat_domain::MerchantId;
use sha2::{Digest, Sha256};

/// What stands for a name of this merchant's.
pub(crate) fn digest(merchant: &MerchantId, name: &str) -> [u8; 16] {
    let whole = Sha256::new().chain_update(merchant.as_bytes()).chain_update(name).finalize();
    let mut digest = [0; 16];
    digest.copy_from_slice(&whole[..16]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[tokio::test]
    async fn the_database_makes_the_same_digest() {
        let url = ducat_test_servers::database();
        let database = super::super::tests::open(&super::super::tests::settings(&url)).await;
        let connection = database.readers.take().await.unwrap();
        let merchant = MerchantId::from_bytes([7; 16]);
        for name in ["", "a key", "Grüße, 世界", "with \\x and 'quotes'"] {
            let values = [Value::from(merchant), Value::from(name)];
            let rows = connection.query("SELECT uuid_send(named_at($1, $2))", &values).await.unwrap();
            assert_eq!(rows[0].get::<_, Vec<u8>>(0), digest(&merchant, name), "{name}");
        }
    }
}
