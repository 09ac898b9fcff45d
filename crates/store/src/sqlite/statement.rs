//! What the PSPs' statements say, the payouts, and what a person has to look at, written.

use super::apply::{Applied, in_time, run, text_of};
use super::col::Col;
use crate::{BookException, Change, PspLineRow};
use ducat_domain::settlement::Payout;
use rusqlite::{Connection, params};

pub(super) fn write(db: &Connection, change: &Change) -> Applied {
    for payout in &change.payouts {
        write_payout(db, payout)?;
    }
    for exception in &change.exceptions {
        write_exception(db, exception)?;
    }
    for line in &change.psp_lines {
        write_line(db, line)?;
    }
    if let Some((_, c)) = &change.psp_cursor {
        run(
            db,
            "INSERT INTO psp_cursors (psp_account_id, psp_line, line_at, read_at, reread_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET psp_line = excluded.psp_line, line_at = excluded.line_at, read_at = excluded.read_at,
               reread_at = excluded.reread_at",
            params![Col(c.psp_account), c.psp_line, Col(c.line_at), Col(c.read_at), Col(c.reread_at)],
        )?;
    }
    Ok(())
}

fn write_payout(db: &Connection, p: &Payout) -> Applied {
    let arrival = text_of(p.arrival.as_ref())?;
    if p.version > 1 {
        let rows = run(
            db,
            "UPDATE payouts SET status = ?2, arrives_at = ?3, has_left = ?4, came_back = ?5, arrival = ?6, version = ?7, updated_at = ?8
             WHERE id = ?1 AND version = ?7 - 1",
            params![
                Col(p.id),
                p.status.as_str(),
                p.arrives_at.map(Col),
                p.left,
                p.came_back,
                arrival,
                p.version,
                Col(p.updated_at)
            ],
        )?;
        return in_time(rows);
    }
    run(
        db,
        "INSERT INTO payouts (id, merchant_id, psp_account_id, psp_payout, amount, currency, status, arrives_at, has_left, came_back,
           arrival, version, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            Col(p.id),
            Col(p.merchant),
            Col(p.psp_account),
            p.psp_payout,
            p.amount.minor,
            p.amount.currency.code(),
            p.status.as_str(),
            p.arrives_at.map(Col),
            p.left,
            p.came_back,
            arrival,
            p.version,
            Col(p.created_at),
            Col(p.updated_at)
        ],
    )
    .map(drop)
}

fn write_exception(db: &Connection, e: &BookException) -> Applied {
    if let Some(closed) = &e.closed {
        let rows = run(
            db,
            "UPDATE exceptions SET closed_at = ?2, closed_by = ?3, why = ?4 WHERE id = ?1 AND closed_at IS NULL",
            params![Col(e.id), Col(closed.at), closed.by, closed.why],
        )?;
        return in_time(rows);
    }
    run(
        db,
        "INSERT INTO exceptions (id, merchant_id, kind, psp_account_id, subject, amount, currency, opened_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            Col(e.id),
            Col(e.merchant),
            e.kind,
            e.psp_account.map(Col),
            e.subject,
            e.amount.minor,
            e.amount.currency.code(),
            Col(e.opened_at)
        ],
    )
    .map(drop)
}

fn write_line(db: &Connection, l: &PspLineRow) -> Applied {
    run(
        db,
        "INSERT INTO psp_lines (psp_account_id, psp_line, merchant_id, kind, psp_kind, amount, fee, currency, order_id, payout_id,
           exception_id, at, read_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            Col(l.psp_account),
            l.psp_line,
            Col(l.merchant),
            l.kind,
            l.psp_kind,
            l.amount.minor,
            l.fee,
            l.amount.currency.code(),
            l.order.map(Col),
            l.payout.map(Col),
            l.exception.map(Col),
            Col(l.at),
            Col(l.read_at)
        ],
    )
    .map(drop)
}
