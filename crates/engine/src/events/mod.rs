//! The log of committed facts, for those who read it.

use crate::payments::EventView;
use crate::{Engine, Error, Problem};
use ducat_domain::payments::{EventKind, PaymentOrder};
use ducat_domain::{EventId, MerchantId, PaymentOrderId};
use ducat_store::{EventCursor, EventRow, Page};
use std::collections::{HashMap, HashSet};

/// Events in the order of their commit, after a cursor. `kinds` empty is all. A reader who goes on from the last event it saw misses none;
/// one who asks for the newest gets them in the opposite order, to find where the log ends.
pub async fn list(
    engine: &Engine,
    merchant: MerchantId,
    cursor: EventCursor,
    kinds: Vec<String>,
    limit: u32,
) -> Result<Page<EventView>, Error> {
    if let Some(unknown) = kinds.iter().find(|kind| EventKind::parse(kind).is_none()) {
        let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let detail = format!("{unknown:?} is no event type; there are {}", known.join(", "));
        return Err(Error::Invalid(Problem::field("event_type_unknown", "/types", detail)));
    }
    let page = engine.store().events(merchant, cursor, kinds, limit).await?;
    let page =
        page.ok_or_else(|| Error::Invalid(Problem::field("cursor_unknown", "/after", "must be the id of an event of yours")))?;
    let data = shown(engine, merchant, &page.data).await?;
    Ok(Page { data, has_more: page.has_more })
}

/// One event.
pub async fn get(engine: &Engine, merchant: MerchantId, id: EventId) -> Result<EventView, Error> {
    let row = engine.store().event(merchant, id).await?.ok_or(Error::NotFound("event"))?;
    shown(engine, merchant, &[row]).await?.pop().ok_or(Error::NotFound("event"))
}

/// Events of a merchant as the API and the deliveries show them.
pub(crate) async fn shown(engine: &Engine, merchant: MerchantId, rows: &[EventRow]) -> Result<Vec<EventView>, Error> {
    let ids: HashSet<PaymentOrderId> = rows.iter().filter_map(|row| row.subject.order()).collect();
    let orders = engine.store().orders(merchant, ids.into_iter().collect()).await?;
    let orders: HashMap<PaymentOrderId, PaymentOrder> = orders.into_iter().map(|o| (o.id, o)).collect();
    let secret = crate::merchants::return_secret(engine, merchant).await?;
    let show = |row: &EventRow| {
        let Some(id) = row.subject.order() else { return EventView::of_other(row) };
        let order = orders.get(&id).ok_or_else(|| Error::Internal(format!("event {} has no order", row.id)))?;
        EventView::of_order(&engine.settings().public_url, row, order, Some(&secret))
    };
    rows.iter().map(show).collect()
}
