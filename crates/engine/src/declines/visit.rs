//! A customer on the way to the PSP: where they come from is noted, and who has had too much refused is asked to wait.

use super::{guard, keys};
use crate::{Engine, Error};
use ducat_domain::payments::Payment;
use ducat_store::{Change, DeclineKey, Visit};
use std::net::IpAddr;

/// Lets the customer through, or says how long to wait. What is written down is a digest, once for each order and address.
pub(crate) async fn arrive(engine: &Engine, payment: &Payment, visitor: Option<IpAddr>) -> Result<(), Error> {
    let (order, rules) = (&payment.order, engine.settings().guard);
    let address = visitor.filter(|_| rules.address.most > 0).and_then(|ip| keys::address(engine, order.merchant, ip));
    let mut watched = vec![(keys::of_order(engine, order), rules.order)];
    watched.extend(keys::customer(engine, order.merchant, &order.terms).map(|key| (key, rules.customer)));
    watched.extend(address.map(|digest| (DeclineKey::Address(digest), rules.address)));
    if let Some(until) = guard::closed_until(engine, order.merchant, watched).await? {
        return Err(Error::TooManyDeclines { wait: until.since(engine.now()) });
    }
    let Some(address) = address else { return Ok(()) };
    if engine.store().visit(order.merchant, order.id).await? == Some(DeclineKey::Address(address)) {
        return Ok(());
    }
    let visit = Some(Visit { merchant: order.merchant, order: order.id, address, at: engine.now() });
    Ok(engine.store().commit(Change { visit, ..Change::default() }).await?)
}
