//! Writes one [`Change`] inside the writer's transaction. Every statement is prepared once and kept.

use super::col::Col;
use super::ledger::{self, Moved};
use super::refusal::refused;
use super::{declines, jobs, parts, statement, webhooks};
use crate::codec::details_of;
use crate::{Change, CommitError, IdempotencyWrite, InboxWrite, PaymentWrite};
use ducat_domain::payments::{Attempt, Fee, PaymentOrder};
use ducat_domain::{ApiKey, PspAccount, Timestamp};
use rusqlite::{Connection, Params, params};

/// How many old idempotency keys one change forgets.
const FORGET_AT_ONCE: u32 = 1000;

pub(super) type Applied = Result<(), CommitError>;

/// Writes the whole change; the caller undoes what was written when this fails.
pub(super) fn apply(db: &Connection, change: &Change, moved: &mut Moved) -> Applied {
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
    parts::write(db, change)?;
    statement::write(db, change)?;
    for entry in &change.entries {
        ledger::entry(db, entry, moved)?;
    }
    if let Some(write) = &change.books {
        ledger::books(db, write)?;
    }
    // What an event tells of is there before the event, and the event before its deliveries.
    for write in &change.endpoints {
        webhooks::endpoint(db, write)?;
    }
    for event in &change.events {
        run(
            db,
            "INSERT INTO events (id, merchant_id, subject_id, subject_kind, sequence, kind, at, snapshot)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                Col(event.id),
                Col(event.merchant),
                event.subject.as_bytes(),
                event.subject.kind(),
                event.sequence,
                event.kind.as_str(),
                Col(event.at),
                event.snapshot
            ],
        )?;
    }
    declines::write(db, change)?;
    for write in &change.jobs {
        jobs::write(db, write)?;
    }
    deliveries(db, change)?;
    if let Some(before) = change.forget_keys_before {
        forget_keys(db, before)?;
    }
    Ok(())
}

fn deliveries(db: &Connection, change: &Change) -> Applied {
    for replay in &change.replays {
        webhooks::replay(db, replay)?;
    }
    for write in &change.deliveries {
        webhooks::delivery(db, write)?;
    }
    change.forget_deliveries_before.map_or(Ok(()), |before| webhooks::forget(db, before))
}

fn forget_keys(db: &Connection, before: Timestamp) -> Applied {
    run(
        db,
        "DELETE FROM idempotency_keys WHERE (merchant_id, key) IN
           (SELECT merchant_id, key FROM idempotency_keys WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        params![Col(before), FORGET_AT_ONCE],
    )
    .map(drop)
}

/// A value as JSON, where there is one.
pub(super) fn text_of<T: serde::Serialize>(value: Option<&T>) -> Result<Option<String>, CommitError> {
    value.map(serde_json::to_string).transpose().map_err(|e| CommitError::Refused(e.to_string()))
}

pub(super) fn run(db: &Connection, sql: &str, values: impl Params) -> Result<usize, CommitError> {
    let mut statement = db.prepare_cached(sql).map_err(refused)?;
    statement.execute(values).map_err(refused)
}

/// A move that found its row as it was read; anything else is a lost race.
pub(super) fn in_time(rows: usize) -> Applied {
    if rows == 1 { Ok(()) } else { Err(CommitError::Stale) }
}

fn payment(db: &Connection, write: &PaymentWrite) -> Applied {
    match write {
        PaymentWrite::Insert(p) => {
            insert_order(db, &p.order)?;
            insert_attempt(db, &p.order, &p.attempt)?;
        }
        PaymentWrite::Move(p) => {
            move_order(db, &p.order)?;
            move_attempt(db, &p.order, &p.attempt)?;
        }
        PaymentWrite::AddAttempt(p) => {
            move_order(db, &p.order)?;
            insert_attempt(db, &p.order, &p.attempt)?;
        }
    }
    if write.is_unpaid_end() { unpaid_end(db, write.order()) } else { Ok(()) }
}

/// Notes that an order has ended without money, for the lists of those. One that was paid late and given up again is listed already.
fn unpaid_end(db: &Connection, o: &PaymentOrder) -> Applied {
    let sql = "INSERT INTO unpaid_ends (merchant_id, status, order_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    run(db, sql, params![Col(o.merchant), o.status.as_str(), Col(o.id)]).map(drop)
}

fn insert_order(db: &Connection, o: &PaymentOrder) -> Applied {
    let details = details_of(&o.terms).map_err(|e| CommitError::Refused(e.to_string()))?;
    run(
        db,
        "INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version,
           updated_at, amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_by, cancel_requested_at, paid_late,
           amount_refunding, status_version, claim)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
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
            o.paid_late,
            o.amount_refunding,
            o.status_version,
            text_of(o.claim.as_ref())?
        ],
    )
    .map(drop)
}

fn move_order(db: &Connection, o: &PaymentOrder) -> Applied {
    let rows = run(
        db,
        "UPDATE payment_orders SET status = ?3, version = ?4, updated_at = ?5, amount_authorized = ?6, amount_captured = ?7,
           amount_refunded = ?8, amount_disputed = ?9, paid_by = ?10, cancel_requested_at = ?11, paid_late = ?12,
           amount_refunding = ?13, status_version = ?14, claim = ?15
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
            o.paid_late,
            o.amount_refunding,
            o.status_version,
            text_of(o.claim.as_ref())?
        ],
    )?;
    in_time(rows)
}

fn insert_attempt(db: &Connection, o: &PaymentOrder, a: &Attempt) -> Applied {
    run(
        db,
        "INSERT INTO attempts (id, order_id, number, psp_account_id, psp, created_at, status, token, psp_payment, redirect_url, decline,
           declines, check_at, authorized, captured, surplus, fees, capturing, refunded, refunding, disputed, open_disputes, merchant_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
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
            text_of(a.decline.as_ref())?,
            a.declines,
            a.check_at.map(Col),
            a.authorized,
            a.captured,
            a.surplus,
            fees_text(&a.fees)?,
            a.capturing,
            a.refunded,
            a.refunding,
            a.disputed,
            a.open_disputes,
            Col(o.merchant)
        ],
    )
    .map(drop)
}

fn move_attempt(db: &Connection, o: &PaymentOrder, a: &Attempt) -> Applied {
    let rows = run(
        db,
        "UPDATE attempts SET status = ?2, token = ?3, psp_payment = ?4, redirect_url = ?5, decline = ?6, declines = ?7, check_at = ?8,
           authorized = ?9, captured = ?10, surplus = ?11, fees = ?12, capturing = ?14, refunded = ?15, refunding = ?16, disputed = ?17,
           open_disputes = ?18
         WHERE id = ?1 AND order_id = ?13",
        params![
            Col(a.id),
            a.status.as_str(),
            a.token.as_ref().map(|t| &t.0),
            a.psp_payment,
            a.redirect_url,
            text_of(a.decline.as_ref())?,
            a.declines,
            a.check_at.map(Col),
            a.authorized,
            a.captured,
            a.surplus,
            fees_text(&a.fees)?,
            Col(o.id),
            a.capturing,
            a.refunded,
            a.refunding,
            a.disputed,
            a.open_disputes
        ],
    )?;
    in_time(rows)
}

pub(super) fn fees_text(fees: &[Fee]) -> Result<Option<String>, CommitError> {
    text_of(Some(&fees).filter(|fees| !fees.is_empty()))
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
    in_time(rows)
}

fn idempotency(db: &Connection, write: &IdempotencyWrite) -> Applied {
    match write {
        IdempotencyWrite::Claim { merchant, key, fingerprint, locked_until, subject, at, answer } => run(
            db,
            "INSERT INTO idempotency_keys (merchant_id, key, fingerprint, locked_until, subject_id, answer_kind, answer_body, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                Col(*merchant),
                key,
                fingerprint,
                Col(*locked_until),
                subject,
                answer.as_ref().map(|a| &a.kind),
                answer.as_ref().map(|a| &a.body),
                Col(*at)
            ],
        )
        .map(drop),
        IdempotencyWrite::TakeOver { merchant, key, found, locked_until } => in_time(run(
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
        IdempotencyWrite::Answer { merchant, key, answer } => in_time(run(
            db,
            // Nobody asks any more until when it was locked, and what it had got to.
            "UPDATE idempotency_keys SET answer_kind = ?3, answer_body = ?4, locked_until = 0, subject_id = NULL
             WHERE merchant_id = ?1 AND key = ?2 AND answer_kind IS NULL",
            params![Col(*merchant), key, answer.kind, answer.body],
        )?),
    }
}
