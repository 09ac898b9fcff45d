//! How often a card may be tried: the card networks' limits as a dated table, and what a card's history says under it. We stop one
//! below each limit, because others may try the same card too late for us to hear of it.
//!
//! Sources: Visa Core Rules, "Decline Response Codes and Reattempts" (categories 1 to 4; 20 instead of 15 reattempts, with separate
//! counts for customer and merchant, since 19 May 2025); Mastercard Transaction Processing Excellence (10 in 24 hours and 35 in 30
//! days for each card; merchant advice codes 03 and 21 are final).

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The longest window of any limit: what is older counts nowhere.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// As many of the newest tries as any verdict needs.
pub const HISTORY: u32 = 100;

/// A card network with limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardNetwork {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// Any other. It is held to every limit that there is, since we know of none of its own.
    Other,
}

impl CardNetwork {
    /// The network as text, as it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visa => "visa",
            Self::Mastercard => "mastercard",
            Self::Other => "other",
        }
    }

    /// The network with this text; what is not known is another one.
    pub fn parse(text: &str) -> Self {
        [Self::Visa, Self::Mastercard].into_iter().find(|network| network.as_str() == text).unwrap_or(Self::Other)
    }
}

/// Who had the card tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The customer, who is there.
    Customer,
    /// The merchant, by an agreement: a subscription.
    Merchant,
}

impl Initiator {
    /// Who, as text, as it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Merchant => "merchant",
        }
    }

    /// Who, by this text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Customer, Self::Merchant].into_iter().find(|who| who.as_str() == text)
    }
}

/// A try of a card that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Through which network.
    pub network: CardNetwork,
    /// Who had it tried.
    pub initiator: Initiator,
    /// The refusal was final: never again.
    pub is_final: bool,
}

/// Whether the counts of customers and merchants are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Every try counts.
    Together,
    /// Customers' tries count for customers, merchants' for merchants.
    Apart,
}

/// One limit of one network.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Whose.
    pub network: CardNetwork,
    /// In force from this moment.
    pub from: Timestamp,
    /// In force until this moment; without one, still.
    pub until: Option<Timestamp>,
    /// Over how long tries are counted.
    pub window: Duration,
    /// With this many in the window the network begins to charge for it.
    pub tries: u32,
    /// How they are counted.
    pub counted: Counted,
}

/// 2025-05-19T00:00:00Z.
const VISA_TWENTY: Timestamp = Timestamp::from_seconds(1_747_612_800);
const ALWAYS: Timestamp = Timestamp::from_seconds(0);

/// Every limit, with its dates.
pub const LIMITS: &[Limit] = &[
    Limit {
        network: CardNetwork::Visa,
        from: ALWAYS,
        until: Some(VISA_TWENTY),
        window: LONGEST_WINDOW,
        tries: 15,
        counted: Counted::Together,
    },
    Limit {
        network: CardNetwork::Visa,
        from: VISA_TWENTY,
        until: None,
        window: LONGEST_WINDOW,
        tries: 20,
        counted: Counted::Apart,
    },
    Limit { network: CardNetwork::Mastercard, from: ALWAYS, until: None, window: DAY, tries: 10, counted: Counted::Together },
    Limit {
        network: CardNetwork::Mastercard,
        from: ALWAYS,
        until: None,
        window: LONGEST_WINDOW,
        tries: 35,
        counted: Counted::Together,
    },
];

impl Limit {
    fn is_for(&self, network: CardNetwork, now: Timestamp) -> bool {
        let dated = self.from <= now && self.until.is_none_or(|until| now < until);
        dated && (network == CardNetwork::Other || network == self.network)
    }

    fn counts(&self, refused: &Refused, initiator: Initiator) -> bool {
        self.counted == Counted::Together || refused.initiator == initiator
    }

    /// Until when this limit holds a further try back.
    fn holds_until(&self, history: &[Refused], initiator: Initiator, now: Timestamp) -> Option<Timestamp> {
        let most = self.tries.saturating_sub(1) as usize;
        let since = now.minus(self.window);
        let mut counted: Vec<Timestamp> =
            history.iter().filter(|r| r.at > since && self.counts(r, initiator)).map(|r| r.at).collect();
        if counted.len() < most {
            return None;
        }
        counted.sort_unstable();
        // Room for one more is there once only `most - 1` are left in the window.
        counted.get(counted.len() - most).map(|at| at.plus(self.window))
    }
}

/// Whether a card may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    May,
    /// Not before this moment.
    NotBefore(Timestamp),
    /// Never again.
    Never,
}

/// Whether a card with this history may be tried now, by whom. The history holds the refusals of the last [`LONGEST_WINDOW`], in any
/// order, and every final one.
pub fn verdict(history: &[Refused], network: CardNetwork, initiator: Initiator, now: Timestamp) -> Verdict {
    if history.iter().any(|refused| refused.is_final) {
        return Verdict::Never;
    }
    held_until(history, network, initiator, now).map_or(Verdict::May, Verdict::NotBefore)
}

/// Until when the limits hold the card back, final refusals aside: on a PSP's page the customer chooses the card, and only the number of
/// tries is ours to end. Nothing while there is room.
pub fn held_until(history: &[Refused], network: CardNetwork, initiator: Initiator, now: Timestamp) -> Option<Timestamp> {
    LIMITS.iter().filter(|l| l.is_for(network, now)).filter_map(|l| l.holds_until(history, initiator, now)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORKS: [CardNetwork; 3] = [CardNetwork::Visa, CardNetwork::Mastercard, CardNetwork::Other];
    const START: Timestamp = Timestamp::from_seconds(1_795_255_200);

    fn refused(at: Timestamp, network: CardNetwork, initiator: Initiator) -> Refused {
        Refused { at, network, initiator, is_final: false }
    }

    /// As many tries as the verdict allows, one a second.
    fn burst(network: CardNetwork, initiator: Initiator) -> (Vec<Refused>, Verdict) {
        let mut history = Vec::new();
        for second in 0..100 {
            let now = START.plus(Duration::from_secs(second));
            match verdict(&history, network, initiator, now) {
                Verdict::May => history.push(refused(now, network, initiator)),
                held => return (history, held),
            }
        }
        panic!("no limit held")
    }

    #[test]
    fn each_network_is_left_alone_one_try_before_its_limit() {
        let (visa, held) = burst(CardNetwork::Visa, Initiator::Customer);
        assert_eq!((visa.len(), held), (19, Verdict::NotBefore(START.plus(LONGEST_WINDOW))));
        let (mastercard, held) = burst(CardNetwork::Mastercard, Initiator::Customer);
        assert_eq!((mastercard.len(), held), (9, Verdict::NotBefore(START.plus(DAY))));
        assert_eq!(burst(CardNetwork::Other, Initiator::Merchant).0.len(), 9);
    }

    #[test]
    fn a_customer_may_still_try_a_visa_card_that_the_merchant_has_tried_out() {
        let (history, _) = burst(CardNetwork::Visa, Initiator::Merchant);
        let now = START.plus(DAY);
        assert!(matches!(verdict(&history, CardNetwork::Visa, Initiator::Merchant, now), Verdict::NotBefore(_)));
        assert_eq!(verdict(&history, CardNetwork::Visa, Initiator::Customer, now), Verdict::May);
        let (history, _) = burst(CardNetwork::Mastercard, Initiator::Merchant);
        let soon = START.plus(Duration::from_secs(60));
        assert!(matches!(verdict(&history, CardNetwork::Mastercard, Initiator::Customer, soon), Verdict::NotBefore(_)));
    }

    #[test]
    fn before_may_2025_visa_counted_fifteen_and_everybody_together() {
        let then = VISA_TWENTY.minus(DAY);
        let history: Vec<_> = (0..14)
            .map(|i| refused(then, CardNetwork::Visa, if i % 2 == 0 { Initiator::Customer } else { Initiator::Merchant }))
            .collect();
        assert!(matches!(verdict(&history, CardNetwork::Visa, Initiator::Customer, then), Verdict::NotBefore(_)));
        assert_eq!(verdict(&history, CardNetwork::Visa, Initiator::Customer, VISA_TWENTY), Verdict::May);
    }

    #[test]
    fn a_final_refusal_is_final_for_ever() {
        let last = Refused { is_final: true, ..refused(START, CardNetwork::Visa, Initiator::Customer) };
        let later = START.plus(LONGEST_WINDOW * 24);
        assert_eq!(verdict(&[last], CardNetwork::Visa, Initiator::Merchant, later), Verdict::Never);
    }

    /// A generator of our own: 100,000 schedules are too many for one that keeps what it needs to shrink them.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % sides
        }

        fn pause(&mut self) -> Duration {
            let longest = [1, 60, 3600, 40_000, 90_000, 400_000][self.roll(6) as usize];
            Duration::from_secs(self.roll(longest + 1))
        }

        fn initiator(&mut self) -> Initiator {
            if self.roll(2) == 0 { Initiator::Customer } else { Initiator::Merchant }
        }
    }

    /// Counts by the letter of the rules, for the windows that end with this try.
    fn assert_below_every_limit(history: &[Refused], seed: u64) {
        let Some(last) = history.last() else { return };
        let within = |window: Duration, who: Option<Initiator>| {
            let counted = |r: &&Refused| last.at.since(r.at) < window && who.is_none_or(|who| r.initiator == who);
            history.iter().filter(counted).count()
        };
        let month = Duration::from_secs(30 * 86_400);
        if last.network != CardNetwork::Mastercard {
            assert!(within(month, Some(last.initiator)) < 20, "Visa, schedule {seed}");
        }
        if last.network != CardNetwork::Visa {
            assert!(within(Duration::from_secs(86_400), None) < 10, "Mastercard in a day, schedule {seed}");
            assert!(within(month, None) < 35, "Mastercard in a month, schedule {seed}");
        }
    }

    #[test]
    fn no_schedule_of_a_hundred_thousand_goes_over_a_limit_or_is_held_back_for_nothing() {
        let (mut tried, mut held_back) = (0_u64, 0_u64);
        for seed in 0..100_000 {
            let mut dice = Dice(seed);
            let network = NETWORKS[dice.roll(3) as usize];
            let (mut now, mut history) = (START, Vec::new());
            for _ in 0..dice.roll(60) {
                now = now.plus(dice.pause());
                let who = dice.initiator();
                match verdict(&history, network, who, now) {
                    Verdict::May => {
                        history.push(refused(now, network, who));
                        assert_below_every_limit(&history, seed);
                        tried += 1;
                    }
                    Verdict::NotBefore(then) => {
                        assert!(then > now, "schedule {seed}");
                        assert_eq!(verdict(&history, network, who, then), Verdict::May, "schedule {seed}");
                        let just_before = then.minus(Duration::from_micros(1));
                        assert_ne!(verdict(&history, network, who, just_before), Verdict::May, "schedule {seed}");
                        held_back += 1;
                        if dice.roll(4) == 0 {
                            now = then;
                        }
                    }
                    Verdict::Never => panic!("nothing was final"),
                }
            }
        }
        assert!(tried > 500_000 && held_back > 50_000, "{tried} tried, {held_back} held back");
    }
}
