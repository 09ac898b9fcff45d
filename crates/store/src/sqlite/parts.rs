//! Captures, refunds and disputes, written beside a move of their order.

use super::apply::{Applied, fees_text, run, text_of};
use super::col::Col;
use crate::{Change, DisputeFile, PartWrite};
use ducat_domain::MerchantId;
use ducat_domain::payments::{Capture, Dispute, Part, Refund};
use rusqlite::{Connection, params};

pub(super) fn write(db: &Connection, change: &Change) -> Applied {
    for PartWrite { merchant, part } in &change.parts {
        match part {
            Part::Capture(capture) => write_capture(db, *merchant, capture)?,
            Part::Refund(refund) => write_refund(db, *merchant, refund)?,
            Part::Dispute(dispute) => write_dispute(db, *merchant, dispute)?,
        }
    }
    for (_, file) in &change.dispute_files {
        write_file(db, file)?;
    }
    for (_, dispute) in &change.forget_files {
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
