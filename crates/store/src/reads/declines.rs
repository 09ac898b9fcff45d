//! Reads of what was refused, and of where customers came from.

use crate::row::Row;
use crate::value::values;
use crate::{DeclineKey, DeclinesAsked, ForgetDeclines, ReadError, Store};
use ducat_domain::payments::{CardNetwork, Initiator, Refused};
use ducat_domain::{MerchantId, PaymentOrderId};

/// How many cards of one order are looked at.
const CARDS_OF_AN_ORDER: u32 = 64;

impl Store {
    /// What was refused under each of these keys after a moment, the newest first, as many as were asked for; and whatever was final.
    pub async fn declines(&self, merchant: MerchantId, asked: Vec<DeclinesAsked>) -> Result<Vec<Vec<Refused>>, ReadError> {
        let mut found = Vec::with_capacity(asked.len());
        for DeclinesAsked { key, since, limit } in asked {
            let newest = "SELECT at, network, initiator, is_final FROM declines
                          WHERE merchant_id = $1 AND kind = $2 AND digest = $3 AND at > $4 ORDER BY at DESC LIMIT $5";
            found.push(self.many(newest, values![merchant, key.kind(), key.digest(), since, limit], refused).await?);
        }
        Ok(found)
    }

    /// Whether there are refusals to forget, or visits that are older than they.
    pub async fn has_declines_before(&self, before: ForgetDeclines) -> Result<bool, ReadError> {
        // The oldest are asked for by name: a server would look through all of them for any.
        let sql = "SELECT coalesce((SELECT TRUE FROM declines WHERE is_final = $1 AND at < $2 ORDER BY at LIMIT 1),
                                   (SELECT TRUE FROM declines WHERE is_final = $3 AND at < $4 ORDER BY at LIMIT 1),
                                   (SELECT TRUE FROM visits WHERE at < $2 ORDER BY at LIMIT 1), FALSE) AS found";
        let ForgetDeclines { ordinary, is_final } = before;
        Ok(self.one(sql, values![false, ordinary, true, is_final], |row| row.get("found")).await?.unwrap_or(false))
    }

    /// Whether a final refusal is kept under this key, however old.
    pub async fn was_refused_for_good(&self, merchant: MerchantId, key: DeclineKey) -> Result<bool, ReadError> {
        let sql = "SELECT 1 AS found FROM declines WHERE merchant_id = $1 AND kind = $2 AND digest = $3 AND is_final LIMIT 1";
        Ok(self.one(sql, values![merchant, key.kind(), key.digest()], |_| Ok(())).await?.is_some())
    }

    /// The cards that were refused on an order, by the order's own key.
    pub async fn refused_cards(&self, merchant: MerchantId, order: DeclineKey) -> Result<Vec<DeclineKey>, ReadError> {
        // SQLite takes a cross join in the order in which it is written: the refusals of the order first.
        let sql = format!(
            "SELECT DISTINCT c.digest FROM declines o CROSS JOIN declines c
             WHERE o.merchant_id = $1 AND o.kind = $2 AND o.digest = $3
               AND c.merchant_id = o.merchant_id AND c.event_id = o.event_id AND c.kind = 'card' LIMIT {CARDS_OF_AN_ORDER}"
        );
        self.many(sql, values![merchant, order.kind(), order.digest()], |row| Ok(DeclineKey::Card(row.get("digest")?))).await
    }

    /// Where the customer of an order came from last.
    pub async fn visit(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Option<DeclineKey>, ReadError> {
        let theirs = self.theirs("v");
        let sql = format!(
            "SELECT v.address FROM payment_orders o JOIN visits v ON v.order_id = o.id{theirs}
             WHERE o.merchant_id = $1 AND o.id = $2"
        );
        self.one(sql, values![merchant, order], |row| Ok(DeclineKey::Address(row.get("address")?))).await
    }
}

fn refused(row: &Row<'_>) -> Result<Refused, ReadError> {
    let network: String = row.get("network")?;
    let initiator: String = row.get("initiator")?;
    Ok(Refused {
        at: row.get("at")?,
        network: CardNetwork::parse(&network),
        initiator: Initiator::parse(&initiator).unwrap_or(Initiator::Customer),
        is_final: row.get("is_final")?,
    })
}
