//! Reads of idempotency keys.

use crate::codec::unpack;
use crate::postgres::digest;
use crate::row::Row;
use crate::value::values;
use crate::{IdempotencyRow, ReadError, Store, StoredAnswer};
use ducat_domain::{MerchantId, Timestamp};

impl Store {
    /// What is kept of an idempotency key.
    pub async fn idempotency(&self, merchant: MerchantId, key: &str) -> Result<Option<IdempotencyRow>, ReadError> {
        let sql = "SELECT fingerprint, locked_until, subject_id, answer_kind, answer_body FROM idempotency_keys
                   WHERE merchant_id = $1 AND key = $2";
        if self.is_postgres() {
            return self.one(sql, values![merchant, digest(&merchant, key)], kept).await;
        }
        self.one(sql, values![merchant, key], kept).await
    }

    /// Whether there are keys to forget under which requests were begun before this moment.
    pub async fn has_keys_before(&self, before: Timestamp) -> Result<bool, ReadError> {
        // On a server the index is of seconds. The oldest is asked for by name: a server takes it that a third of all are older, and would
        // look through all of them for the first.
        let (by_second, age) = if self.is_postgres() {
            (" AND second_of(created_at) <= second_of($1)", "second_of(created_at)")
        } else {
            ("", "created_at")
        };
        let oldest = format!("SELECT TRUE FROM idempotency_keys WHERE created_at < $1{by_second} ORDER BY {age} LIMIT 1");
        let sql = format!("SELECT coalesce(({oldest}), FALSE) AS found");
        Ok(self.one(sql, values![before], |row| row.get("found")).await?.unwrap_or(false))
    }
}

fn kept(row: &Row<'_>) -> Result<IdempotencyRow, ReadError> {
    let kind: Option<String> = row.maybe("answer_kind")?;
    let body = row.maybe("answer_body")?.map(unpack).transpose()?;
    Ok(IdempotencyRow {
        fingerprint: row.get("fingerprint")?,
        locked_until: row.get("locked_until")?,
        subject: row.maybe("subject_id")?,
        answer: kind.zip(body).map(|(kind, body)| StoredAnswer { kind, body }),
    })
}
