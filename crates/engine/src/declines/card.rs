//! Whether a card may be tried, by what the networks allow and what has become of it so far.

use super::keys;
use crate::{Engine, Error};
use ducat_domain::payments::{
    CardNetwork, CardSeen, HISTORY, Initiator, LONGEST_WINDOW, PaymentOrder, Refused, Verdict, held_until, verdict,
};
use ducat_domain::{MerchantId, PspAccountId};
use ducat_store::{DeclineKey, DeclinesAsked};

/// A try that somebody has in mind.
#[derive(Clone, Copy, Debug)]
pub struct NewTry<'a> {
    /// Whose customer.
    pub merchant: MerchantId,
    /// At which account.
    pub psp_account: PspAccountId,
    /// With which card.
    pub card: &'a CardSeen,
    /// Who wants it.
    pub initiator: Initiator,
}

/// Whether the card may be tried now. Whoever charges a stored card asks before each try, and writes the refusal of it down.
pub async fn may_try(engine: &Engine, new: NewTry<'_>) -> Result<Verdict, Error> {
    let keys = keys::cards(engine, new.merchant, new.psp_account, new.card);
    for key in &keys {
        if engine.store().was_refused_for_good(new.merchant, *key).await? {
            return Ok(Verdict::Never);
        }
    }
    let now = engine.now();
    let mut worst = Verdict::May;
    for history in histories(engine, new.merchant, keys).await? {
        worst = match (worst, verdict(&history, new.card.network, new.initiator, now)) {
            (Verdict::Never, _) | (_, Verdict::Never) => Verdict::Never,
            (Verdict::NotBefore(a), Verdict::NotBefore(b)) => Verdict::NotBefore(a.max(b)),
            (Verdict::May, other) | (other, Verdict::May) => other,
        };
    }
    Ok(worst)
}

/// Whether a card that was refused on this order has come to its network's limit. Which card comes next is the customer's choice, so the
/// page must be closed before it can be this one.
pub(super) async fn is_at_its_limit(engine: &Engine, order: &PaymentOrder) -> Result<bool, Error> {
    let cards = engine.store().refused_cards(order.merchant, keys::of_order(engine, order)).await?;
    if cards.is_empty() {
        return Ok(false);
    }
    let now = engine.now();
    let is_held = |history: &Vec<Refused>| {
        let network = history.first().map_or(CardNetwork::Other, |newest| newest.network);
        held_until(history, network, Initiator::Customer, now).is_some()
    };
    Ok(histories(engine, order.merchant, cards).await?.iter().any(is_held))
}

async fn histories(engine: &Engine, merchant: MerchantId, cards: Vec<DeclineKey>) -> Result<Vec<Vec<Refused>>, Error> {
    let since = engine.now().minus(LONGEST_WINDOW);
    let asked = cards.into_iter().map(|key| DeclinesAsked { key, since, limit: HISTORY }).collect();
    Ok(engine.store().declines(merchant, asked).await?)
}
