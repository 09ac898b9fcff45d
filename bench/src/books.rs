//! Whether the payments that were driven are in the books: no figure may be of broken work.

use crate::Failure;
use crate::gateway;
use serde_json::Value;

/// What was taken so far, by the gateway's own books: minor units that lie at the PSP, and those that it has kept as its fees.
pub async fn received(address: &str) -> Result<u64, Failure> {
    let accounts = gateway::get(address, "/v1/ledger/accounts").await?;
    let rows = accounts["data"].as_array().ok_or("the books have no accounts")?;
    Ok(u64::try_from(taken(rows))?)
}

/// A fee is told when the gateway asks about a payment ten minutes later, so only a run that takes longer meets any.
fn taken(accounts: &[Value]) -> i64 {
    let is_taken = |name: &str| name == "expense:psp_fee" || name.starts_with("psp:") && name.ends_with(":receivable");
    let rows = accounts.iter().filter(|row| row["name"].as_str().is_some_and(is_taken));
    rows.filter_map(|row| row["posted"].as_i64()).sum()
}

/// Fails unless exactly this was received since `before`.
pub async fn prove(address: &str, before: u64, paid: u64) -> Result<(), Failure> {
    let now = received(address).await?;
    if now == before + paid {
        return Ok(());
    }
    Err(format!("the books say that {} was received, but {paid} was paid", now - before).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fee_that_the_psp_keeps_was_taken_too() {
        let accounts = [
            json!({ "name": "psp:pac_1:receivable", "posted": 4_900 }),
            json!({ "name": "expense:psp_fee", "posted": 99 }),
            json!({ "name": "merchant:mer_1:payable", "posted": -4_999 }),
        ];
        assert_eq!(taken(&accounts), 4_999);
    }
}
