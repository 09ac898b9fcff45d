//! What was refused, and where customers came from: written, and forgotten.

use super::apply::{Applied, run};
use super::col::Col;
use crate::{Change, NO_NETWORK};
use ducat_domain::payments::CardNetwork;
use rusqlite::{Connection, params};

/// How many rows one change forgets: a sweep that finds more comes again.
const FORGET_AT_ONCE: u32 = 1000;

/// Runs after the events, which the rows name.
pub(super) fn write(db: &Connection, change: &Change) -> Applied {
    for row in &change.declines {
        run(
            db,
            "INSERT INTO declines (merchant_id, kind, digest, at, event_id, network, initiator, is_final)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                Col(row.merchant),
                row.key.kind(),
                row.key.digest(),
                Col(row.at),
                Col(row.event),
                row.network.map_or(NO_NETWORK, CardNetwork::as_str),
                row.initiator.as_str(),
                row.is_final
            ],
        )?;
    }
    if let Some(visit) = &change.visit {
        run(
            db,
            "INSERT INTO visits (order_id, address, at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET address = excluded.address, at = excluded.at",
            params![Col(visit.order), visit.address, Col(visit.at)],
        )?;
    }
    if let Some(before) = &change.forget_declines {
        let table = "DELETE FROM declines WHERE (merchant_id, kind, digest, at, event_id) IN
                       (SELECT merchant_id, kind, digest, at, event_id FROM declines WHERE is_final = ?1 AND at < ?2 LIMIT ?3)";
        run(db, table, params![false, Col(before.ordinary), FORGET_AT_ONCE])?;
        run(db, table, params![true, Col(before.is_final), FORGET_AT_ONCE])?;
        let visits = "DELETE FROM visits WHERE order_id IN (SELECT order_id FROM visits WHERE at < ?1 LIMIT ?2)";
        run(db, visits, params![Col(before.ordinary), FORGET_AT_ONCE])?;
    }
    Ok(())
}
