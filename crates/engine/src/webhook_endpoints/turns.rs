//! How many tests run at once. Each lasts as long as the receiver takes, so a merchant has only a few: slow receivers of one merchant must not
//! keep another from testing.

use ducat_domain::MerchantId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many tests of one merchant run at once,
const EACH: usize = 4;
/// and how many altogether.
const ALL: usize = 64;

/// The tests under way, by merchant.
#[derive(Debug, Default)]
pub(crate) struct TestTurns(Mutex<HashMap<MerchantId, usize>>);

/// One test under way; dropping it ends it.
pub(super) struct Turn<'a> {
    turns: &'a TestTurns,
    merchant: MerchantId,
}

impl TestTurns {
    /// A turn, unless too many are taken.
    pub(super) fn take(&self, merchant: MerchantId) -> Option<Turn<'_>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= ALL || taken.get(&merchant).is_some_and(|n| *n >= EACH) {
            return None;
        }
        *taken.entry(merchant).or_default() += 1;
        Some(Turn { turns: self, merchant })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut taken = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = taken.get_mut(&self.merchant) {
            *n = n.saturating_sub(1);
        }
        taken.retain(|_, n| *n > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merchant(n: u8) -> MerchantId {
        MerchantId::from_bytes([n; 16])
    }

    #[test]
    fn one_merchant_s_tests_leave_room_for_another_s() {
        let turns = TestTurns::default();
        let mut mine: Vec<_> = (0..EACH).map(|_| turns.take(merchant(1)).unwrap()).collect();
        assert!(turns.take(merchant(1)).is_none());
        assert!(turns.take(merchant(2)).is_some());
        mine.pop();
        assert!(turns.take(merchant(1)).is_some());
        drop(mine);
        assert!(turns.0.lock().unwrap().is_empty());
        let all: Vec<_> = (0..=255).filter_map(|n| turns.take(merchant(n))).collect();
        assert_eq!(all.len(), ALL);
    }
}
