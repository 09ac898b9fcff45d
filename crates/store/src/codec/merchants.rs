//! Merchants, their keys and their PSP accounts from rows.

use crate::ReadError;
use crate::row::Row;
use ducat_domain::{ApiKey, Merchant, PspAccount, Scope};

pub(crate) fn merchant(row: &Row<'_>) -> Result<Merchant, ReadError> {
    Ok(Merchant {
        id: row.get("id")?,
        name: row.get("name")?,
        sealed_return_secret: row.get("sealed_return_secret")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) fn api_key(row: &Row<'_>) -> Result<ApiKey, ReadError> {
    let scope: String = row.get("scope")?;
    let networks: String = row.get("networks")?;
    Ok(ApiKey {
        id: row.get("id")?,
        merchant: row.get("merchant_id")?,
        hash: row.get("hash")?,
        hint: row.get("hint")?,
        name: row.get("name")?,
        scope: [Scope::Read, Scope::Payments, Scope::Admin]
            .into_iter()
            .find(|s| s.as_str() == scope)
            .ok_or_else(|| ReadError(format!("a key with the scope {scope}")))?,
        networks: networks.split_ascii_whitespace().map(str::to_owned).collect(),
        expires_at: row.maybe("expires_at")?,
        revoked_at: row.maybe("revoked_at")?,
        last_used_at: row.maybe("last_used_at")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) fn psp_account(row: &Row<'_>) -> Result<PspAccount, ReadError> {
    Ok(PspAccount {
        id: row.get("id")?,
        merchant: row.get("merchant_id")?,
        psp: row.get("psp")?,
        name: row.get("name")?,
        active: row.get("active")?,
        sealed_settings: row.get("sealed_settings")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
    })
}
