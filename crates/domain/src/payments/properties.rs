//! Properties that hold over every sequence of moves, however absurd.

use super::*;
use crate::journal::{Entry, Layer};
use crate::{AttemptId, MerchantId, Money, PaymentOrderId, PspAccountId, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

const AMOUNT: i64 = 4999;
const ACCOUNT: PspAccountId = PspAccountId::from_bytes([7; 16]);

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

fn money(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}

fn attempt_id(n: u8) -> AttemptId {
    AttemptId::from_bytes([n; 16])
}

fn opened() -> Moved {
    let terms = Terms {
        reference: "order-1".into(),
        amount: money(AMOUNT),
        payment_type: PaymentType::Sale,
        payment_method: PaymentMethod::Apm,
        capture: CaptureMode::Automatic,
        psp: None,
        channel: Channel::Ecommerce,
        expires_at: at(1000),
        description: None,
        line_items: Vec::new(),
        customer: None,
        success_url: None,
        cancel_url: None,
        metadata: BTreeMap::new(),
    };
    let first = (attempt_id(1), ACCOUNT, "stripe".to_owned());
    open(PaymentOrderId::from_bytes([9; 16]), MerchantId::from_bytes([8; 16]), terms, first, at(0), at(10))
}

#[derive(Clone, Debug)]
enum Act {
    See(Observed),
    SeeDecline(u8),
    SeeFee(u8),
    Lost,
    Refused,
    Absent,
    Cancel,
    Expire,
    Retry,
}

fn observed() -> impl Strategy<Value = Observed> {
    prop_oneof![
        Just(Observed::Open),
        Just(Observed::Processing),
        (1..=AMOUNT).prop_map(|m| Observed::Authorized(money(m))),
        (1..=AMOUNT).prop_map(|m| Observed::Captured(money(m))),
        Just(Observed::Failed),
        Just(Observed::Canceled),
        Just(Observed::Expired),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => observed().prop_map(Act::See),
        1 => (0u8..3).prop_map(Act::SeeDecline),
        1 => (0u8..3).prop_map(Act::SeeFee),
        1 => Just(Act::Lost),
        1 => Just(Act::Refused),
        1 => Just(Act::Absent),
        1 => Just(Act::Cancel),
        1 => Just(Act::Expire),
        1 => Just(Act::Retry),
    ]
}

/// The world of one order: the attempts by number, and everything that was committed.
struct World {
    order: PaymentOrder,
    attempts: Vec<Attempt>,
    entries: Vec<Entry>,
    refs: HashSet<String>,
}

impl World {
    fn new() -> Self {
        let moved = opened();
        Self { order: moved.payment.order, attempts: vec![moved.payment.attempt], entries: Vec::new(), refs: HashSet::new() }
    }

    fn payment(&self, index: usize) -> Payment {
        Payment { order: self.order.clone(), attempt: self.attempts[index].clone() }
    }

    fn commit(&mut self, moved: Moved) {
        let before = self.order.clone();
        let after = moved.payment.order;
        assert_eq!(after.version, before.version + 1, "one version per change");
        assert!(before.status == after.status || before.status.may_become(after.status), "{before:?} -> {after:?}");
        assert_eq!(before.terms, after.terms, "terms never change");
        let attempt = moved.payment.attempt;
        let index = usize::from(attempt.number) - 1;
        if index == self.attempts.len() {
            self.attempts.push(attempt);
        } else {
            self.attempts[index] = attempt;
        }
        for entry in moved.entries {
            assert!(entry.balances());
            assert!(self.refs.insert(entry.event_ref().to_string()), "an entry is booked once: {}", entry.event_ref());
            self.entries.push(entry);
        }
        self.order = after;
        self.check();
    }

    fn check(&self) {
        let order = &self.order;
        let captured: i64 = self.attempts.iter().map(|a| a.captured).sum();
        assert_eq!(order.amount_captured, captured, "the order's sum is its attempts' sum");
        assert!(order.amount_captured <= order.amount_authorized);
        assert_eq!(self.posted(Layer::Posted), captured, "the journal knows what was taken");
        let held: i64 = self.attempts.iter().filter(|a| a.status == AttemptStatus::Authorized).map(|a| a.authorized).sum();
        assert_eq!(self.posted(Layer::Pending), held, "what is held is pending, and nothing else is");
        let payers: Vec<_> = self.attempts.iter().filter(|a| a.status.is_success() && !a.surplus).map(|a| a.id).collect();
        assert_eq!(payers, Vec::from_iter(order.paid_by), "the attempt that pays an order is the one that the order names");
        for a in &self.attempts {
            assert!(a.status != AttemptStatus::Unknown || a.check_at.is_some(), "unknown is always to be checked");
            assert!(a.status != AttemptStatus::RequiresAction || a.token.is_some(), "the token is there before the redirect");
        }
        if order.status == OrderStatus::Succeeded {
            assert!(order.amount_captured > 0 && order.paid_by.is_some());
        }
    }

    /// What the merchant is owed in one layer.
    fn posted(&self, layer: Layer) -> i64 {
        let lines = self.entries.iter().flat_map(Entry::postings).filter(|p| p.layer == layer);
        -lines.filter(|p| p.account.to_string().ends_with(":payable")).map(|p| p.amount.minor).sum::<i64>()
    }

    fn act(&mut self, index: usize, act: &Act, now: Timestamp) {
        let index = index % self.attempts.len();
        let payment = self.payment(index);
        let latest = self.payment(self.attempts.len() - 1);
        let decline = |n: u8| Decline { code: DeclineCode::GenericDecline, psp_code: None, psp_ref: Some(n.to_string()) };
        let seen = |state, decline, fees| Observation {
            token: PspToken(format!("cs_{index}")),
            psp_payment: None,
            redirect_url: Some("https://psp.example/pay".into()),
            state,
            decline,
            fees,
        };
        let moved = match act {
            Act::See(state) => payment.observe(&seen(*state, None, Vec::new()), now, at(99)).ok().flatten(),
            Act::SeeDecline(n) => {
                payment.observe(&seen(Observed::Open, Some(decline(*n)), Vec::new()), now, at(99)).ok().flatten()
            }
            Act::SeeFee(n) => {
                let fee = Fee { psp_line: format!("txn_{index}_{n}"), amount: money(100) };
                let state = Observed::Captured(money(self.attempts[index].captured.max(1)));
                payment.observe(&seen(state, None, vec![fee]), now, at(99)).ok().flatten()
            }
            Act::Lost => payment.registration_unknown(now, at(99)),
            Act::Refused => latest.registration_refused(decline(0), now).ok(),
            Act::Absent => latest.registration_absent(decline(0), now).ok(),
            Act::Cancel => latest.request_cancel(now).ok().flatten(),
            Act::Expire => latest.expire(now),
            Act::Retry => {
                let next = (attempt_id(self.attempts.len() as u8 + 1), ACCOUNT, "stripe".to_owned());
                latest.start_attempt(next, now, at(99)).ok()
            }
        };
        if let Some(moved) = moved {
            self.commit(moved);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn no_sequence_of_moves_breaks_an_invariant(acts in proptest::collection::vec((0usize..4, act(), 0i64..2000), 1..40)) {
        let mut world = World::new();
        for (index, act, second) in acts {
            world.act(index, &act, at(second));
        }
    }

    #[test]
    fn the_messages_of_a_paid_order_end_alike_in_every_order(
        mut messages in Just(vec![0u8, 1, 2, 3, 4, 0, 1, 2, 3, 4]).prop_shuffle(),
        lost in 0usize..9,
    ) {
        // The truth is "captured"; it is told at least once, the rest may be lost.
        messages.truncate(10 - lost);
        messages.push(3);
        let mut world = World::new();
        for m in messages {
            let act = match m {
                0 => Act::See(Observed::Open),
                1 => Act::SeeDecline(1),
                2 => Act::See(Observed::Processing),
                3 => Act::See(Observed::Captured(money(AMOUNT))),
                _ => Act::Lost,
            };
            world.act(0, &act, at(5));
        }
        prop_assert_eq!(world.order.status, OrderStatus::Succeeded);
        prop_assert_eq!(world.order.amount_captured, AMOUNT);
        prop_assert_eq!(world.entries.len(), 1);
        prop_assert!(!world.order.paid_late);
    }
}

#[test]
fn every_pair_of_statuses_is_decided() {
    for from in OrderStatus::ALL {
        assert!(!from.may_become(*from), "staying is no move");
        assert!(!from.may_become(OrderStatus::Created) || *from == OrderStatus::Created);
        if from.is_terminal() {
            let out: Vec<_> = OrderStatus::ALL.iter().filter(|to| from.may_become(**to)).collect();
            assert!(out.iter().all(|to| matches!(to, OrderStatus::Authorized | OrderStatus::Succeeded)), "{from:?} -> {out:?}");
        }
    }
    assert!(OrderStatus::ALL.iter().all(|to| !OrderStatus::Succeeded.may_become(*to)));
}

#[test]
fn a_payment_after_expiry_is_booked_and_flagged() {
    let mut world = World::new();
    world.act(0, &Act::See(Observed::Open), at(1));
    world.act(0, &Act::See(Observed::Expired), at(1001));
    assert_eq!(world.order.status, OrderStatus::Expired);
    world.act(0, &Act::See(Observed::Captured(money(AMOUNT))), at(1002));
    assert_eq!((world.order.status, world.order.paid_late), (OrderStatus::Succeeded, true));
    assert_eq!(world.order.amount_captured, AMOUNT);
}

#[test]
fn money_of_a_second_attempt_is_booked_as_surplus() {
    let mut world = World::new();
    world.act(0, &Act::See(Observed::Open), at(1));
    world.act(0, &Act::See(Observed::Failed), at(2));
    world.act(0, &Act::Retry, at(3));
    world.act(1, &Act::See(Observed::Captured(money(AMOUNT))), at(4));
    world.act(0, &Act::See(Observed::Captured(money(AMOUNT))), at(5));
    assert_eq!(world.order.paid_by, Some(attempt_id(2)));
    assert!(world.attempts[0].surplus && !world.attempts[1].surplus);
    assert_eq!(world.order.amount_captured, 2 * AMOUNT);
}

#[test]
fn another_amount_or_currency_than_ours_is_refused() {
    let payment = opened().payment;
    let seen = |amount| Observation {
        token: PspToken("cs_1".into()),
        psp_payment: None,
        redirect_url: None,
        state: Observed::Captured(amount),
        decline: None,
        fees: Vec::new(),
    };
    for wrong in [money(AMOUNT + 1), money(0), money(-1), Money::new(AMOUNT, "USD".parse().unwrap())] {
        assert_eq!(payment.clone().observe(&seen(wrong), at(1), at(2)), Err(TransitionError::Amount), "{wrong}");
    }
}
