//! When too much was refused: on an order, of a customer, from an address; or of a card, under its network's limits.

use super::{card, keys};
use crate::{Engine, Error};
use ducat_domain::payments::{AttemptStatus, Payment, Rule, Terms};
use ducat_domain::{MerchantId, Timestamp};
use ducat_store::{DeclineKey, DeclinesAsked};

/// Until when this merchant's guard is closed under any of these keys, each with its rule. One read, and none where all is switched off.
pub(super) async fn closed_until(
    engine: &Engine,
    merchant: MerchantId,
    watched: Vec<(DeclineKey, Rule)>,
) -> Result<Option<Timestamp>, Error> {
    let now = engine.now();
    let watched: Vec<_> = watched.into_iter().filter(|(_, rule)| rule.most > 0).collect();
    if watched.is_empty() {
        return Ok(None);
    }
    let asked = watched.iter().map(|(key, rule)| DeclinesAsked { key: *key, since: rule.since(now), limit: rule.most });
    let found = engine.store().declines(merchant, asked.collect()).await?;
    let closed = found.iter().zip(&watched).filter_map(|(refused, (_, rule))| {
        let moments: Vec<Timestamp> = refused.iter().map(|r| r.at).collect();
        rule.closed_until(&moments, now)
    });
    Ok(closed.max())
}

/// Until when a customer of this merchant gets no new order, because too much of theirs was refused.
pub(crate) async fn customer_closed(engine: &Engine, merchant: MerchantId, terms: &Terms) -> Result<Option<Timestamp>, Error> {
    let rule = engine.settings().guard.customer;
    let watched = keys::customer(engine, merchant, terms).map(|key| (key, rule));
    closed_until(engine, merchant, watched.into_iter().collect()).await
}

/// Whether an order that waits for its customer at the PSP has had too much refused, so that it must be closed there. Where nothing was
/// refused, nothing is looked up.
pub(crate) async fn is_over(engine: &Engine, payment: &Payment) -> Result<bool, Error> {
    let (order, attempt) = (&payment.order, &payment.attempt);
    if attempt.declines == 0 || attempt.status != AttemptStatus::RequiresAction || order.status.is_terminal() {
        return Ok(false);
    }
    let guard = engine.settings().guard;
    let mut watched = vec![(keys::of_order(engine, order), guard.order)];
    watched.extend(keys::customer(engine, order.merchant, &order.terms).map(|key| (key, guard.customer)));
    watched.extend(engine.store().visit(order.merchant, order.id).await?.map(|key| (key, guard.address)));
    if closed_until(engine, order.merchant, watched).await?.is_some() {
        return Ok(true);
    }
    card::is_at_its_limit(engine, order).await
}
