//! Reads of merchants, their keys and their PSP accounts.

use crate::codec;
use crate::value::values;
use crate::{ReadError, Store};
use ducat_domain::{ApiKey, Merchant, MerchantId, PspAccount, PspAccountId};

impl Store {
    /// The key with this hash.
    pub async fn api_key(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, ReadError> {
        self.one("SELECT * FROM api_keys WHERE hash = $1", values![hash], codec::api_key).await
    }

    /// A merchant's keys, newest first.
    pub async fn api_keys(&self, merchant: MerchantId) -> Result<Vec<ApiKey>, ReadError> {
        let sql = "SELECT * FROM api_keys WHERE merchant_id = $1 ORDER BY id DESC";
        self.many(sql, values![merchant], codec::api_key).await
    }

    /// One merchant.
    pub async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, ReadError> {
        self.one("SELECT * FROM merchants WHERE id = $1", values![id], codec::merchant).await
    }

    /// All merchants, oldest first.
    pub async fn merchants(&self) -> Result<Vec<Merchant>, ReadError> {
        self.many("SELECT * FROM merchants ORDER BY id", values![], codec::merchant).await
    }

    /// One PSP account.
    pub async fn psp_account(&self, id: PspAccountId) -> Result<Option<PspAccount>, ReadError> {
        self.one("SELECT * FROM psp_accounts WHERE id = $1", values![id], codec::psp_account).await
    }

    /// A merchant's PSP accounts, oldest first.
    pub async fn psp_accounts(&self, merchant: MerchantId) -> Result<Vec<PspAccount>, ReadError> {
        let sql = "SELECT * FROM psp_accounts WHERE merchant_id = $1 ORDER BY id";
        self.many(sql, values![merchant], codec::psp_account).await
    }
}
