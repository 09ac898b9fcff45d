//! Captures, refunds and disputes: written beside a move of their order, and read.

use super::Store;
use super::apply::{Applied, fees_text, run, text_of};
use super::codec::{self, Col};
use super::lists::{Conditions, many};
use super::read::one;
use crate::{Change, DisputeFile, Page, PageAnchor, PartWrite, ReadError};
use ducat_domain::payments::{Capture, Dispute, Part, Refund};
use ducat_domain::*;
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, ToSql, params, params_from_iter};

pub(super) fn write(db: &Connection, change: &Change) -> Applied {
    for PartWrite { merchant, part } in &change.parts {
        match part {
            Part::Capture(capture) => write_capture(db, *merchant, capture)?,
            Part::Refund(refund) => write_refund(db, *merchant, refund)?,
            Part::Dispute(dispute) => write_dispute(db, *merchant, dispute)?,
        }
    }
    for file in &change.dispute_files {
        write_file(db, file)?;
    }
    for dispute in &change.forget_files {
        run(db, "UPDATE dispute_files SET bytes = NULL WHERE dispute_id = ?1", [Col(*dispute)])?;
    }
    Ok(())
}

fn write_capture(db: &Connection, merchant: MerchantId, c: &Capture) -> Applied {
    let failure = text_of(c.failure.as_ref())?;
    let moved = run(
        db,
        "UPDATE captures SET status = ?2, failure = ?3, check_at = ?4, updated_at = ?5 WHERE id = ?1",
        params![Col(c.id), c.status.as_str(), failure, c.check_at.map(Col), Col(c.updated_at)],
    )?;
    if moved == 1 {
        return Ok(());
    }
    run(
        db,
        "INSERT INTO captures (id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, total, is_final, status, failure,
           check_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            Col(c.id),
            Col(merchant),
            Col(c.order),
            Col(c.attempt),
            Col(c.psp_account),
            c.amount.minor,
            c.amount.currency.code(),
            c.total,
            c.is_final,
            c.status.as_str(),
            failure,
            c.check_at.map(Col),
            Col(c.created_at),
            Col(c.updated_at)
        ],
    )
    .map(drop)
}

fn write_refund(db: &Connection, merchant: MerchantId, r: &Refund) -> Applied {
    let failure = text_of(r.failure.as_ref())?;
    let moved = run(
        db,
        "UPDATE refunds SET status = ?2, psp_refund = ?3, failure = ?4, check_at = ?5, updated_at = ?6 WHERE id = ?1",
        params![Col(r.id), r.status.as_str(), r.psp_refund, failure, r.check_at.map(Col), Col(r.updated_at)],
    )?;
    if moved == 1 {
        return Ok(());
    }
    run(
        db,
        "INSERT INTO refunds (id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, reason, origin, status,
           psp_refund, failure, check_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            Col(r.id),
            Col(merchant),
            Col(r.order),
            Col(r.attempt),
            Col(r.psp_account),
            r.amount.minor,
            r.amount.currency.code(),
            r.reason,
            r.origin.as_str(),
            r.status.as_str(),
            r.psp_refund,
            failure,
            r.check_at.map(Col),
            Col(r.created_at),
            Col(r.updated_at)
        ],
    )
    .map(drop)
}

fn write_dispute(db: &Connection, merchant: MerchantId, d: &Dispute) -> Applied {
    let evidence = text_of(Some(&d.evidence).filter(|e| !e.is_empty()))?;
    let (fees, refusal) = (fees_text(&d.fees)?, text_of(d.refusal.as_ref())?);
    let answer = d.answer.map(|a| a.as_str());
    let moved = run(
        db,
        "UPDATE disputes SET status = ?2, evidence_due_at = ?3, withdrawn = ?4, returned = ?5, fees = ?6, evidence = ?7, answer = ?8,
           answers = ?9, refusal = ?10, submitted_at = ?11, accepted_at = ?12, reminded_at = ?13, updated_at = ?14 WHERE id = ?1",
        params![
            Col(d.id),
            d.status.as_str(),
            d.evidence_due_at.map(Col),
            d.withdrawn,
            d.returned,
            fees,
            evidence,
            answer,
            d.answers,
            refusal,
            d.submitted_at.map(Col),
            d.accepted_at.map(Col),
            d.reminded_at.map(Col),
            Col(d.updated_at)
        ],
    )?;
    if moved == 1 {
        return Ok(());
    }
    run(
        db,
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status,
           evidence_due_at, withdrawn, returned, fees, evidence, answer, answers, refusal, submitted_at, accepted_at, reminded_at,
           opened_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
        params![
            Col(d.id),
            Col(merchant),
            Col(d.order),
            Col(d.attempt),
            Col(d.psp_account),
            d.psp_dispute,
            d.amount.minor,
            d.amount.currency.code(),
            d.reason.as_str(),
            d.status.as_str(),
            d.evidence_due_at.map(Col),
            d.withdrawn,
            d.returned,
            fees,
            evidence,
            answer,
            d.answers,
            refusal,
            d.submitted_at.map(Col),
            d.accepted_at.map(Col),
            d.reminded_at.map(Col),
            Col(d.opened_at),
            Col(d.created_at),
            Col(d.updated_at)
        ],
    )
    .map(drop)
}

/// One file per field: a new one takes the place of the old one.
fn write_file(db: &Connection, f: &DisputeFile) -> Applied {
    run(db, "DELETE FROM dispute_files WHERE dispute_id = ?1 AND field = ?2", params![Col(f.dispute), f.field])?;
    run(
        db,
        "INSERT INTO dispute_files (id, dispute_id, field, name, media_type, size, bytes, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![Col(f.id), Col(f.dispute), f.field, f.name, f.media_type, f.size, f.bytes, Col(f.created_at)],
    )
    .map(drop)
}

/// What a list of parts is limited to.
#[derive(Clone, Debug, Default)]
pub struct PartFilter {
    /// Parts of this order.
    pub order: Option<PaymentOrderId>,
    /// In this status.
    pub status: Option<&'static str>,
}

impl Store {
    /// One capture.
    pub async fn capture(&self, id: CaptureId) -> Result<Option<Capture>, ReadError> {
        self.read(move |db| one(db, "SELECT * FROM captures WHERE id = ?1", [Col(id)], codec::capture)).await
    }

    /// The capture of an attempt that is under way.
    pub async fn open_capture(&self, attempt: AttemptId) -> Result<Option<Capture>, ReadError> {
        let sql = "SELECT * FROM captures WHERE attempt_id = ?1 AND status IN ('pending', 'unknown')";
        self.read(move |db| one(db, sql, [Col(attempt)], codec::capture)).await
    }

    /// The captures of an order, oldest first.
    pub async fn captures_of(&self, order: PaymentOrderId) -> Result<Vec<Capture>, ReadError> {
        let sql = "SELECT * FROM captures WHERE order_id = ?1 ORDER BY id";
        self.read(move |db| many(db, sql, [Col(order)], codec::capture)).await
    }

    /// One refund.
    pub async fn refund(&self, id: RefundId) -> Result<Option<Refund>, ReadError> {
        self.read(move |db| one(db, "SELECT * FROM refunds WHERE id = ?1", [Col(id)], codec::refund)).await
    }

    /// The refund with this id at the PSP.
    pub async fn refund_by_psp(&self, account: PspAccountId, psp_refund: &str) -> Result<Option<Refund>, ReadError> {
        let psp_refund = psp_refund.to_owned();
        let sql = "SELECT * FROM refunds WHERE psp_account_id = ?1 AND psp_refund = ?2";
        self.read(move |db| one(db, sql, params![Col(account), psp_refund], codec::refund)).await
    }

    /// The refunds of an order, oldest first.
    pub async fn refunds_of(&self, order: PaymentOrderId) -> Result<Vec<Refund>, ReadError> {
        let sql = "SELECT * FROM refunds WHERE order_id = ?1 ORDER BY id";
        self.read(move |db| many(db, sql, [Col(order)], codec::refund)).await
    }

    /// A merchant's refunds, newest first.
    pub async fn refunds(
        &self,
        merchant: MerchantId,
        filter: PartFilter,
        anchor: PageAnchor<RefundId>,
        limit: u32,
    ) -> Result<Page<Refund>, ReadError> {
        self.read(move |db| page(db, "refunds", merchant, &filter, anchor, limit, codec::refund)).await
    }

    /// One dispute.
    pub async fn dispute(&self, id: DisputeId) -> Result<Option<Dispute>, ReadError> {
        self.read(move |db| one(db, "SELECT * FROM disputes WHERE id = ?1", [Col(id)], codec::dispute)).await
    }

    /// The dispute with this id at the PSP.
    pub async fn dispute_by_psp(&self, account: PspAccountId, psp_dispute: &str) -> Result<Option<Dispute>, ReadError> {
        let psp_dispute = psp_dispute.to_owned();
        let sql = "SELECT * FROM disputes WHERE psp_account_id = ?1 AND psp_dispute = ?2";
        self.read(move |db| one(db, sql, params![Col(account), psp_dispute], codec::dispute)).await
    }

    /// The disputes of an order, oldest first.
    pub async fn disputes_of(&self, order: PaymentOrderId) -> Result<Vec<Dispute>, ReadError> {
        let sql = "SELECT * FROM disputes WHERE order_id = ?1 ORDER BY id";
        self.read(move |db| many(db, sql, [Col(order)], codec::dispute)).await
    }

    /// A merchant's disputes, newest first.
    pub async fn disputes(
        &self,
        merchant: MerchantId,
        filter: PartFilter,
        anchor: PageAnchor<DisputeId>,
        limit: u32,
    ) -> Result<Page<Dispute>, ReadError> {
        self.read(move |db| page(db, "disputes", merchant, &filter, anchor, limit, codec::dispute)).await
    }

    /// The evidence of a dispute, by field.
    pub async fn dispute_files(&self, dispute: DisputeId) -> Result<Vec<DisputeFile>, ReadError> {
        let sql = "SELECT * FROM dispute_files WHERE dispute_id = ?1 ORDER BY field";
        self.read(move |db| many(db, sql, [Col(dispute)], codec::dispute_file)).await
    }
}

/// One page of a merchant's rows, newest first.
pub(super) fn page<T, Id>(
    db: &Connection,
    table: &str,
    merchant: MerchantId,
    filter: &PartFilter,
    anchor: PageAnchor<Id>,
    limit: u32,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Page<T>, ReadError>
where
    Col<Id>: ToSql + FromSql,
{
    let mut conditions = Conditions::default();
    conditions.add("merchant_id =", &Col(merchant))?;
    if let Some(order) = filter.order {
        conditions.add("order_id =", &Col(order))?;
    }
    if let Some(status) = filter.status {
        conditions.add("status =", &status)?;
    }
    let direction = match anchor {
        PageAnchor::Newest => "DESC",
        PageAnchor::After(id) => {
            conditions.add("id <", &Col(id))?;
            "DESC"
        }
        PageAnchor::Before(id) => {
            conditions.add("id >", &Col(id))?;
            "ASC"
        }
    };
    let wanted = limit as usize;
    let sql = format!(
        "SELECT * FROM {table} WHERE {} ORDER BY id {direction} LIMIT {}",
        conditions.sql.join(" AND "),
        limit.saturating_add(1)
    );
    let mut data = many(db, &sql, params_from_iter(conditions.values), read)?;
    let has_more = data.len() > wanted;
    data.truncate(wanted);
    if direction == "ASC" {
        data.reverse();
    }
    Ok(Page { data, has_more })
}
