//! What was refused, and where customers came from: written, counted, forgotten.

use super::Store;
use super::apply::{Applied, run};
use super::codec::{self, Col};
use super::lists::many;
use super::read::one;
use crate::{Change, DeclineKey, DeclinesAsked, ReadError};
use ducat_domain::payments::{CardNetwork, Initiator, Refused};
use ducat_domain::{MerchantId, PaymentOrderId};
use rusqlite::{Connection, Row, params};

/// How many rows one change forgets: a sweep that finds more comes again.
const FORGET_AT_ONCE: u32 = 1000;
/// How many cards of one order are looked at.
const CARDS_OF_AN_ORDER: u32 = 64;
/// What is kept of a refusal that no card network had a part in.
const NO_NETWORK: &str = "none";

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

fn refused(row: &Row<'_>) -> rusqlite::Result<Refused> {
    let network: String = row.get("network")?;
    let initiator: String = row.get("initiator")?;
    Ok(Refused {
        at: codec::col(row, "at")?,
        network: CardNetwork::parse(&network),
        initiator: Initiator::parse(&initiator).unwrap_or(Initiator::Customer),
        is_final: row.get("is_final")?,
    })
}

impl Store {
    /// What was refused under each of these keys after a moment, the newest first, as many as were asked for; and whatever was final.
    pub async fn declines(&self, merchant: MerchantId, asked: Vec<DeclinesAsked>) -> Result<Vec<Vec<Refused>>, ReadError> {
        self.read(move |db| {
            let newest = "SELECT at, network, initiator, is_final FROM declines
                          WHERE merchant_id = ?1 AND kind = ?2 AND digest = ?3 AND at > ?4 ORDER BY at DESC LIMIT ?5";
            asked
                .iter()
                .map(|a| {
                    let values = params![Col(merchant), a.key.kind(), a.key.digest(), Col(a.since), a.limit];
                    many(db, newest, values, refused)
                })
                .collect()
        })
        .await
    }

    /// Whether a final refusal is kept under this key, however old.
    pub async fn was_refused_for_good(&self, merchant: MerchantId, key: DeclineKey) -> Result<bool, ReadError> {
        self.read(move |db| {
            let sql = "SELECT 1 FROM declines WHERE merchant_id = ?1 AND kind = ?2 AND digest = ?3 AND is_final = 1 LIMIT 1";
            Ok(one(db, sql, params![Col(merchant), key.kind(), key.digest()], |_| Ok(()))?.is_some())
        })
        .await
    }

    /// The cards that were refused on an order, by the order's own key.
    pub async fn refused_cards(&self, merchant: MerchantId, order: DeclineKey) -> Result<Vec<DeclineKey>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT DISTINCT c.digest FROM declines o JOIN declines c ON c.event_id = o.event_id AND c.kind = 'card'
                       WHERE o.merchant_id = ?1 AND o.kind = ?2 AND o.digest = ?3 LIMIT ?4";
            let values = params![Col(merchant), order.kind(), order.digest(), CARDS_OF_AN_ORDER];
            many(db, sql, values, |row| row.get(0).map(DeclineKey::Card))
        })
        .await
    }

    /// Where the customer of an order came from last.
    pub async fn visit(&self, order: PaymentOrderId) -> Result<Option<DeclineKey>, ReadError> {
        self.read(move |db| {
            let sql = "SELECT address FROM visits WHERE order_id = ?1";
            one(db, sql, [Col(order)], |row| row.get(0).map(DeclineKey::Address))
        })
        .await
    }
}
