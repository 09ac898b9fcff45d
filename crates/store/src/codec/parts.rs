//! Captures, refunds and disputes from rows.

use crate::row::Row;
use crate::{DisputeFile, ReadError};
use ducat_domain::Money;
use ducat_domain::payments::*;

pub(crate) fn capture(row: &Row<'_>) -> Result<Capture, ReadError> {
    Ok(Capture {
        id: row.get("id")?,
        order: row.get("order_id")?,
        attempt: row.get("attempt_id")?,
        psp_account: row.get("psp_account_id")?,
        amount: Money::new(row.get("amount")?, row.get("currency")?),
        total: row.get("total")?,
        is_final: row.get("is_final")?,
        status: row.get("status")?,
        failure: row.maybe_json("failure")?,
        check_at: row.maybe("check_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) fn refund(row: &Row<'_>) -> Result<Refund, ReadError> {
    Ok(Refund {
        id: row.get("id")?,
        order: row.get("order_id")?,
        attempt: row.get("attempt_id")?,
        psp_account: row.get("psp_account_id")?,
        amount: Money::new(row.get("amount")?, row.get("currency")?),
        reason: row.maybe("reason")?,
        origin: row.get("origin")?,
        status: row.get("status")?,
        psp_refund: row.maybe("psp_refund")?,
        failure: row.maybe_json("failure")?,
        check_at: row.maybe("check_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) fn dispute(row: &Row<'_>) -> Result<Dispute, ReadError> {
    let answer: Option<String> = row.maybe("answer")?;
    Ok(Dispute {
        id: row.get("id")?,
        order: row.get("order_id")?,
        attempt: row.get("attempt_id")?,
        psp_account: row.get("psp_account_id")?,
        psp_dispute: row.get("psp_dispute")?,
        amount: Money::new(row.get("amount")?, row.get("currency")?),
        reason: row.get("reason")?,
        status: row.get("status")?,
        evidence_due_at: row.maybe("evidence_due_at")?,
        withdrawn: row.get("withdrawn")?,
        returned: row.get("returned")?,
        fees: row.maybe_json("fees")?.unwrap_or_default(),
        evidence: row.maybe_json("evidence")?.unwrap_or_default(),
        answer: [DisputeAnswer::Evidence, DisputeAnswer::Acceptance].into_iter().find(|a| Some(a.as_str()) == answer.as_deref()),
        answers: row.get("answers")?,
        refusal: row.maybe_json("refusal")?,
        submitted_at: row.maybe("submitted_at")?,
        accepted_at: row.maybe("accepted_at")?,
        reminded_at: row.maybe("reminded_at")?,
        opened_at: row.get("opened_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) fn dispute_file(row: &Row<'_>) -> Result<DisputeFile, ReadError> {
    Ok(DisputeFile {
        id: row.get("id")?,
        dispute: row.get("dispute_id")?,
        field: row.get("field")?,
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        size: row.get("size")?,
        bytes: row.maybe("bytes")?,
        created_at: row.get("created_at")?,
    })
}
