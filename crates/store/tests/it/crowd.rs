//! Many orders fast, as a year of a shop would leave them: paid, held, lapsed, refunded, disputed, paid out; for measuring, and for
//! checking that what is measured is sound.

use crate::builders::*;
use ducat_domain::journal::FiledEntry;
use ducat_domain::payments::*;
use ducat_domain::settlement::{Payout, PayoutMoved, PayoutSeen, PayoutStatus};
use ducat_domain::*;
use ducat_store::*;

/// How many orders are committed together.
const BATCH: u64 = 250;

/// What is committed together: the first step of every order, then the second of each that has one, and so on.
#[derive(Default)]
struct Rounds {
    rounds: Vec<Change>,
    /// Where the order stands that is being written.
    step: usize,
}

impl Rounds {
    /// The round in which the next step of the order is made.
    fn next(&mut self) -> &mut Change {
        if self.rounds.len() <= self.step {
            self.rounds.resize_with(self.step + 1, Change::default);
        }
        &mut self.rounds[self.step]
    }
}

/// Commits this many orders of one shop, with everything that became of them.
pub async fn crowd(w: &World, shop: Shop, orders: u64) {
    let mut left = orders;
    while left > 0 {
        let mut all = Rounds::default();
        for _ in 0..left.min(BATCH) {
            one(w, shop, &mut all);
            all.step = 0;
        }
        payout(w, shop, &mut all);
        left = left.saturating_sub(BATCH);
        for round in all.rounds {
            w.commit(round).await;
        }
    }
}

/// One order from its beginning to its end.
fn one(w: &World, shop: Shop, all: &mut Rounds) {
    let opened = w.opened(shop, w.terms());
    let payment = opened.payment.clone();
    add(w, all, opened, PaymentWrite::Insert);
    let payment = told(w, all, payment, Observed::Open);
    match w.dice.below(100) {
        0..4 => drop(told(w, all, payment, Observed::Expired)),
        4..6 => drop(told(w, all, payment, held(4999))),
        6..11 => {
            let payment = told(w, all, payment, held(4999));
            paid(w, all, payment);
        }
        _ => paid(w, all, payment),
    }
}

/// The money comes, with the line of the PSP's statement; of ten, one goes back, and of a hundred, one is disputed.
fn paid(w: &World, all: &mut Rounds, payment: Payment) {
    let payment = told(w, all, payment, Observed::Captured(eur(4999)));
    let now = w.now();
    let fee = Fee { psp_line: format!("txn_{}", payment.attempt.id), amount: eur(175) };
    let (order, psp_account, merchant) = (payment.order.id, payment.attempt.psp_account, payment.order.merchant);
    all.next().psp_lines.push(PspLineRow {
        psp_account,
        psp_line: fee.psp_line.clone(),
        merchant,
        kind: "charge".into(),
        psp_kind: "charge".into(),
        amount: eur(4999),
        fee: 175,
        order: Some(order),
        payout: None,
        exception: None,
        at: now,
        read_at: now,
    });
    let payment = step(w, all, payment.fees_told(&[fee], now));
    match w.dice.below(100) {
        0..10 => refund(w, all, payment),
        10 => dispute(w, all, payment),
        _ => {}
    }
}

fn refund(w: &World, all: &mut Rounds, payment: Payment) {
    let now = w.now();
    let new = NewRefund { id: RefundId::new(now, &w.dice), amount: Some(1_000), reason: None, origin: RefundOrigin::Api };
    let begun = payment.request_refund(new, now, at(60)).expect("a refund");
    let Some(Part::Refund(refund)) = begun.part.clone() else { panic!("no refund") };
    let payment = step(w, all, Some(begun));
    let seen = RefundSeen {
        psp_refund: format!("psp_{}", refund.id),
        ours: Some(refund.id),
        amount: refund.amount,
        state: RefundState::Succeeded,
        failure: None,
    };
    step(w, all, payment.refund_heard(refund, &seen, w.now(), at(60)).expect("a refund that succeeds"));
}

fn dispute(w: &World, all: &mut Rounds, payment: Payment) {
    let id = DisputeId::new(w.now(), &w.dice);
    let mut seen = DisputeSeen {
        psp_dispute: format!("psp_{id}"),
        amount: eur(4999),
        reason: DisputeReason::Fraudulent,
        status: DisputeStatus::NeedsResponse,
        evidence_due_at: Some(at(HOUR)),
        evidence_submitted: false,
        withdrawn: true,
        returned: false,
        fees: vec![Fee { psp_line: format!("txn_{id}"), amount: eur(1_500) }],
        opened_at: w.now(),
    };
    let opened = payment.dispute_heard(Err(id), &seen, w.now()).expect("a dispute");
    let Some(Part::Dispute(dispute)) = opened.as_ref().and_then(|moved| moved.part.clone()) else { panic!("no dispute") };
    let payment = step(w, all, opened);
    seen.status = DisputeStatus::Lost;
    // Each milestone is a move of its own.
    let (mut payment, mut dispute) = (payment, dispute);
    while let Some(moved) = payment.clone().dispute_heard(Ok(dispute.clone()), &seen, w.now()).expect("a dispute that is lost") {
        if let Some(Part::Dispute(after)) = moved.part.clone() {
            dispute = after;
        }
        payment = step(w, all, Some(moved));
    }
}

/// What is paid out once a batch.
fn payout(w: &World, shop: Shop, all: &mut Rounds) {
    let now = w.now();
    let id = PayoutId::new(now, &w.dice);
    let seen = PayoutSeen {
        psp_payout: format!("psp_{id}"),
        amount: eur(10_000),
        status: PayoutStatus::InTransit,
        arrives_at: None,
        created_at: now,
    };
    let begun = Payout::begin(id, shop.merchant, shop.account, &seen, now);
    let left = begun.payout.clone().leave(w.now()).expect("a payout that leaves");
    all.next().psp_lines.push(PspLineRow {
        psp_account: shop.account,
        psp_line: format!("txn_{}", seen.psp_payout),
        merchant: shop.merchant,
        kind: "payout".into(),
        psp_kind: "payout".into(),
        amount: eur(-10_000),
        fee: 0,
        order: None,
        payout: Some(id),
        exception: None,
        at: now,
        read_at: now,
    });
    for PayoutMoved { payout, entries, event } in [begun, left] {
        let round = all.next();
        round.events.push(EventRow {
            id: EventId::new(payout.updated_at, &w.dice),
            merchant: shop.merchant,
            subject: Subject::Payout(id),
            sequence: payout.version,
            kind: event,
            at: payout.updated_at,
            snapshot: "{}".into(),
        });
        let file = |entry| FiledEntry { id: EntryId::new(now, &w.dice), merchant: shop.merchant, entry, note: None };
        round.entries.extend(entries.into_iter().map(file));
        round.payouts.push(payout);
        all.step += 1;
    }
}

fn told(w: &World, all: &mut Rounds, payment: Payment, state: Observed) -> Payment {
    let moved = w.told(&payment, state);
    step(w, all, Some(moved))
}

fn step(w: &World, all: &mut Rounds, moved: Option<Moved>) -> Payment {
    let moved = moved.expect("news");
    let after = moved.payment.clone();
    add(w, all, moved, PaymentWrite::Move);
    after
}

fn add(w: &World, all: &mut Rounds, moved: Moved, write: Write) {
    let ended = moved.payment.order.status.is_terminal();
    let mut change = w.change(moved, write);
    if ended {
        let order = change.payments[0].order();
        change.jobs.retain(|write| !matches!(write.job, Job::Attend(_)));
        change.jobs.push(JobWrite { merchant: order.merchant, job: attend(order.id), then: JobNext::Cancel });
    }
    let round = all.next();
    round.payments.extend(change.payments);
    round.parts.extend(change.parts);
    round.entries.extend(change.entries);
    round.events.extend(change.events);
    round.jobs.extend(change.jobs);
    all.step += 1;
}

#[cfg(test)]
crate::each_database::on_each_database! { a_crowd_of_orders_leaves_nothing_for_verify_to_find }

#[cfg(test)]
async fn a_crowd_of_orders_leaves_nothing_for_verify_to_find(w: World) {
    let shop = w.shop().await;
    crowd(&w, shop, 600).await;
    w.assert_sound().await;
    let report = w.store.verify().await.unwrap();
    let rows = |what: &str| report.checked.iter().find(|(table, _)| *table == what).unwrap().1;
    assert!(rows("payment_orders") == 600 && rows("refunds") > 20 && rows("disputes") > 0 && rows("payouts") == 3);
}

#[test]
fn two_checkers_find_what_one_finds_and_tell_of_each_check_once() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shop = w.shop().await;
        crowd(&w, shop, 300).await;
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let note = std::sync::Arc::clone(&told);
        let report = w.store.verify_watched(move |progress| note.lock().unwrap().push(progress)).await.unwrap();
        let one = World::open(w.path.clone(), WriterMode::Caller, 9);
        assert_eq!(report, one.store.verify().await.unwrap());
        let mut told = told.lock().unwrap().clone();
        told.sort_by_key(|progress| progress.done);
        let done: Vec<usize> = told.iter().map(|progress| progress.done).collect();
        assert_eq!(done, (1..=report.invariants as usize).collect::<Vec<_>>());
        assert!(told.iter().all(|progress| progress.of == report.invariants as usize));
    });
}
