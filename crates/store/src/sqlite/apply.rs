//! Writes one [`Change`] inside the writer's transaction. Every statement is prepared once and kept.

use super::codec::{Col, details_of};
use crate::{Change, CommitError, IdempotencyWrite, InboxWrite, Job, JobWrite, PaymentWrite, Unique};
use ducat_domain::journal::{FiledEntry, Layer};
use ducat_domain::payments::{Attempt, PaymentOrder};
use ducat_domain::{ApiKey, MerchantId, PspAccount, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, ffi, params};
use std::collections::HashMap;

/// What a batch adds to each balance, by account and layer.
pub(super) type Deltas = HashMap<(i64, i64), i64>;

type Applied = Result<(), CommitError>;

/// Writes the whole change; the caller undoes what was written when this fails.
pub(super) fn apply(db: &Connection, change: &Change, deltas: &mut Deltas) -> Applied {
    // What others may have been faster at comes first, so that a lost race costs little.
    if let Some(write) = &change.idempotency {
        idempotency(db, write)?;
    }
    if let Some(message) = &change.inbox {
        inbox(db, message)?;
    }
    for merchant in &change.merchants {
        run(
            db,
            "INSERT INTO merchants (id, name, sealed_return_secret, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![Col(merchant.id), merchant.name, merchant.sealed_return_secret, Col(merchant.created_at)],
        )?;
    }
    for key in &change.api_keys {
        api_key(db, key)?;
    }
    for (id, at) in &change.revoked_keys {
        run(db, "UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL", params![Col(*id), Col(*at)])?;
    }
    for (id, at) in &change.used_keys {
        run(db, "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", params![Col(*id), Col(*at)])?;
    }
    for account in &change.psp_accounts {
        psp_account(db, account)?;
    }
    for write in &change.payments {
        payment(db, write)?;
    }
    for entry in &change.entries {
        journal_entry(db, entry, deltas)?;
    }
    for event in &change.events {
        run(
            db,
            "INSERT INTO events (id, merchant_id, order_id, sequence, kind, at, snapshot) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                Col(event.id),
                Col(event.merchant),
                Col(event.order),
                event.sequence,
                event.kind.as_str(),
                Col(event.at),
                event.snapshot
            ],
        )?;
    }
    for write in &change.jobs {
        job(db, write)?;
    }
    Ok(())
}

/// Adds the sums of a whole batch: one update per account and layer, however many entries touched it.
pub(super) fn fold_balances(db: &Connection, deltas: &Deltas) -> Applied {
    for ((account, layer), amount) in deltas {
        run(
            db,
            "INSERT INTO balances (account_id, layer, amount) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            params![account, layer, amount],
        )?;
    }
    Ok(())
}

fn run(db: &Connection, sql: &str, values: impl Params) -> Result<usize, CommitError> {
    let mut statement = db.prepare_cached(sql).map_err(refused)?;
    statement.execute(values).map_err(refused)
}

/// A move that found its row as it was read; anything else is a lost race.
fn moved(rows: usize) -> Applied {
    if rows == 1 { Ok(()) } else { Err(CommitError::Stale) }
}

fn payment(db: &Connection, write: &PaymentWrite) -> Applied {
    match write {
        PaymentWrite::Insert(p) => {
            insert_order(db, &p.order)?;
            insert_attempt(db, &p.order, &p.attempt)
        }
        PaymentWrite::Move(p) => {
            move_order(db, &p.order)?;
            move_attempt(db, &p.attempt)
        }
        PaymentWrite::AddAttempt(p) => {
            move_order(db, &p.order)?;
            insert_attempt(db, &p.order, &p.attempt)
        }
    }
}

fn insert_order(db: &Connection, o: &PaymentOrder) -> Applied {
    let details = details_of(&o.terms).map_err(|e| CommitError::Refused(e.to_string()))?;
    run(
        db,
        "INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version,
           updated_at, amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            Col(o.merchant),
            Col(o.id),
            o.terms.reference,
            o.terms.amount.minor,
            o.terms.amount.currency.code(),
            details,
            Col(o.terms.expires_at),
            Col(o.created_at),
            o.status.as_str(),
            o.version,
            Col(o.updated_at),
            o.amount_authorized,
            o.amount_captured,
            o.amount_refunded,
            o.amount_disputed,
            o.paid_by.map(Col),
            o.cancel_requested_at.map(Col),
            o.paid_late
        ],
    )
    .map(drop)
}

fn move_order(db: &Connection, o: &PaymentOrder) -> Applied {
    let rows = run(
        db,
        "UPDATE payment_orders SET status = ?3, version = ?4, updated_at = ?5, amount_authorized = ?6, amount_captured = ?7,
           amount_refunded = ?8, amount_disputed = ?9, paid_by = ?10, cancel_requested_at = ?11, paid_late = ?12
         WHERE merchant_id = ?1 AND id = ?2 AND version = ?4 - 1",
        params![
            Col(o.merchant),
            Col(o.id),
            o.status.as_str(),
            o.version,
            Col(o.updated_at),
            o.amount_authorized,
            o.amount_captured,
            o.amount_refunded,
            o.amount_disputed,
            o.paid_by.map(Col),
            o.cancel_requested_at.map(Col),
            o.paid_late
        ],
    )?;
    moved(rows)
}

fn insert_attempt(db: &Connection, o: &PaymentOrder, a: &Attempt) -> Applied {
    run(
        db,
        "INSERT INTO attempts (id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline,
           declines, check_at, authorized, captured, surplus, fees)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        params![
            Col(a.id),
            Col(o.id),
            a.number,
            Col(a.psp_account),
            a.psp,
            Col(a.created_at),
            a.status.as_str(),
            a.token.as_ref().map(|t| &t.0),
            a.psp_payment,
            a.redirect_url,
            decline_text(a)?,
            a.declines,
            a.check_at.map(Col),
            a.authorized,
            a.captured,
            a.surplus,
            fees_text(a)?
        ],
    )
    .map(drop)
}

fn move_attempt(db: &Connection, a: &Attempt) -> Applied {
    let rows = run(
        db,
        "UPDATE attempts SET status = ?2, token = ?3, psp_payment = ?4, redirect_url = ?5, decline = ?6, declines = ?7, check_at = ?8,
           authorized = ?9, captured = ?10, surplus = ?11, fees = ?12
         WHERE id = ?1",
        params![
            Col(a.id),
            a.status.as_str(),
            a.token.as_ref().map(|t| &t.0),
            a.psp_payment,
            a.redirect_url,
            decline_text(a)?,
            a.declines,
            a.check_at.map(Col),
            a.authorized,
            a.captured,
            a.surplus,
            fees_text(a)?
        ],
    )?;
    moved(rows)
}

fn decline_text(a: &Attempt) -> Result<Option<String>, CommitError> {
    let text = a.decline.as_ref().map(serde_json::to_string).transpose();
    text.map_err(|e| CommitError::Refused(e.to_string()))
}

fn fees_text(a: &Attempt) -> Result<Option<String>, CommitError> {
    if a.fees.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&a.fees).map(Some).map_err(|e| CommitError::Refused(e.to_string()))
}

fn journal_entry(db: &Connection, filed: &FiledEntry, deltas: &mut Deltas) -> Applied {
    let entry = &filed.entry;
    for (line, posting) in entry.postings().iter().enumerate() {
        let account = account_id(db, filed.merchant, &posting.account.to_string(), posting.amount.currency.code())?;
        let layer = match posting.layer {
            Layer::Posted => 0,
            Layer::Pending => 1,
        };
        run(
            db,
            "INSERT INTO postings (entry_id, line, account_id, layer, amount) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![Col(filed.id), line as i64, account, layer, posting.amount.minor],
        )?;
        let sum = deltas.entry((account, layer)).or_default();
        *sum = sum.checked_add(posting.amount.minor).ok_or_else(|| CommitError::Refused("a balance is out of range".into()))?;
    }
    run(
        db,
        "INSERT INTO journal_entries (id, merchant_id, event_ref, order_id, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![Col(filed.id), Col(filed.merchant), entry.event_ref().to_string(), entry.order().map(Col), Col(entry.at())],
    )
    .map(drop)
}

fn account_id(db: &Connection, merchant: MerchantId, name: &str, currency: &str) -> Result<i64, CommitError> {
    let values = params![Col(merchant), name, currency];
    let mut find =
        db.prepare_cached("SELECT id FROM accounts WHERE merchant_id = ?1 AND name = ?2 AND currency = ?3").map_err(refused)?;
    if let Some(id) = find.query_row(values, |row| row.get(0)).optional().map_err(refused)? {
        return Ok(id);
    }
    run(db, "INSERT INTO accounts (merchant_id, name, currency) VALUES (?1, ?2, ?3)", values)?;
    Ok(db.last_insert_rowid())
}

fn inbox(db: &Connection, m: &InboxWrite) -> Applied {
    run(
        db,
        "INSERT INTO inbox (psp_account_id, message_id, kind, state, order_id, body, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![Col(m.psp_account), m.message_id, m.kind, m.state.as_str(), m.order.map(Col), m.body, Col(m.received_at)],
    )
    .map(drop)
}

fn api_key(db: &Connection, key: &ApiKey) -> Applied {
    run(
        db,
        "INSERT INTO api_keys (id, merchant_id, hash, hint, name, scope, networks, expires_at, revoked_at, last_used_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            Col(key.id),
            Col(key.merchant),
            key.hash,
            key.hint,
            key.name,
            key.scope.as_str(),
            key.networks.join(" "),
            key.expires_at.map(Col),
            key.revoked_at.map(Col),
            key.last_used_at.map(Col),
            Col(key.created_at)
        ],
    )
    .map(drop)
}

fn psp_account(db: &Connection, a: &PspAccount) -> Applied {
    if a.version == 1 {
        return run(
            db,
            "INSERT INTO psp_accounts (id, merchant_id, psp, name, active, sealed_settings, version, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![Col(a.id), Col(a.merchant), a.psp, a.name, a.active, a.sealed_settings, a.version, Col(a.created_at)],
        )
        .map(drop);
    }
    let rows = run(
        db,
        "UPDATE psp_accounts SET name = ?2, active = ?3, sealed_settings = ?4, version = ?5 WHERE id = ?1 AND version = ?5 - 1",
        params![Col(a.id), a.name, a.active, a.sealed_settings, a.version],
    )?;
    moved(rows)
}

fn job(db: &Connection, write: &JobWrite) -> Applied {
    let key = |job: &Job| (job.kind.as_str(), Col(job.order));
    match write {
        JobWrite::Schedule(job, run_at) => {
            let (kind, order) = key(job);
            // The merchant is looked up here, so that no caller can file a job under the wrong one.
            run(
                db,
                "INSERT INTO jobs (kind, order_id, merchant_id, run_at, tries)
                 SELECT ?1, ?2, merchant_id, ?3, 0 FROM payment_orders WHERE id = ?2
                 ON CONFLICT DO UPDATE SET run_at = excluded.run_at, tries = 0",
                params![kind, order, Col(*run_at)],
            )?;
        }
        JobWrite::Cancel(job) => {
            let (kind, order) = key(job);
            run(db, "DELETE FROM jobs WHERE kind = ?1 AND order_id = ?2", params![kind, order])?;
        }
        JobWrite::Done { job, lease_until } => {
            let (kind, order) = key(job);
            let sql = "DELETE FROM jobs WHERE kind = ?1 AND order_id = ?2 AND run_at = ?3";
            run(db, sql, params![kind, order, Col(*lease_until)])?;
        }
        JobWrite::Again { job, lease_until, run_at } => {
            let (kind, order) = key(job);
            let sql = "UPDATE jobs SET run_at = ?4 WHERE kind = ?1 AND order_id = ?2 AND run_at = ?3";
            run(db, sql, params![kind, order, Col(*lease_until), Col(*run_at)])?;
        }
    }
    Ok(())
}

fn idempotency(db: &Connection, write: &IdempotencyWrite) -> Applied {
    match write {
        IdempotencyWrite::Claim { merchant, key, fingerprint, locked_until, order, at, answer } => run(
            db,
            "INSERT INTO idempotency_keys (merchant_id, key, fingerprint, locked_until, order_id, answer_kind, answer_body, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                Col(*merchant),
                key,
                fingerprint,
                Col(*locked_until),
                order.map(Col),
                answer.as_ref().map(|a| &a.kind),
                answer.as_ref().map(|a| &a.body),
                Col(*at)
            ],
        )
        .map(drop),
        IdempotencyWrite::TakeOver { merchant, key, found, locked_until } => moved(run(
            db,
            "UPDATE idempotency_keys SET locked_until = ?4
             WHERE merchant_id = ?1 AND key = ?2 AND locked_until = ?3 AND answer_kind IS NULL",
            params![Col(*merchant), key, Col(*found), Col(*locked_until)],
        )?),
        IdempotencyWrite::Release { merchant, key } => run(
            db,
            "DELETE FROM idempotency_keys WHERE merchant_id = ?1 AND key = ?2 AND answer_kind IS NULL",
            params![Col(*merchant), key],
        )
        .map(drop),
        IdempotencyWrite::Answer { merchant, key, answer } => moved(run(
            db,
            "UPDATE idempotency_keys SET answer_kind = ?3, answer_body = ?4
             WHERE merchant_id = ?1 AND key = ?2 AND answer_kind IS NULL",
            params![Col(*merchant), key, answer.kind, answer.body],
        )?),
    }
}

/// What the database's refusal means. Unique indexes are told apart by the columns that SQLite names.
pub(super) fn refused(error: rusqlite::Error) -> CommitError {
    let rusqlite::Error::SqliteFailure(code, message) = &error else {
        return CommitError::Refused(error.to_string());
    };
    let text = message.as_deref().unwrap_or_default();
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => CommitError::Taken(unique(text)),
        _ if code.code == ErrorCode::ConstraintViolation => CommitError::Refused(text.to_owned()),
        _ => CommitError::Unavailable(error.to_string()),
    }
}

fn unique(text: &str) -> Unique {
    if text.contains("payment_orders.reference") {
        Unique::Reference
    } else if text.contains("idempotency_keys") {
        Unique::IdempotencyKey
    } else if text.contains("inbox") {
        Unique::Message
    } else if text.contains("journal_entries.event_ref") {
        Unique::EventRef
    } else if text.contains("attempts") {
        Unique::Attempt
    } else {
        Unique::Other
    }
}

/// Takes what is due: moves `run_at` to the end of the lease, so that nobody else finds it before.
pub(super) fn claim_jobs(
    db: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<crate::ClaimedJob>, CommitError> {
    let mut statement = db
        .prepare_cached(
            "UPDATE jobs SET run_at = ?2, tries = tries + 1
             WHERE (kind, order_id) IN (SELECT kind, order_id FROM jobs WHERE run_at <= ?1 ORDER BY run_at LIMIT ?3)
             RETURNING kind, order_id, merchant_id, tries",
        )
        .map_err(refused)?;
    let rows = statement
        .query_map(params![Col(now), Col(lease_until), limit], |row| {
            let kind: String = row.get(0)?;
            let order: Col<ducat_domain::PaymentOrderId> = row.get(1)?;
            let merchant: Col<MerchantId> = row.get(2)?;
            Ok((kind, order.0, merchant.0, row.get(3)?))
        })
        .map_err(refused)?;
    let mut claimed = Vec::new();
    for row in rows {
        let (kind, order, merchant, tries) = row.map_err(refused)?;
        // A kind that this version does not know stays leased, and is left to one that does.
        if let Some(kind) = crate::JobKind::parse(&kind) {
            claimed.push(crate::ClaimedJob { job: Job { kind, order }, merchant, tries, lease_until });
        }
    }
    Ok(claimed)
}
