//! Properties that hold over every sequence of moves, however absurd.

use super::*;
use crate::journal::{Entry, Layer};
use crate::{AttemptId, CaptureId, DisputeId, MerchantId, Money, PaymentOrderId, PspAccountId, RefundId, Timestamp};
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
    Stop(Observed),
    SeeFee(u8),
    Lost,
    Refused,
    Absent,
    Cancel,
    Expire,
    Retry,
    Claim,
    Capture(i64, bool),
    CaptureLost,
    CaptureRefused,
    Refund(i64),
    RefundLost(usize),
    RefundRefused(usize),
    /// Which refund, and how far the PSP says it is; `None` is one that was made at the PSP.
    SeeRefund(Option<usize>, RefundState),
    /// Which dispute (`None` is a new one), where it stands, whether the money is withdrawn, and returned.
    SeeDispute(Option<usize>, DisputeStatus, bool, bool),
    AnswerDispute(usize, DisputeAnswer),
    Remind(usize),
}

fn observed() -> impl Strategy<Value = Observed> {
    prop_oneof![
        Just(Observed::Open),
        Just(Observed::Processing),
        (1..=AMOUNT, 0..=AMOUNT).prop_map(|(m, c)| Observed::Held { authorized: money(m), captured: money(c.min(m)) }),
        (1..=AMOUNT).prop_map(|m| Observed::Captured(money(m))),
        Just(Observed::Failed),
        Just(Observed::Canceled),
        Just(Observed::Expired),
    ]
}

fn dispute_status() -> impl Strategy<Value = DisputeStatus> {
    proptest::sample::select(DisputeStatus::ALL)
}

fn refund_state() -> impl Strategy<Value = RefundState> {
    prop_oneof![Just(RefundState::Pending), Just(RefundState::Succeeded), Just(RefundState::Failed)]
}

/// What happens to the money after the sale.
fn later_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Claim),
        2 => (1..=AMOUNT, any::<bool>()).prop_map(|(m, last)| Act::Capture(m, last)),
        1 => Just(Act::CaptureLost),
        1 => Just(Act::CaptureRefused),
        3 => (1..=AMOUNT / 2).prop_map(Act::Refund),
        1 => (0usize..4).prop_map(Act::RefundLost),
        1 => (0usize..4).prop_map(Act::RefundRefused),
        4 => (proptest::option::weighted(0.8, 0usize..4), refund_state()).prop_map(|(n, s)| Act::SeeRefund(n, s)),
        4 => (proptest::option::weighted(0.7, 0usize..3), dispute_status(), any::<bool>(), any::<bool>())
            .prop_map(|(n, s, w, r)| Act::SeeDispute(n, s, w, r)),
        1 => (0usize..3, any::<bool>()).prop_map(|(n, evidence)| {
            Act::AnswerDispute(n, if evidence { DisputeAnswer::Evidence } else { DisputeAnswer::Acceptance })
        }),
        1 => (0usize..3).prop_map(Act::Remind),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![sale_act(), later_act()]
}

fn sale_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => observed().prop_map(Act::See),
        1 => (0u8..3).prop_map(Act::SeeDecline),
        1 => observed().prop_map(Act::Stop),
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
    captures: Vec<Capture>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    entries: Vec<Entry>,
    refs: HashSet<String>,
}

impl World {
    fn new() -> Self {
        let moved = opened();
        Self {
            order: moved.payment.order,
            attempts: vec![moved.payment.attempt],
            captures: Vec::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            entries: Vec::new(),
            refs: HashSet::new(),
        }
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
        assert_eq!(
            before.status != after.status,
            after.status_version == after.version,
            "a status names the version it came with"
        );
        assert!(before.claim.is_none() || before.claim == after.claim, "a claim stays");
        match moved.part {
            Some(Part::Capture(c)) => put(&mut self.captures, c, |a, b| a.id == b.id),
            Some(Part::Refund(r)) => put(&mut self.refunds, r, |a, b| a.id == b.id),
            Some(Part::Dispute(d)) => put(&mut self.disputes, d, |a, b| a.id == b.id),
            None => {}
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
        self.check_money(captured);
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

    /// The sums, the parts and the journal say the same.
    fn check_money(&self, captured: i64) {
        let order = &self.order;
        let sum = |of: fn(&Attempt) -> i64| self.attempts.iter().map(of).sum::<i64>();
        assert_eq!(order.amount_refunded, sum(|a| a.refunded));
        assert_eq!(order.amount_refunding, sum(|a| a.refunding));
        assert_eq!(order.amount_disputed, sum(|a| a.disputed));
        let refunds =
            |wanted: fn(&Refund) -> bool| self.refunds.iter().filter(|r| wanted(r)).map(|r| r.amount.minor).sum::<i64>();
        assert_eq!(order.amount_refunded, refunds(|r| r.status == RefundStatus::Succeeded), "refunded is what succeeded");
        assert_eq!(order.amount_refunding, refunds(|r| r.status.is_open()), "on its way back is what is open");
        let gone: Vec<&Dispute> = self.disputes.iter().filter(|d| d.withdrawn && !d.returned).collect();
        let disputed: i64 = gone.iter().map(|d| d.amount.minor).sum();
        assert_eq!(order.amount_disputed, disputed, "disputed is what was withdrawn and not returned");
        let owed = captured - order.amount_refunded - disputed;
        assert_eq!(self.owed(":payable", Layer::Posted), owed, "the journal knows what the merchant is owed");
        let undecided: i64 = gone.iter().filter(|d| d.status != DisputeStatus::Lost).map(|d| d.amount.minor).sum();
        assert_eq!(self.owed(":reserve", Layer::Posted), undecided, "the reserve covers what is not decided");
        assert_eq!(-self.owed(":dispute_held", Layer::Posted), undecided, "the PSP holds what is not decided");
        let on_hold = self.attempts.iter().filter(|a| a.status == AttemptStatus::Authorized);
        let held: i64 = on_hold.map(|a| a.authorized - a.captured).sum();
        let pending = self.owed(":payable", Layer::Pending);
        assert_eq!(pending, held - order.amount_refunding, "what is held or on its way back is pending, and nothing else is");
        for a in &self.attempts {
            assert!(a.refunded + a.refunding <= a.captured && a.captured <= a.authorized, "{a:?}");
            let open = self.captures.iter().filter(|c| c.attempt == a.id && c.status.is_open()).count();
            assert_eq!(open, usize::from(a.capturing > 0), "one capture at a time");
            let blocking = self.disputes.iter().filter(|d| d.attempt == a.id && d.status.blocks_refunds()).count();
            assert_eq!(usize::from(a.open_disputes), blocking);
        }
    }

    /// What is credited in all to the accounts with this ending.
    fn owed(&self, account: &str, layer: Layer) -> i64 {
        let lines = self.entries.iter().flat_map(Entry::postings).filter(|p| p.layer == layer);
        -lines.filter(|p| p.account.to_string().ends_with(account)).map(|p| p.amount.minor).sum::<i64>()
    }

    fn refund_seen(&self, index: usize, which: Option<usize>, state: RefundState) -> (Option<Refund>, RefundSeen) {
        let known = which.and_then(|n| self.refunds.iter().filter(|r| r.attempt == self.attempts[index].id).nth(n));
        let n = self.refunds.len();
        let seen = RefundSeen {
            psp_refund: known.map_or(format!("psp_{n}"), |r| r.psp_refund.clone().unwrap_or(format!("psp_{}", r.id))),
            ours: known.map(|r| r.id),
            amount: known.map_or(money(7), |r| r.amount),
            state,
            failure: None,
        };
        (known.cloned(), seen)
    }

    fn dispute_seen(&self, known: Option<&Dispute>, status: DisputeStatus, withdrawn: bool, returned: bool) -> DisputeSeen {
        let number = i64::from(self.order.version);
        DisputeSeen {
            psp_dispute: known.map_or(format!("dp_{number}"), |d| d.psp_dispute.clone()),
            amount: known.map_or(money(number), |d| d.amount),
            reason: DisputeReason::Fraudulent,
            status,
            evidence_due_at: Some(at(500)),
            evidence_submitted: status == DisputeStatus::UnderReview,
            withdrawn,
            returned: withdrawn && returned,
            fees: Vec::new(),
            opened_at: at(1),
        }
    }

    fn act(&mut self, index: usize, act: &Act, now: Timestamp) {
        let index = index % self.attempts.len();
        let payment = self.payment(index);
        let latest = self.payment(self.attempts.len() - 1);
        let decline = |n: u8| Decline { psp_ref: Some(n.to_string()), ..Decline::of(DeclineCode::GenericDecline) };
        let seen = |state, decline, fees| Observation {
            token: PspToken(format!("cs_{index}")),
            psp_payment: None,
            redirect_url: Some("https://psp.example/pay".into()),
            state,
            decline,
            fees,
            refunds: Vec::new(),
            card: None,
            disputes: Vec::new(),
        };
        let number = self.order.version as u8;
        let capture = self.captures.iter().find(|c| c.attempt == payment.attempt.id && c.status.is_open()).cloned();
        let observe = |payment: Payment, word: Observation| {
            let moved = payment.observe(&word, now, at(99)).ok().flatten();
            moved.map(|moved| moved.concluding(capture.clone()))
        };
        let refund = |n: usize| self.refunds.get(n).filter(|r| r.attempt == payment.attempt.id).cloned();
        let dispute = |n: usize| self.disputes.get(n).filter(|d| d.attempt == payment.attempt.id).cloned();
        let moved = match act {
            Act::Claim => payment.claim("webhook".into(), now).ok(),
            Act::Capture(minor, is_final) => {
                let id = CaptureId::from_bytes([number; 16]);
                payment
                    .request_capture(&NewCapture { id, amount: Some(*minor), is_final: *is_final, most: None }, now, at(99))
                    .ok()
            }
            Act::CaptureLost => capture.and_then(|c| payment.capture_unknown(c, now, at(99))),
            Act::CaptureRefused => capture.and_then(|c| payment.capture_failed(c, decline(1), now)),
            Act::Refund(minor) => {
                let id = RefundId::from_bytes([number; 16]);
                let new = NewRefund { id, amount: Some(*minor), reason: None, origin: RefundOrigin::Api };
                payment.request_refund(new, now, at(99)).ok()
            }
            Act::RefundLost(n) => refund(*n).and_then(|r| payment.refund_unknown(r, now, at(99))),
            Act::RefundRefused(n) => refund(*n).and_then(|r| payment.refund_refused(r, decline(1), now).unwrap()),
            Act::SeeRefund(which, state) => match self.refund_seen(index, *which, *state) {
                (Some(refund), seen) => payment.refund_heard(refund, &seen, now, at(99)).ok().flatten(),
                (None, seen) => payment.refund_found(RefundId::from_bytes([number; 16]), &seen, now, at(99)).ok().flatten(),
            },
            Act::SeeDispute(which, status, withdrawn, returned) => {
                let known = which.and_then(dispute);
                let seen = self.dispute_seen(known.as_ref(), *status, *withdrawn, *returned);
                payment.dispute_heard(known.ok_or(DisputeId::from_bytes([number; 16])), &seen, now).ok().flatten()
            }
            Act::AnswerDispute(n, answer) => {
                dispute(*n).and_then(|d| payment.answer_dispute(d, *answer, BTreeMap::new(), now).ok())
            }
            Act::Remind(n) => dispute(*n).and_then(|d| payment.remind_of_dispute(d, now)),
            Act::See(state) => observe(payment, seen(*state, None, Vec::new())),
            Act::Stop(state) => observe(payment, seen(*state, None, Vec::new())).map(Moved::stopping),
            Act::SeeDecline(n) => observe(payment, seen(Observed::Open, Some(decline(*n)), Vec::new())),
            Act::SeeFee(n) => {
                let fee = Fee { psp_line: format!("txn_{index}_{n}"), amount: money(100) };
                let state = Observed::Captured(money(self.attempts[index].captured.max(1)));
                observe(payment, seen(state, None, vec![fee]))
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

fn put<T>(parts: &mut Vec<T>, part: T, same: impl Fn(&T, &T) -> bool) {
    match parts.iter_mut().find(|known| same(known, &part)) {
        Some(known) => *known = part,
        None => parts.push(part),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn no_sequence_of_moves_breaks_an_invariant(acts in proptest::collection::vec((0usize..4, act(), 0i64..2000), 1..60)) {
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
        refunds: Vec::new(),
        card: None,
        disputes: Vec::new(),
    };
    for wrong in [money(AMOUNT + 1), money(0), money(-1), Money::new(AMOUNT, "USD".parse().unwrap())] {
        assert_eq!(payment.clone().observe(&seen(wrong), at(1), at(2)), Err(TransitionError::Amount), "{wrong}");
    }
}

#[test]
fn an_attempt_that_is_closed_for_its_refusals_ends_the_order_and_money_that_was_faster_stands() {
    let mut world = World::new();
    world.act(0, &Act::See(Observed::Open), at(1));
    world.act(0, &Act::SeeDecline(1), at(2));
    world.act(0, &Act::Stop(Observed::Open), at(3));
    assert_eq!(world.order.status, OrderStatus::Pending, "nothing is stopped before the PSP says so");
    world.act(0, &Act::Stop(Observed::Expired), at(4));
    let failure = world.attempts[0].decline.as_ref().map(|d| (d.code, d.class()));
    assert_eq!((world.order.status, failure), (OrderStatus::Failed, Some((DeclineCode::TooManyDeclines, DeclineClass::Hard))));
    assert_eq!((world.attempts[0].status, world.attempts[0].declines), (AttemptStatus::Failed, 1));
    assert_eq!(world.order.status_version, world.order.version);
    world.act(0, &Act::See(Observed::Captured(money(AMOUNT))), at(5));
    assert_eq!((world.order.status, world.order.paid_late), (OrderStatus::Succeeded, true));
}

#[test]
fn a_customer_may_be_refused_twice_and_then_pay() {
    let mut world = World::new();
    world.act(0, &Act::See(Observed::Open), at(1));
    world.act(0, &Act::SeeDecline(1), at(2));
    world.act(0, &Act::SeeDecline(1), at(3));
    world.act(0, &Act::SeeDecline(2), at(4));
    assert_eq!((world.order.status, world.attempts[0].declines), (OrderStatus::Pending, 2));
    world.act(0, &Act::See(Observed::Captured(money(AMOUNT))), at(5));
    assert_eq!(world.order.status, OrderStatus::Succeeded);
}

#[test]
fn a_fee_of_the_statement_is_booked_while_money_is_still_held() {
    let mut world = World::new();
    world.act(0, &Act::See(Observed::Held { authorized: money(AMOUNT), captured: money(1000) }), at(1));
    let fees = [Fee { psp_line: "txn_1".into(), amount: money(40) }];
    let told = world.payment(0).fees_told(&fees, at(2)).unwrap();
    assert_eq!((told.entries.len(), &told.payment.attempt.fees[..]), (1, &fees[..]));
    world.commit(told);
    assert_eq!(world.payment(0).fees_told(&fees, at(3)), None, "it is known");
}

#[test]
fn a_dispute_s_fee_that_is_given_back_is_booked_the_other_way() {
    let mut world = World::new();
    world.act(0, &Act::See(Observed::Captured(money(AMOUNT))), at(1));
    for (line, minor) in [("txn_1", 1500), ("txn_2", -1500)] {
        // A PSP tells much at once; each step is a move of its own.
        loop {
            let known = world.disputes.first().cloned();
            let fees = vec![Fee { psp_line: line.into(), amount: money(minor) }];
            let seen = DisputeSeen { fees, ..world.dispute_seen(known.as_ref(), DisputeStatus::NeedsResponse, true, false) };
            let known = known.ok_or(DisputeId::from_bytes([1; 16]));
            let Some(moved) = world.payment(0).dispute_heard(known, &seen, at(2)).unwrap() else { break };
            world.commit(moved);
        }
    }
    assert_eq!(world.owed("expense:dispute_fee", Layer::Posted), 0);
    assert_eq!(world.entries.iter().filter(|e| e.event_ref().to_string().contains(":fee:")).count(), 2);
}
