//! Reads of one thing.

use super::Store;
use super::codec::{self, ATTEMPT_COLUMNS, Col, ORDER_COLUMNS};
use crate::{IdempotencyRow, ReadError, StoredAnswer};
use ducat_domain::payments::{Payment, PspToken};
use ducat_domain::*;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

/// The order with its latest attempt, by a condition on the order.
const LATEST: &str = "FROM payment_orders o JOIN attempts a ON a.order_id = o.id
   AND a.number = (SELECT max(number) FROM attempts WHERE order_id = o.id)";

pub(super) fn one<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, ReadError> {
    Ok(db.prepare_cached(sql)?.query_row(values, read).optional()?)
}

impl Store {
    /// The order with its latest attempt.
    pub async fn payment(&self, order: PaymentOrderId) -> Result<Option<Payment>, ReadError> {
        self.read(move |db| {
            let sql = format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {LATEST} WHERE o.id = ?1");
            one(db, &sql, [Col(order)], codec::payment)
        })
        .await
    }

    /// The order with the attempt of this id.
    pub async fn payment_by_attempt(&self, attempt: AttemptId) -> Result<Option<Payment>, ReadError> {
        self.read(move |db| {
            let sql = format!(
                "SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} FROM attempts a JOIN payment_orders o ON o.id = a.order_id WHERE a.id = ?1"
            );
            one(db, &sql, [Col(attempt)], codec::payment)
        })
        .await
    }

    /// The order with the attempt that has this token.
    pub async fn payment_by_token(&self, account: PspAccountId, token: &PspToken) -> Result<Option<Payment>, ReadError> {
        let token = token.0.clone();
        self.read(move |db| {
            let sql = format!(
                "SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} FROM attempts a JOIN payment_orders o ON o.id = a.order_id
                 WHERE a.psp_account_id = ?1 AND a.token = ?2"
            );
            one(db, &sql, params![Col(account), token], codec::payment)
        })
        .await
    }

    /// The order with the attempt that has this payment at the PSP.
    pub async fn payment_by_psp_payment(&self, account: PspAccountId, psp_payment: &str) -> Result<Option<Payment>, ReadError> {
        let psp_payment = psp_payment.to_owned();
        self.read(move |db| {
            let sql = format!(
                "SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} FROM attempts a JOIN payment_orders o ON o.id = a.order_id
                 WHERE a.psp_account_id = ?1 AND a.psp_payment = ?2"
            );
            one(db, &sql, params![Col(account), psp_payment], codec::payment)
        })
        .await
    }

    /// The merchant's order with this reference, with its latest attempt.
    pub async fn payment_by_reference(&self, merchant: MerchantId, reference: &str) -> Result<Option<Payment>, ReadError> {
        let reference = reference.to_owned();
        self.read(move |db| {
            let sql = format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {LATEST} WHERE o.merchant_id = ?1 AND o.reference = ?2");
            one(db, &sql, params![Col(merchant), reference], codec::payment)
        })
        .await
    }

    /// What is kept of an idempotency key.
    pub async fn idempotency(&self, merchant: MerchantId, key: &str) -> Result<Option<IdempotencyRow>, ReadError> {
        let key = key.to_owned();
        self.read(move |db| {
            let sql = "SELECT fingerprint, locked_until, subject_id, answer_kind, answer_body FROM idempotency_keys
                       WHERE merchant_id = ?1 AND key = ?2";
            one(db, sql, params![Col(merchant), key], |row| {
                let kind: Option<String> = row.get("answer_kind")?;
                let body: Option<Vec<u8>> = row.get("answer_body")?;
                Ok(IdempotencyRow {
                    fingerprint: row.get("fingerprint")?,
                    locked_until: codec::col(row, "locked_until")?,
                    subject: row.get("subject_id")?,
                    answer: kind.zip(body).map(|(kind, body)| StoredAnswer { kind, body }),
                })
            })
        })
        .await
    }

    /// When the next job is due.
    pub async fn next_job_at(&self) -> Result<Option<Timestamp>, ReadError> {
        self.read(|db| {
            let at: Option<i64> = db.prepare_cached("SELECT min(run_at) FROM jobs")?.query_row([], |row| row.get(0))?;
            Ok(at.map(Timestamp::from_micros))
        })
        .await
    }

    /// The key with this hash.
    pub async fn api_key(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, ReadError> {
        self.read(move |db| one(db, "SELECT * FROM api_keys WHERE hash = ?1", [hash], codec::api_key)).await
    }

    /// One merchant.
    pub async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, ReadError> {
        self.read(move |db| one(db, "SELECT * FROM merchants WHERE id = ?1", [Col(id)], codec::merchant)).await
    }

    /// One PSP account.
    pub async fn psp_account(&self, id: PspAccountId) -> Result<Option<PspAccount>, ReadError> {
        self.read(move |db| one(db, "SELECT * FROM psp_accounts WHERE id = ?1", [Col(id)], codec::psp_account)).await
    }

    /// One event of the merchant.
    pub async fn event(&self, merchant: MerchantId, id: EventId) -> Result<Option<crate::EventRow>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT * FROM events WHERE id = ?1 AND merchant_id = ?2";
            one(db, sql, params![Col(id), Col(merchant)], codec::event)
        })
        .await
    }
}
