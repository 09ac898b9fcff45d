//! The log of committed facts, for those who read it.

use crate::payments::EventView;
use crate::{Engine, Error, Problem};
use ducat_domain::payments::{EventKind, Payment};
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

/// Some events, in no particular order. Those that are not there are left out.
pub(crate) async fn some(engine: &Engine, merchant: MerchantId, ids: Vec<EventId>) -> Result<Vec<(EventId, EventView)>, Error> {
    let rows = engine.store().some_events(merchant, ids).await?;
    let views = shown(engine, merchant, &rows).await?;
    Ok(rows.iter().map(|row| row.id).zip(views).collect())
}

/// Events of a merchant as the API and the deliveries show them.
pub(crate) async fn shown(engine: &Engine, merchant: MerchantId, rows: &[EventRow]) -> Result<Vec<EventView>, Error> {
    let ids: HashSet<PaymentOrderId> = rows.iter().filter_map(|row| row.subject.order()).collect();
    let mut attempts: HashMap<PaymentOrderId, Vec<Payment>> = HashMap::new();
    for payment in engine.store().attempted(merchant, ids.into_iter().collect()).await? {
        attempts.entry(payment.order.id).or_default().push(payment);
    }
    let secret = crate::merchants::return_secret(engine, merchant).await?;
    let show = |row: &EventRow| match row.subject.order() {
        Some(id) => {
            let attempts = attempts.get(&id).map(Vec::as_slice).unwrap_or_default();
            EventView::of_order(&engine.settings().public_url, row, attempts, Some(&secret))
        }
        None => EventView::of_other(row),
    };
    rows.iter().map(show).collect()
}
