//! The guard against card testing: somebody who tries many stolen numbers is told apart by how much is refused. It counts refusals by
//! order, customer and address; what was paid is never counted.

use crate::Timestamp;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The longest window that a rule may have; refusals are kept a little longer.
pub const LONGEST_RULE: Duration = Duration::from_secs(30 * 24 * 3600);

/// So many refusals within so long, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How many; 0 switches the rule off.
    pub most: u32,
    /// Within how long.
    pub window: Duration,
}

impl Rule {
    /// Refusals from before this moment do not count.
    pub fn since(&self, now: Timestamp) -> Timestamp {
        now.minus(self.window)
    }

    /// Until when nothing more may be tried, by the moments of the newest refusals, in any order. Nothing while there is room.
    pub fn closed_until(&self, refusals: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
        let most = self.most as usize;
        let since = self.since(now);
        let mut counted: Vec<Timestamp> = refusals.iter().copied().filter(|at| *at > since).collect();
        if most == 0 || counted.len() < most {
            return None;
        }
        counted.sort_unstable();
        counted.get(counted.len() - most).map(|at| at.plus(self.window))
    }
}

/// The rules. Every limit of the guard is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclineGuard {
    /// For one order, as long as it lives.
    pub order: Rule,
    /// For one customer, by e-mail address.
    pub customer: Rule,
    /// For one address from which customers come.
    pub address: Rule,
}

impl Default for DeclineGuard {
    fn default() -> Self {
        Self {
            order: Rule { most: 10, window: LONGEST_RULE },
            customer: Rule { most: 10, window: HOUR * 24 },
            address: Rule { most: 20, window: HOUR },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_seconds(0).plus(Duration::from_secs(second))
    }

    #[test]
    fn a_rule_closes_with_its_last_refusal_and_opens_when_one_grows_old() {
        let rule = Rule { most: 3, window: HOUR };
        assert_eq!(rule.closed_until(&[at(10), at(20)], at(30)), None);
        assert_eq!(rule.closed_until(&[at(30), at(10), at(20)], at(30)), Some(at(3610)));
        assert_eq!(rule.closed_until(&[at(10), at(20), at(30)], at(3610)), None);
        // More than the limit came in before anybody could stop it: all but two have to grow old.
        assert_eq!(rule.closed_until(&[at(10), at(20), at(30), at(40)], at(50)), Some(at(3620)));
    }

    #[test]
    fn a_rule_of_zero_is_off() {
        let rule = Rule { most: 0, window: HOUR };
        assert_eq!(rule.closed_until(&[at(1); 50], at(2)), None);
    }

    proptest! {
        #[test]
        fn who_waits_for_the_guard_never_has_more_refusals_in_a_window_than_it_allows(
            most in 1_u32..12, pauses in proptest::collection::vec(0_u64..3000, 1..80),
        ) {
            let rule = Rule { most, window: HOUR };
            let (mut now, mut refusals) = (at(0), Vec::new());
            for pause in pauses {
                now = now.plus(Duration::from_secs(pause));
                match rule.closed_until(&refusals, now) {
                    None => refusals.push(now),
                    Some(until) => {
                        prop_assert!(until > now);
                        prop_assert_eq!(rule.closed_until(&refusals, until), None);
                    }
                }
                let counted = refusals.iter().filter(|at| now.since(**at) < HOUR).count();
                prop_assert!(counted <= most as usize);
            }
        }
    }
}
