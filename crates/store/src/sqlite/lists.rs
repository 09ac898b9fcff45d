//! Reads of many things, by pages.

use super::Store;
use super::codec::{self, ATTEMPT_COLUMNS, Col, ORDER_COLUMNS};
use super::read::one;
use crate::{EventCursor, EventRow, OrderFilter, Page, PageAnchor, ReadError};
use ducat_domain::payments::{Attempt, Payment, PaymentOrder};
use ducat_domain::*;
use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, ToSql, params_from_iter};

pub(super) fn many<T>(
    db: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, ReadError> {
    Ok(db.prepare_cached(sql)?.query_map(values, read)?.collect::<Result<_, _>>()?)
}

/// A value of its own, so that conditions can be put together.
fn value(v: &impl ToSql) -> Result<Value, ReadError> {
    use rusqlite::types::ToSqlOutput;
    Ok(match v.to_sql()? {
        ToSqlOutput::Borrowed(v) => v.try_into().map_err(rusqlite::Error::from)?,
        ToSqlOutput::Owned(v) => v,
        _ => Value::Null,
    })
}

/// `WHERE` conditions with their values, in step.
#[derive(Default)]
pub(super) struct Conditions {
    pub sql: Vec<String>,
    pub values: Vec<Value>,
}

impl Conditions {
    pub fn add(&mut self, column_and_operator: &str, v: &impl ToSql) -> Result<(), ReadError> {
        self.values.push(value(v)?);
        self.sql.push(format!("{column_and_operator} ?{}", self.values.len()));
        Ok(())
    }
}

impl Store {
    /// A merchant's orders, newest first, each with its latest attempt.
    pub async fn payments(
        &self,
        merchant: MerchantId,
        filter: OrderFilter,
        anchor: PageAnchor<PaymentOrderId>,
        limit: u32,
    ) -> Result<Page<Payment>, ReadError> {
        self.read(move |db| {
            let mut conditions = Conditions::default();
            conditions.add("o.merchant_id =", &Col(merchant))?;
            if let Some(reference) = &filter.reference {
                conditions.add("o.reference =", reference)?;
            }
            if let Some(status) = filter.status {
                conditions.add("o.status =", &status.as_str())?;
            }
            if let Some(from) = filter.created_gte {
                conditions.add("o.created_at >=", &Col(from))?;
            }
            if let Some(before) = filter.created_lt {
                conditions.add("o.created_at <", &Col(before))?;
            }
            let direction = match anchor {
                PageAnchor::Newest => "DESC",
                PageAnchor::After(id) => {
                    conditions.add("o.id <", &Col(id))?;
                    "DESC"
                }
                PageAnchor::Before(id) => {
                    conditions.add("o.id >", &Col(id))?;
                    "ASC"
                }
            };
            let sql = format!(
                "SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} FROM payment_orders o JOIN attempts a ON a.order_id = o.id
                   AND a.number = (SELECT max(number) FROM attempts WHERE order_id = o.id)
                 WHERE {} ORDER BY o.id {direction} LIMIT {}",
                conditions.sql.join(" AND "),
                limit.saturating_add(1),
            );
            let mut data = many(db, &sql, params_from_iter(conditions.values), codec::payment)?;
            let has_more = data.len() > limit as usize;
            data.truncate(limit as usize);
            if direction == "ASC" {
                data.reverse();
            }
            Ok(Page { data, has_more })
        })
        .await
    }

    /// Every attempt of an order, first to last.
    pub async fn attempts(&self, order: PaymentOrderId) -> Result<Vec<Attempt>, ReadError> {
        self.read(move |db| {
            let sql = format!("SELECT {ATTEMPT_COLUMNS} FROM attempts a WHERE a.order_id = ?1 ORDER BY a.number");
            many(db, &sql, [Col(order)], codec::attempt)
        })
        .await
    }

    /// Orders by id, in no particular order.
    pub async fn orders(&self, ids: Vec<PaymentOrderId>) -> Result<Vec<PaymentOrder>, ReadError> {
        self.read(move |db| {
            let sql = format!("SELECT {ORDER_COLUMNS} FROM payment_orders o WHERE o.id = ?1");
            let mut orders = Vec::with_capacity(ids.len());
            for id in ids {
                orders.extend(one(db, &sql, [Col(id)], codec::order)?);
            }
            Ok(orders)
        })
        .await
    }

    /// A merchant's events in the order of their commit. `None` where the cursor is unknown. `kinds` empty is all.
    pub async fn events(
        &self,
        merchant: MerchantId,
        cursor: EventCursor,
        kinds: Vec<String>,
        limit: u32,
    ) -> Result<Option<Page<EventRow>>, ReadError> {
        self.read(move |db| {
            let after: i64 = match cursor {
                EventCursor::Start | EventCursor::Newest => 0,
                EventCursor::After(id) => {
                    let sql = "SELECT position FROM events WHERE id = ?1 AND merchant_id = ?2";
                    match one(db, sql, rusqlite::params![Col(id), Col(merchant)], |row| row.get(0))? {
                        Some(position) => position,
                        None => return Ok(None),
                    }
                }
            };
            let mut conditions = Conditions::default();
            conditions.add("merchant_id =", &Col(merchant))?;
            conditions.add("position >", &after)?;
            if !kinds.is_empty() {
                let list: Vec<String> = kinds
                    .iter()
                    .map(|kind| {
                        conditions.values.push(Value::Text(kind.clone()));
                        format!("?{}", conditions.values.len())
                    })
                    .collect();
                conditions.sql.push(format!("kind IN ({})", list.join(", ")));
            }
            let direction = if cursor == EventCursor::Newest { "DESC" } else { "ASC" };
            let sql = format!(
                "SELECT * FROM events WHERE {} ORDER BY position {direction} LIMIT {}",
                conditions.sql.join(" AND "),
                limit.saturating_add(1),
            );
            let mut data = many(db, &sql, params_from_iter(conditions.values), codec::event)?;
            let has_more = data.len() > limit as usize;
            data.truncate(limit as usize);
            Ok(Some(Page { data, has_more }))
        })
        .await
    }

    /// All events of a subject, first to last.
    pub async fn events_of(&self, subject: Subject) -> Result<Vec<EventRow>, ReadError> {
        self.read(move |db| {
            many(db, "SELECT * FROM events WHERE subject_id = ?1 ORDER BY sequence", [subject.as_bytes()], codec::event)
        })
        .await
    }

    /// A merchant's keys, newest first.
    pub async fn api_keys(&self, merchant: MerchantId) -> Result<Vec<ApiKey>, ReadError> {
        self.read(move |db| {
            many(db, "SELECT * FROM api_keys WHERE merchant_id = ?1 ORDER BY id DESC", [Col(merchant)], codec::api_key)
        })
        .await
    }

    /// All merchants, oldest first.
    pub async fn merchants(&self) -> Result<Vec<Merchant>, ReadError> {
        self.read(|db| many(db, "SELECT * FROM merchants ORDER BY id", [], codec::merchant)).await
    }

    /// A merchant's PSP accounts, oldest first.
    pub async fn psp_accounts(&self, merchant: MerchantId) -> Result<Vec<PspAccount>, ReadError> {
        self.read(move |db| {
            many(db, "SELECT * FROM psp_accounts WHERE merchant_id = ?1 ORDER BY id", [Col(merchant)], codec::psp_account)
        })
        .await
    }
}
