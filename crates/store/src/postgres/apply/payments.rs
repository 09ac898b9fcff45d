//! Orders and their attempts.

use super::{Applied, text_of};
use crate::codec::{details_of, pack};
use crate::postgres::statement::{Statement, insert, update};
use crate::{Change, CommitError, PaymentWrite};
use ducat_domain::payments::{Attempt, Fee, PaymentOrder};

pub(super) fn write(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let mut writes: Vec<&PaymentWrite> = changes.iter().flat_map(|change| &change.payments).collect();
    writes.sort_by_key(|write| (write.order().merchant, write.order().id));
    let is_new = |write: &&&PaymentWrite| matches!(write, PaymentWrite::Insert(_));
    insert_orders(out, writes.iter().filter(is_new).map(|w| w.order()))?;
    move_orders(out, writes.iter().filter(|w| !is_new(w)).map(|w| w.order()))?;
    let is_moved = |write: &&&PaymentWrite| matches!(write, PaymentWrite::Move(_));
    // A move makes room for the attempt that follows it.
    move_attempts(out, writes.iter().filter(is_moved).map(|w| (w.order(), w.attempt())))?;
    insert_attempts(out, writes.iter().filter(|w| !is_moved(w)).map(|w| (w.order(), w.attempt())))
}

/// Notes which orders have ended without money, for the lists of those. Their rows are to be seen there already. One that was paid late and
/// given up again is listed already.
pub(super) fn unpaid_ends(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let writes = changes.iter().flat_map(|change| &change.payments);
    let mut ended: Vec<_> = writes.filter(|write| write.is_unpaid_end()).map(PaymentWrite::order).collect();
    ended.sort_by_key(|o| (o.merchant, o.id));
    insert!(out, "unpaid_ends", ended, |o| {
        merchant_id: uuid = o.merchant,
        status: text = o.status.as_str(),
        order_id: uuid = o.id,
    }, "ON CONFLICT DO NOTHING");
    Ok(())
}

fn insert_orders<'c>(out: &mut Vec<Statement>, orders: impl Iterator<Item = &'c PaymentOrder>) -> Applied {
    insert!(out, "payment_orders", orders, |o| {
        merchant_id: uuid = o.merchant,
        id: uuid = o.id,
        reference: text = &o.terms.reference,
        amount: bigint = o.terms.amount.minor,
        currency: text = o.terms.amount.currency.code(),
        details: bytea = pack(details_of(&o.terms).map_err(|e| CommitError::Refused(e.to_string()))?.as_bytes()),
        expires_at: timestamptz = o.terms.expires_at,
        created_at: timestamptz = o.created_at,
        status: text = o.status.as_str(),
        version: integer = o.version,
        updated_at: timestamptz = o.updated_at,
        amount_authorized: bigint = o.amount_authorized,
        amount_captured: bigint = o.amount_captured,
        amount_refunded: bigint = o.amount_refunded,
        amount_refunding: bigint = o.amount_refunding,
        amount_disputed: bigint = o.amount_disputed,
        paid_by: uuid = o.paid_by,
        cancel_requested_at: timestamptz = o.cancel_requested_at,
        paid_late: boolean = o.paid_late,
        status_version: integer = o.status_version,
        claim: jsonb = text_of(o.claim.as_ref())?,
    });
    Ok(())
}

fn move_orders<'c>(out: &mut Vec<Statement>, orders: impl Iterator<Item = &'c PaymentOrder>) -> Applied {
    update!(out, "payment_orders", 2, "t.version = n.version - 1", orders, |o| {
        merchant_id: uuid = o.merchant,
        id: uuid = o.id,
        status: text = o.status.as_str(),
        version: integer = o.version,
        updated_at: timestamptz = o.updated_at,
        amount_authorized: bigint = o.amount_authorized,
        amount_captured: bigint = o.amount_captured,
        amount_refunded: bigint = o.amount_refunded,
        amount_refunding: bigint = o.amount_refunding,
        amount_disputed: bigint = o.amount_disputed,
        paid_by: uuid = o.paid_by,
        cancel_requested_at: timestamptz = o.cancel_requested_at,
        paid_late: boolean = o.paid_late,
        status_version: integer = o.status_version,
        claim: jsonb = text_of(o.claim.as_ref())?,
    });
    Ok(())
}

fn insert_attempts<'c>(out: &mut Vec<Statement>, attempts: impl Iterator<Item = (&'c PaymentOrder, &'c Attempt)>) -> Applied {
    insert!(out, "attempts", attempts, |(o, a)| {
        merchant_id: uuid = o.merchant,
        id: uuid = a.id,
        order_id: uuid = o.id,
        number: integer = a.number,
        psp_account_id: uuid = a.psp_account,
        psp: text = &a.psp,
        created_at: timestamptz = a.created_at,
        status: text = a.status.as_str(),
        token: text = a.token.as_ref().map(|t| &t.0),
        psp_payment: text = a.psp_payment.as_ref(),
        redirect_url: text = a.redirect_url.as_ref(),
        decline: jsonb = text_of(a.decline.as_ref())?,
        declines: integer = a.declines,
        check_at: timestamptz = a.check_at,
        authorized: bigint = a.authorized,
        captured: bigint = a.captured,
        surplus: boolean = a.surplus,
        fees: jsonb = fees_text(&a.fees)?,
        capturing: bigint = a.capturing,
        refunded: bigint = a.refunded,
        refunding: bigint = a.refunding,
        disputed: bigint = a.disputed,
        open_disputes: integer = a.open_disputes,
    });
    Ok(())
}

fn move_attempts<'c>(out: &mut Vec<Statement>, attempts: impl Iterator<Item = (&'c PaymentOrder, &'c Attempt)>) -> Applied {
    update!(out, "attempts", 3, "TRUE", attempts, |(o, a)| {
        merchant_id: uuid = o.merchant,
        id: uuid = a.id,
        order_id: uuid = o.id,
        status: text = a.status.as_str(),
        token: text = a.token.as_ref().map(|t| &t.0),
        psp_payment: text = a.psp_payment.as_ref(),
        redirect_url: text = a.redirect_url.as_ref(),
        decline: jsonb = text_of(a.decline.as_ref())?,
        declines: integer = a.declines,
        check_at: timestamptz = a.check_at,
        authorized: bigint = a.authorized,
        captured: bigint = a.captured,
        surplus: boolean = a.surplus,
        fees: jsonb = fees_text(&a.fees)?,
        capturing: bigint = a.capturing,
        refunded: bigint = a.refunded,
        refunding: bigint = a.refunding,
        disputed: bigint = a.disputed,
        open_disputes: integer = a.open_disputes,
    });
    Ok(())
}

pub(super) fn fees_text(fees: &[Fee]) -> Result<Option<String>, CommitError> {
    text_of(Some(&fees).filter(|fees| !fees.is_empty()))
}
