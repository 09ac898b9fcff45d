//! Whether the payments that were driven are in the books: no figure may be of broken work.

use crate::Failure;
use crate::gateway;
use serde_json::Value;

/// What was taken so far, by the gateway's own books: minor units that lie at the PSP.
pub async fn received(address: &str) -> Result<u64, Failure> {
    let accounts = gateway::get(address, "/v1/ledger/accounts").await?;
    let rows = accounts["data"].as_array().ok_or("the books have no accounts")?;
    let at_psps = rows.iter().filter(|row| is_receivable(row)).filter_map(|row| row["posted"].as_i64()).sum::<i64>();
    Ok(u64::try_from(at_psps)?)
}

fn is_receivable(account: &Value) -> bool {
    account["name"].as_str().is_some_and(|name| name.starts_with("psp:") && name.ends_with(":receivable"))
}

/// Fails unless exactly this was received since `before`.
pub async fn prove(address: &str, before: u64, paid: u64) -> Result<(), Failure> {
    let now = received(address).await?;
    if now == before + paid {
        return Ok(());
    }
    Err(format!("the books say that {} was received, but {paid} was paid", now - before).into())
}
