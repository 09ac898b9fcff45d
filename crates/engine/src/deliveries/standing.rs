//! How many deliveries of an endpoint may be under way at once. Whoever answers quickly gets more; whoever is slow, dead or unknown shares
//! what is left, so that no number of slow receivers delays the others.

use super::attempt::Pace;
use ducat_domain::{Timestamp, WebhookEndpointId};
use std::collections::HashMap;
use std::time::Duration;

/// How many deliveries of one endpoint are under way at once,
const EACH: u32 = 8;
/// and how many of one that has not proved to be quick, while the others need the room.
const UNPROVED_EACH: u32 = 2;
/// How many are under way altogether,
const ALL: u32 = 256;
/// how many of those of endpoints that have not proved to be quick,
const UNPROVED_ALL: u32 = 128;
/// and up to how many of them there is room enough for everybody.
const PLENTY: u32 = 64;
/// Of a quick endpoint as many are claimed ahead as it will take within this time, by its pace,
const AHEAD: Duration = Duration::from_millis(500);
/// but no more than that.
const MOST_AHEAD: u32 = 512;
/// A pace is told in whole milliseconds; one that is told as none counts as this.
const QUICKEST: Duration = Duration::from_micros(500);
/// An endpoint that takes deliveries within this time is quick.
const QUICK: Duration = Duration::from_secs(1);
/// The longest rest that an endpoint gets by asking for it.
const LONGEST_REST: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    under_way: u32,
    quick: bool,
    /// How long it takes lately, while it is quick.
    pace: Duration,
    rests_until: Option<Timestamp>,
}

impl Standing {
    fn rests(&self, now: Timestamp) -> bool {
        self.rests_until.is_some_and(|until| until > now)
    }
}

/// What is known of the endpoints' pace, in this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Standings {
    known: HashMap<WebhookEndpointId, Standing>,
    quick: u32,
    unproved: u32,
}

impl Standings {
    /// How many deliveries may be begun for this endpoint now.
    pub fn room(&self, id: WebhookEndpointId, now: Timestamp) -> u32 {
        let standing = self.known.get(&id).copied().unwrap_or_default();
        if standing.rests(now) {
            return 0;
        }
        let all = ALL.saturating_sub(self.quick + self.unproved);
        if standing.quick {
            return EACH.saturating_sub(standing.under_way).min(all);
        }
        let each = if self.unproved < PLENTY { EACH } else { UNPROVED_EACH };
        each.saturating_sub(standing.under_way).min(UNPROVED_ALL.saturating_sub(self.unproved)).min(all)
    }

    /// How many of its deliveries this node may hold for it, beside those that are under way: what can be begun now, and of a quick one what
    /// comes next.
    pub fn wants(&self, id: WebhookEndpointId, now: Timestamp) -> u32 {
        self.room(id, now).saturating_add(self.ahead(id, now))
    }

    /// How many may be claimed ahead: none of an endpoint that has not proved to be quick, for they might have to wait long.
    pub fn ahead(&self, id: WebhookEndpointId, now: Timestamp) -> u32 {
        match self.known.get(&id) {
            Some(standing) if standing.quick && !standing.rests(now) => {
                let rounds = AHEAD.as_micros() / standing.pace.max(QUICKEST).as_micros();
                u32::try_from(rounds).unwrap_or(u32::MAX).saturating_mul(EACH).min(MOST_AHEAD)
            }
            _ => 0,
        }
    }

    /// One is begun. Says whether it counts as one of a quick endpoint.
    pub fn begin(&mut self, id: WebhookEndpointId) -> bool {
        let standing = self.known.entry(id).or_default();
        standing.under_way += 1;
        *(if standing.quick { &mut self.quick } else { &mut self.unproved }) += 1;
        standing.quick
    }

    /// One is over; `counted_quick` is what its beginning said. Without a pace nothing is learned.
    pub fn end(&mut self, id: WebhookEndpointId, counted_quick: bool, pace: Option<Pace>, now: Timestamp) {
        let group = if counted_quick { &mut self.quick } else { &mut self.unproved };
        *group = group.saturating_sub(1);
        let standing = self.known.entry(id).or_default();
        standing.under_way = standing.under_way.saturating_sub(1);
        if let Some(pace) = pace {
            let took = pace.arrived_in.filter(|took| *took <= QUICK);
            // One late answer says little, several say much.
            standing.pace = took.map_or(QUICK, |took| if standing.quick { (3 * standing.pace + took) / 4 } else { took });
            standing.quick = took.is_some();
            // One that arrives while another is told to come later does not end the rest.
            let asked = pace.rest_until.map(|until| until.min(now.plus(LONGEST_REST)));
            standing.rests_until = standing.rests_until.max(asked);
        }
    }

    /// When the first of the resting endpoints may be reached again.
    pub fn rest_ends(&self, now: Timestamp) -> Option<Timestamp> {
        self.known.values().filter_map(|s| s.rests_until).filter(|until| *until > now).min()
    }

    /// Forgets endpoints that are in use no more.
    pub fn keep(&mut self, is_in_use: impl Fn(WebhookEndpointId) -> bool) {
        self.known.retain(|id, standing| standing.under_way > 0 || is_in_use(*id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn id(n: u8) -> WebhookEndpointId {
        WebhookEndpointId::from_bytes([n; 16])
    }

    fn pace(took: Option<u64>) -> Option<Pace> {
        Some(Pace { arrived_in: took.map(Duration::from_millis), rest_until: None })
    }

    /// Begins as many as there is room for.
    fn fill(standings: &mut Standings, n: u8) -> u32 {
        let room = standings.room(id(n), NOW);
        (0..room).for_each(|_| {
            standings.begin(id(n));
        });
        room
    }

    #[test]
    fn dead_endpoints_without_end_leave_room_for_a_quick_one() {
        let mut standings = Standings::default();
        let quick = standings.begin(id(255));
        standings.end(id(255), quick, pace(Some(20)), NOW);
        let taken: Vec<u32> = (0..100).map(|n| fill(&mut standings, n)).collect();
        assert_eq!(taken[..8], [8; 8]);
        assert!(taken[8..].iter().all(|room| *room <= 2));
        assert_eq!(taken.iter().sum::<u32>(), UNPROVED_ALL);
        assert_eq!(standings.room(id(255), NOW), EACH);
    }

    #[test]
    fn an_endpoint_that_fails_or_slows_down_is_quick_no_more() {
        for bad in [pace(None), pace(Some(1001))] {
            let mut standings = Standings::default();
            let first = standings.begin(id(1));
            assert!(!first);
            standings.end(id(1), first, pace(Some(1000)), NOW);
            let second = standings.begin(id(1));
            assert!(second);
            standings.end(id(1), second, bad, NOW);
            (2..10).for_each(|n| {
                fill(&mut standings, n);
            });
            assert_eq!(standings.room(id(1), NOW), 2);
        }
    }

    #[test]
    fn of_a_quick_endpoint_as_many_are_claimed_ahead_as_it_takes_in_half_a_second() {
        let mut standings = Standings::default();
        let wants = |standings: &Standings| standings.wants(id(1), NOW);
        assert_eq!(wants(&standings), EACH, "of one that is not known only what can be begun");
        let arrives_in = |standings: &mut Standings, took| {
            let counted = standings.begin(id(1));
            standings.end(id(1), counted, pace(took), NOW);
        };
        arrives_in(&mut standings, Some(100));
        assert_eq!(wants(&standings), EACH + 5 * EACH);
        (0..40).for_each(|_| arrives_in(&mut standings, Some(0)));
        assert_eq!(wants(&standings), EACH + MOST_AHEAD);
        arrives_in(&mut standings, None);
        assert_eq!(wants(&standings), EACH, "one that fails gets none ahead");
        let counted = standings.begin(id(1));
        standings.end(id(1), counted, Some(Pace { arrived_in: Some(Duration::ZERO), rest_until: Some(NOW.plus(QUICK)) }), NOW);
        assert_eq!(wants(&standings), 0, "nor does one that rests");
    }

    #[test]
    fn what_was_begun_is_given_back_to_where_it_was_taken_from() {
        let mut standings = Standings::default();
        let (a, b) = (standings.begin(id(1)), standings.begin(id(1)));
        standings.end(id(1), a, pace(Some(1)), NOW);
        standings.end(id(1), b, None, NOW);
        assert_eq!((standings.quick, standings.unproved), (0, 0));
        standings.keep(|_| false);
        assert!(standings.known.is_empty());
    }

    #[test]
    fn an_endpoint_that_asks_to_rest_is_left_alone_but_not_for_ever() {
        let mut standings = Standings::default();
        let counted = standings.begin(id(1));
        let rest = Pace { arrived_in: None, rest_until: Some(NOW.plus(Duration::from_secs(1_000_000))) };
        standings.end(id(1), counted, Some(rest), NOW);
        let counted = standings.begin(id(1));
        standings.end(id(1), counted, pace(Some(1)), NOW);
        assert_eq!(standings.room(id(1), NOW.plus(LONGEST_REST - Duration::from_secs(1))), 0);
        assert!(standings.room(id(1), NOW.plus(LONGEST_REST)) > 0);
        assert_eq!(standings.rest_ends(NOW), Some(NOW.plus(LONGEST_REST)));
    }
}
