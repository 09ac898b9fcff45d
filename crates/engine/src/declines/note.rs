//! What is written beside a decline, in the change whose event tells of it.

use super::keys;
use crate::{Engine, Error, TestCards};
use ducat_domain::payments::{CardMode, CardNetwork, CardSeen, DeclineClass, Initiator, Observation, Payment};
use ducat_store::{Change, DeclineKey, DeclineRow};

/// A refusal that is news, with everything by which it is counted.
pub(crate) struct Noted {
    keys: Vec<DeclineKey>,
    network: Option<CardNetwork>,
    is_final: bool,
}

impl Noted {
    /// Looks up what a refusal is counted by. Nothing where there is none, or none that is new: what is paid costs nothing here.
    pub(crate) async fn of(engine: &Engine, payment: &Payment, seen: &Observation) -> Result<Option<Self>, Error> {
        let Some(decline) = &seen.decline else { return Ok(None) };
        if payment.attempt.decline.as_ref().is_some_and(|known| known.is_same_try(decline)) {
            return Ok(None);
        }
        let order = &payment.order;
        let mut keys = vec![keys::of_order(engine, order)];
        keys.extend(keys::customer(engine, order.merchant, &order.terms));
        keys.extend(engine.store().visit(order.merchant, order.id).await?);
        let counts = |card: &CardSeen| card.mode == CardMode::Live || engine.settings().test_cards == TestCards::Counted;
        let card = seen.card.as_deref().filter(|card| counts(card));
        if let Some(card) = card {
            keys.extend(keys::cards(engine, order.merchant, payment.attempt.psp_account, card));
        }
        let network = card.map(|card| card.network);
        Ok(Some(Self { keys, network, is_final: decline.class() == DeclineClass::Hard }))
    }

    /// Adds the rows to the change that carries the event.
    pub(crate) fn amend(&self, after: &Payment, change: &mut Change) {
        let Some(event) = change.events.last() else { return };
        let (event, at) = (event.id, event.at);
        let row = |key: &DeclineKey| DeclineRow {
            merchant: after.order.merchant,
            key: *key,
            at,
            event,
            network: self.network,
            // On a PSP's page it is always the customer who tries.
            initiator: Initiator::Customer,
            // It is the card that must not be tried again, and nobody else.
            is_final: self.is_final && matches!(key, DeclineKey::Card(_)),
        };
        change.declines = self.keys.iter().map(row).collect();
    }
}
