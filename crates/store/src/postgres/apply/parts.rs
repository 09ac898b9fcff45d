//! Captures, refunds and disputes, written beside a move of their order: inserted where they are new, moved where they are known.

use super::payments::fees_text;
use super::{Applied, text_of};
use crate::postgres::statement::{Statement, each, insert};
use crate::{Change, PartWrite};
use ducat_domain::MerchantId;
use ducat_domain::payments::{Capture, Dispute, Part, Refund};

pub(super) fn write(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let (mut captures, mut refunds, mut disputes) = (Vec::new(), Vec::new(), Vec::new());
    for PartWrite { merchant, part } in changes.iter().flat_map(|change| &change.parts) {
        match part {
            Part::Capture(capture) => captures.push((*merchant, capture)),
            Part::Refund(refund) => refunds.push((*merchant, refund)),
            Part::Dispute(dispute) => disputes.push((*merchant, dispute)),
        }
    }
    write_captures(out, captures)?;
    write_refunds(out, refunds)?;
    write_disputes(out, disputes)?;
    files(out, changes);
    Ok(())
}

fn write_captures(out: &mut Vec<Statement>, captures: Vec<(MerchantId, &Capture)>) -> Applied {
    insert!(out, "captures", captures, |(merchant, c)| {
        id: uuid = c.id,
        merchant_id: uuid = merchant,
        order_id: uuid = c.order,
        attempt_id: uuid = c.attempt,
        psp_account_id: uuid = c.psp_account,
        amount: bigint = c.amount.minor,
        currency: text = c.amount.currency.code(),
        total: bigint = c.total,
        is_final: boolean = c.is_final,
        status: text = c.status.as_str(),
        failure: jsonb = text_of(c.failure.as_ref())?,
        check_at: timestamptz = c.check_at,
        created_at: timestamptz = c.created_at,
        updated_at: timestamptz = c.updated_at,
    }, "ON CONFLICT (merchant_id, id) DO UPDATE SET status = excluded.status, failure = excluded.failure, check_at = excluded.check_at,
          updated_at = excluded.updated_at");
    Ok(())
}

fn write_refunds(out: &mut Vec<Statement>, refunds: Vec<(MerchantId, &Refund)>) -> Applied {
    insert!(out, "refunds", refunds, |(merchant, r)| {
        id: uuid = r.id,
        merchant_id: uuid = merchant,
        order_id: uuid = r.order,
        attempt_id: uuid = r.attempt,
        psp_account_id: uuid = r.psp_account,
        amount: bigint = r.amount.minor,
        currency: text = r.amount.currency.code(),
        reason: text = r.reason.as_ref(),
        origin: text = r.origin.as_str(),
        status: text = r.status.as_str(),
        psp_refund: text = r.psp_refund.as_ref(),
        failure: jsonb = text_of(r.failure.as_ref())?,
        check_at: timestamptz = r.check_at,
        created_at: timestamptz = r.created_at,
        updated_at: timestamptz = r.updated_at,
    }, "ON CONFLICT (merchant_id, id) DO UPDATE SET status = excluded.status, psp_refund = excluded.psp_refund,
          failure = excluded.failure, check_at = excluded.check_at, updated_at = excluded.updated_at");
    Ok(())
}

fn write_disputes(out: &mut Vec<Statement>, disputes: Vec<(MerchantId, &Dispute)>) -> Applied {
    insert!(out, "disputes", disputes, |(merchant, d)| {
        id: uuid = d.id,
        merchant_id: uuid = merchant,
        order_id: uuid = d.order,
        attempt_id: uuid = d.attempt,
        psp_account_id: uuid = d.psp_account,
        psp_dispute: text = &d.psp_dispute,
        amount: bigint = d.amount.minor,
        currency: text = d.amount.currency.code(),
        reason: text = d.reason.as_str(),
        status: text = d.status.as_str(),
        evidence_due_at: timestamptz = d.evidence_due_at,
        withdrawn: boolean = d.withdrawn,
        returned: boolean = d.returned,
        fees: jsonb = fees_text(&d.fees)?,
        evidence: jsonb = text_of(Some(&d.evidence).filter(|e| !e.is_empty()))?,
        answer: text = d.answer.map(|a| a.as_str()),
        answers: integer = d.answers,
        refusal: jsonb = text_of(d.refusal.as_ref())?,
        submitted_at: timestamptz = d.submitted_at,
        accepted_at: timestamptz = d.accepted_at,
        reminded_at: timestamptz = d.reminded_at,
        opened_at: timestamptz = d.opened_at,
        created_at: timestamptz = d.created_at,
        updated_at: timestamptz = d.updated_at,
    }, "ON CONFLICT (merchant_id, id) DO UPDATE SET status = excluded.status, evidence_due_at = excluded.evidence_due_at,
          withdrawn = excluded.withdrawn, returned = excluded.returned, fees = excluded.fees, evidence = excluded.evidence,
          answer = excluded.answer, answers = excluded.answers, refusal = excluded.refusal, submitted_at = excluded.submitted_at,
          accepted_at = excluded.accepted_at, reminded_at = excluded.reminded_at, updated_at = excluded.updated_at");
    Ok(())
}

/// One file per field: a new one takes the place of the old one.
fn files(out: &mut Vec<Statement>, changes: &[&Change]) {
    let files: Vec<_> = changes.iter().flat_map(|change| &change.dispute_files).collect();
    each!(
        out,
        "DELETE FROM dispute_files t USING {rows} WHERE t.merchant_id = n.merchant_id AND t.dispute_id = n.dispute_id AND t.field = n.field",
        &files,
        |(merchant, f)| { merchant_id: uuid = *merchant, dispute_id: uuid = f.dispute, field: text = &f.field }
    );
    insert!(out, "dispute_files", &files, |(merchant, f)| {
        id: uuid = f.id,
        merchant_id: uuid = *merchant,
        dispute_id: uuid = f.dispute,
        field: text = &f.field,
        name: text = &f.name,
        media_type: text = &f.media_type,
        size: integer = f.size,
        bytes: bytea = f.bytes.as_ref(),
        created_at: timestamptz = f.created_at,
    });
    each!(
        out,
        "UPDATE dispute_files t SET bytes = NULL FROM {rows} WHERE t.merchant_id = n.merchant_id AND t.dispute_id = n.dispute_id",
        changes.iter().flat_map(|change| &change.forget_files),
        |(merchant, dispute)| { merchant_id: uuid = *merchant, dispute_id: uuid = *dispute }
    );
}
