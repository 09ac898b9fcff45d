//! Payouts, what the PSPs' statements say, and what a person has to look at.

use super::{Applied, all, text_of};
use crate::Change;
use crate::postgres::statement::{Statement, each, insert, update};

pub(super) fn write(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    payouts(out, changes)?;
    exceptions(out, changes);
    let mut lines = all(changes, |c| &c.psp_lines);
    lines.sort_by(|a, b| (a.psp_account, &a.psp_line).cmp(&(b.psp_account, &b.psp_line)));
    insert!(out, "psp_lines", lines, |l| {
        psp_account_id: uuid = l.psp_account,
        psp_line: text = &l.psp_line,
        merchant_id: uuid = l.merchant,
        kind: text = &l.kind,
        psp_kind: text = &l.psp_kind,
        amount: bigint = l.amount.minor,
        fee: bigint = l.fee,
        currency: text = l.amount.currency.code(),
        order_id: uuid = l.order,
        payout_id: uuid = l.payout,
        exception_id: uuid = l.exception,
        at: timestamptz = l.at,
        read_at: timestamptz = l.read_at,
    });
    insert!(out, "psp_cursors", changes.iter().filter_map(|change| change.psp_cursor.as_ref()), |(merchant, c)| {
        merchant_id: uuid = *merchant,
        psp_account_id: uuid = c.psp_account,
        psp_line: text = &c.psp_line,
        line_at: timestamptz = c.line_at,
        read_at: timestamptz = c.read_at,
        reread_at: timestamptz = c.reread_at,
    }, "ON CONFLICT (merchant_id, psp_account_id) DO UPDATE SET psp_line = excluded.psp_line, line_at = excluded.line_at,
          read_at = excluded.read_at, reread_at = excluded.reread_at");
    Ok(())
}

fn payouts(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let payouts = all(changes, |c| &c.payouts);
    insert!(out, "payouts", payouts.iter().filter(|p| p.version == 1), |p| {
        id: uuid = p.id,
        merchant_id: uuid = p.merchant,
        psp_account_id: uuid = p.psp_account,
        psp_payout: text = &p.psp_payout,
        amount: bigint = p.amount.minor,
        currency: text = p.amount.currency.code(),
        status: text = p.status.as_str(),
        arrives_at: timestamptz = p.arrives_at,
        has_left: boolean = p.left,
        came_back: boolean = p.came_back,
        arrival: jsonb = text_of(p.arrival.as_ref())?,
        version: integer = p.version,
        created_at: timestamptz = p.created_at,
        updated_at: timestamptz = p.updated_at,
    });
    update!(out, "payouts", 2, "t.version = n.version - 1", payouts.iter().filter(|p| p.version > 1), |p| {
        merchant_id: uuid = p.merchant,
        id: uuid = p.id,
        status: text = p.status.as_str(),
        arrives_at: timestamptz = p.arrives_at,
        has_left: boolean = p.left,
        came_back: boolean = p.came_back,
        arrival: jsonb = text_of(p.arrival.as_ref())?,
        version: integer = p.version,
        updated_at: timestamptz = p.updated_at,
    });
    Ok(())
}

fn exceptions(out: &mut Vec<Statement>, changes: &[&Change]) {
    let exceptions = all(changes, |c| &c.exceptions);
    insert!(out, "exceptions", exceptions.iter().filter(|e| e.closed.is_none()), |e| {
        id: uuid = e.id,
        merchant_id: uuid = e.merchant,
        kind: text = &e.kind,
        psp_account_id: uuid = e.psp_account,
        subject: text = &e.subject,
        amount: bigint = e.amount.minor,
        currency: text = e.amount.currency.code(),
        opened_at: timestamptz = e.opened_at,
    });
    each!(
        out,
        "UPDATE exceptions t SET closed_at = n.closed_at, closed_by = n.closed_by, why = n.why FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.id = n.id AND t.closed_at IS NULL",
        exceptions.iter().filter_map(|e| e.closed.as_ref().map(|closed| (e, closed))),
        |(e, closed)| {
            merchant_id: uuid = e.merchant,
            id: uuid = e.id,
            closed_at: timestamptz = closed.at,
            closed_by: text = &closed.by,
            why: text = &closed.why,
        },
        or "stale"
    );
}
