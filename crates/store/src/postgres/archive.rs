//! Orders on their way to the archive and back. The database moves them itself; the program may only ask for it.

use super::Postgres;
use super::leg::Leg;
use super::look::Named;
use super::refusal::{Failure, failure};
use super::statement::each;
use crate::CommitError;
use crate::value::values;
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp};
use std::fmt::Write as _;

impl Postgres {
    /// Moves orders to the archive, unless something has changed them since or somebody has them in hand, and says how many went.
    pub async fn put_away(
        &self,
        merchant: MerchantId,
        orders: Vec<PaymentOrderId>,
        quiet_since: Timestamp,
    ) -> Result<u64, CommitError> {
        let connection = self.writer.connections().take().await.map_err(CommitError::Unavailable)?;
        let sql = "SELECT archive_orders($1, $2::text::uuid[], $3)";
        let values = values![merchant, list(&orders), quiet_since];
        let rows = connection.ask(sql, &values).await.map_err(|e| match failure(&e) {
            Failure::Met => CommitError::Busy,
            Failure::Refused(why) => why,
            Failure::Lost(why) => CommitError::Unknown(why),
        })?;
        let moved: Option<i64> = rows.first().and_then(|row| row.try_get(0).ok());
        Ok(moved.unwrap_or_default().unsigned_abs())
    }
}

/// Ids as PostgreSQL reads a list of them.
fn list(orders: &[PaymentOrderId]) -> String {
    let mut list = String::from("{");
    for (i, order) in orders.iter().enumerate() {
        list.push_str(if i == 0 { "" } else { "," });
        for byte in order.as_bytes() {
            let _ = write!(list, "{byte:02x}");
        }
    }
    list + "}"
}

/// What brings these orders back from the archive, where there are any. It comes first in its transaction.
pub(super) fn bring_back(orders: Vec<Named>) -> Option<Leg> {
    let mut leg = Leg::new();
    each!(leg, "SELECT bring_back(array_agg(n.merchant_id), array_agg(n.id)) FROM {rows}", orders, |(merchant, id)| {
        merchant_id: uuid = merchant,
        id: uuid = id,
    });
    (!leg.is_empty()).then_some(leg)
}
