//! Which changes of a group have lost their race already: asked when a group was refused, so that the others can be committed together.

use super::connect::{Connection, NoAnswer};
use super::digest;
use super::statement::{Column, Rows, unnest};
use crate::value::Value;
use crate::{Change, CommitError, DeliveryWrite, EndpointWrite, IdempotencyWrite, PaymentWrite, Unique};
use ducat_domain::{MerchantId, PaymentOrderId};
use std::collections::BTreeMap;
use tokio_postgres::types::ToSql;

/// Why each change that has lost did, by its place in the group.
pub(super) type Lost = BTreeMap<usize, CommitError>;

/// An order, and whose it is.
pub(super) type Named = (MerchantId, PaymentOrderId);

/// A question: which of these rows stand in the way, by the number of the change.
struct Question {
    sql: String,
    rows: Rows,
    means: CommitError,
}

const KEY: &[Column] = &[("change", "integer"), ("merchant_id", "uuid"), ("key", "uuid")];
const REFERENCE: &[Column] = &[("change", "integer"), ("merchant_id", "uuid"), ("reference", "text")];
const ORDER: &[Column] = &[("change", "integer"), ("merchant_id", "uuid"), ("id", "uuid")];
const MESSAGE: &[Column] = &[("change", "integer"), ("merchant_id", "uuid"), ("psp_account_id", "uuid"), ("message_id", "text")];
const VERSION: &[Column] = &[("change", "integer"), ("merchant_id", "uuid"), ("id", "uuid"), ("version", "integer")];
const PLACE: &[Column] =
    &[("change", "integer"), ("merchant_id", "uuid"), ("id", "uuid"), ("position", "bigint"), ("version", "integer")];
const CLAIM: &[Column] = &[("change", "integer"), ("merchant_id", "uuid"), ("id", "uuid"), ("lease_until", "timestamptz")];

/// Asks for everything that is often lost. What is lost in another way is found when each change is committed alone.
pub(super) async fn lost(connection: &Connection, changes: &[&Change]) -> Result<Lost, NoAnswer> {
    let mut lost = Lost::new();
    for question in questions(changes) {
        if question.rows.len() == 0 {
            continue;
        }
        for change in ask(connection, &question.sql, question.rows).await? {
            lost.entry(change).or_insert_with(|| question.means.clone());
        }
    }
    Ok(lost)
}

/// What the changes name that may be taken or gone, in the order of the questions.
fn looked_for(changes: &[&Change]) -> [Rows; 6] {
    let mut rows = [KEY, MESSAGE, REFERENCE, VERSION, PLACE, CLAIM].map(Rows::of);
    for (change, number) in changes.iter().zip(0_u32..) {
        let [keys, messages, references, versions, places, claims] = &mut rows;
        let number = || Value::from(number);
        if let Some(IdempotencyWrite::Claim { merchant, key, .. }) = &change.idempotency {
            keys.push([number(), (*merchant).into(), digest(merchant, key).into()]);
        }
        if let Some(m) = &change.inbox {
            messages.push([number(), m.merchant.into(), m.psp_account.into(), (&m.message_id).into()]);
        }
        for write in &change.payments {
            let o = write.order();
            match write {
                PaymentWrite::Insert(_) => references.push([number(), o.merchant.into(), (&o.terms.reference).into()]),
                _ => versions.push([number(), o.merchant.into(), o.id.into(), o.version.into()]),
            }
        }
        for write in &change.endpoints {
            if let EndpointWrite::Advance { merchant, endpoint, version, from, .. } = write {
                places.push([number(), (*merchant).into(), (*endpoint).into(), (*from).into(), (*version).into()]);
            }
        }
        for write in &change.deliveries {
            if let DeliveryWrite::Tried { delivery, lease_until, .. } = write {
                claims.push([number(), delivery.merchant.into(), delivery.id.into(), (*lease_until).into()]);
            }
        }
    }
    rows
}

/// In the order in which a change is written, so that a change that lost in two ways is told the first.
fn questions(changes: &[&Change]) -> [Question; 6] {
    let [keys, messages, references, versions, places, claims] = looked_for(changes);
    let there =
        |columns: &[Column], table: &str, on: &str| format!("SELECT n.change FROM {} JOIN {table} t ON {on}", unnest(columns));
    let gone = |columns: &[Column], table: &str, on: &str| {
        format!("SELECT n.change FROM {} WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE {on})", unnest(columns))
    };
    let of = "t.merchant_id = n.merchant_id AND";
    // One by one: until the archive is looked at for the first time, a join would read the whole of it.
    let archived = |columns: &[Column], on: &str| {
        let rows = unnest(columns);
        format!("SELECT n.change FROM {rows} WHERE (SELECT t.id FROM archived_orders t WHERE {of} {on}) IS NOT NULL")
    };
    let taken = |unique| CommitError::Taken(unique);
    [
        Question {
            sql: there(KEY, "idempotency_keys", &format!("{of} t.key = n.key")),
            rows: keys,
            means: taken(Unique::IdempotencyKey),
        },
        Question {
            sql: there(
                MESSAGE,
                "inbox",
                &format!("{of} named_at(t.psp_account_id, t.message_id) = named_at(n.psp_account_id, n.message_id)"),
            ),
            rows: messages,
            means: taken(Unique::Message),
        },
        Question {
            sql: format!(
                "{} UNION ALL {}",
                there(REFERENCE, "payment_orders", &format!("{of} t.reference = n.reference")),
                archived(REFERENCE, "t.reference = n.reference")
            ),
            rows: references,
            means: taken(Unique::Reference),
        },
        Question {
            // An order that is archived is brought back.
            sql: format!(
                "{} AND (SELECT t.version FROM archived_orders t WHERE {of} t.id = n.id) IS DISTINCT FROM n.version - 1",
                gone(VERSION, "payment_orders", &format!("{of} t.id = n.id AND t.version = n.version - 1"))
            ),
            rows: versions,
            means: CommitError::Stale,
        },
        Question {
            sql: gone(
                PLACE,
                "webhook_endpoints",
                &format!("{of} t.id = n.id AND t.position = n.position AND t.version = n.version"),
            ),
            rows: places,
            means: CommitError::Stale,
        },
        Question {
            sql: gone(CLAIM, "webhook_deliveries", &format!("{of} t.id = n.id AND t.leased AND t.next_at = n.lease_until")),
            rows: claims,
            means: CommitError::Stale,
        },
    ]
}

/// Which of these orders are in the archive.
pub(super) async fn archived(connection: &Connection, orders: &[Named]) -> Result<Vec<Named>, NoAnswer> {
    let mut rows = Rows::of(ORDER);
    for (place, (merchant, order)) in (0_u32..).zip(orders) {
        rows.push([place.into(), (*merchant).into(), (*order).into()]);
    }
    let sql = format!(
        "SELECT n.change FROM {} WHERE (SELECT t.id FROM archived_orders t WHERE t.merchant_id = n.merchant_id AND t.id = n.id) IS NOT NULL",
        unnest(ORDER)
    );
    let places = ask(connection, &sql, rows).await?;
    Ok(places.into_iter().filter_map(|place| orders.get(place).copied()).collect())
}

async fn ask(connection: &Connection, sql: &str, rows: Rows) -> Result<Vec<usize>, NoAnswer> {
    let (params, kinds) = rows.columns();
    let params = params.iter().map(|p| p as &(dyn ToSql + Sync)).zip(kinds).collect();
    let found = connection.answer(connection.ask_typed(sql, params)).await?;
    Ok(found.iter().filter_map(|row| row.try_get::<_, i32>(0).ok()).filter_map(|n| usize::try_from(n).ok()).collect())
}
