//! Orders on their way to the archive and back. The tables' own rules move them: an order that is deleted in one place is in the other.

use super::apply::{Applied, run};
use super::col::Col;
use crate::archive::{may_be_why, named};
use crate::{Change, CommitError};
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp};
use rusqlite::{Connection, params};

/// Moves orders to the archive, unless something has changed them since, and says how many went. One that a rule keeps stays, and the
/// others go.
pub(super) fn put_away(
    db: &Connection,
    merchant: MerchantId,
    orders: &[PaymentOrderId],
    quiet_since: Timestamp,
) -> Result<u64, CommitError> {
    let mut moved = 0;
    for order in orders {
        let sql = "DELETE FROM payment_orders WHERE merchant_id = ?1 AND id = ?2 AND updated_at < ?3";
        match run(db, sql, params![Col(merchant), Col(*order), Col(quiet_since)]) {
            Ok(rows) => moved += rows as u64,
            Err(CommitError::Refused(why)) => tracing::warn!(%order, why, "an order is not archived"),
            Err(other) => return Err(other),
        }
    }
    Ok(moved)
}

/// The archived orders because of which a change may have come to nothing.
pub(super) fn reason(
    db: &Connection,
    change: &Change,
    result: &Result<(), CommitError>,
) -> Option<Vec<(MerchantId, PaymentOrderId)>> {
    if !result.as_ref().is_err_and(may_be_why) {
        return None;
    }
    let mut archived = Vec::new();
    let mut is_archived = db.prepare_cached("SELECT 1 FROM archived_orders WHERE merchant_id = ?1 AND id = ?2").ok()?;
    for (merchant, order) in named(change) {
        if is_archived.exists(params![Col(merchant), Col(order)]).ok()? {
            archived.push((merchant, order));
        }
    }
    Some(archived).filter(|archived| !archived.is_empty())
}

/// Brings orders back from the archive.
pub(super) fn bring_back(db: &Connection, orders: &[(MerchantId, PaymentOrderId)]) -> Applied {
    for (merchant, order) in orders {
        let sql = "DELETE FROM archived_orders WHERE merchant_id = ?1 AND id = ?2";
        run(db, sql, params![Col(*merchant), Col(*order)])?;
    }
    Ok(())
}
