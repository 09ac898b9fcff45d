//! Accounts seen lately with their settings opened, so that a payment needs neither a read nor a decryption.

use super::secrets::open;
use crate::payments::Psp;
use crate::{Engine, Error};
use ducat_domain::{MerchantId, PspAccount, PspAccountId, Timestamp, random_bytes};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an account is believed without looking. What was changed on another node counts here within this time; sooner where nodes
/// share a cache, and at once where the PSP or a signature says that the credentials are not good.
const BELIEVED: Duration = Duration::from_secs(5);
/// How many accounts, and how many merchants' lists of them, are remembered.
const MAX_SEEN: usize = 10_000;

/// An account, ready to talk to its PSP.
pub(crate) struct Opened {
    /// As it is kept.
    pub kept: PspAccount,
    /// Its translator with the opened credentials.
    pub psp: Psp,
}

/// The accounts seen lately.
#[derive(Default)]
pub(crate) struct AccountCache {
    one: Seen<PspAccountId, Arc<Opened>>,
    active: Seen<MerchantId, Arc<[Arc<Opened>]>>,
}

impl AccountCache {
    /// This account is looked at anew.
    pub(crate) fn forget(&self, account: &Psp) {
        self.one.forget(&account.id);
        self.active.forget(&account.merchant);
    }
}

/// The account of this id.
pub(crate) async fn opened(engine: &Engine, id: PspAccountId) -> Result<Option<Arc<Opened>>, Error> {
    let (seen, at) = (&engine.accounts().one, At::present(engine));
    if let Some(opened) = seen.get(&id, at) {
        return Ok(Some(opened));
    }
    let Some(kept) = engine.store().psp_account(id).await? else { return Ok(None) };
    let opened = Arc::new(Opened { psp: open(engine, &kept)?, kept });
    seen.put(id, Arc::clone(&opened), at);
    Ok(Some(opened))
}

/// The merchant's accounts that new orders may go to, oldest first.
pub(crate) async fn active_of(engine: &Engine, merchant: MerchantId) -> Result<Arc<[Arc<Opened>]>, Error> {
    let (seen, at) = (&engine.accounts().active, At::present(engine));
    if let Some(accounts) = seen.get(&merchant, at) {
        return Ok(accounts);
    }
    let accounts = engine.store().psp_accounts(merchant).await?.into_iter().filter(|account| account.active);
    let accounts = accounts.map(|kept| Ok(Arc::new(Opened { psp: open(engine, &kept)?, kept })));
    let accounts = accounts.collect::<Result<Arc<[_]>, Error>>()?;
    seen.put(merchant, Arc::clone(&accounts), at);
    Ok(accounts)
}

/// Every node looks at all accounts anew, after the change of one was committed.
pub(super) async fn outdate(engine: &Engine) {
    engine.cache().outdate(random_bytes(engine.chance())).await;
}

/// When something was read.
#[derive(Clone, Copy)]
struct At {
    time: Timestamp,
    /// The generation of what merchants set up, before it was read: in a later one it may have been changed.
    generation: u64,
}

impl At {
    fn present(engine: &Engine) -> Self {
        Self { time: engine.now(), generation: engine.cache().generation() }
    }

    /// Whether what was read then is good at this moment.
    fn is_good(self, now: Self) -> bool {
        self.generation == now.generation && self.time <= now.time && now.time.since(self.time) < BELIEVED
    }
}

/// Values, and when they were read.
struct Seen<K, V>(Mutex<HashMap<K, (V, At)>>);

impl<K, V> Default for Seen<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Seen<K, V> {
    fn get(&self, key: &K, now: At) -> Option<V> {
        self.shelf().get(key).filter(|(_, at)| at.is_good(now)).map(|(value, _)| value.clone())
    }

    fn put(&self, key: K, value: V, at: At) {
        let mut shelf = self.shelf();
        if shelf.len() >= MAX_SEEN {
            shelf.clear();
        }
        shelf.insert(key, (value, at));
    }

    fn forget(&self, key: &K) {
        self.shelf().remove(key);
    }

    fn shelf(&self) -> MutexGuard<'_, HashMap<K, (V, At)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_believed_for_a_while_and_not_after_something_was_changed() {
        let at = |seconds, generation| At { time: Timestamp::from_seconds(seconds), generation };
        let seen = Seen::default();
        seen.put(1, "read", at(10, 7));
        assert_eq!(seen.get(&1, at(14, 7)), Some("read"));
        assert_eq!(seen.get(&1, at(15, 7)), None, "its time is over");
        assert_eq!(seen.get(&1, at(9, 7)), None, "the clock went back");
        assert_eq!(seen.get(&1, at(11, 8)), None, "it was read before the change");
        seen.forget(&1);
        assert_eq!(seen.get(&1, at(11, 7)), None);
    }
}
