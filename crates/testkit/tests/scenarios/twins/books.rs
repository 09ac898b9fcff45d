//! The books: payouts that arrive, exceptions that are closed, entries that are reversed.

use super::{Asked, played};
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Transfer};
use ducat_domain::settlement::{Payout, PayoutMoved, PayoutSeen, PayoutStatus};
use ducat_domain::{Chance, Clock, EntryId, EventId, ExceptionId, Money, PayoutId, Subject};
use ducat_engine::ledger::{self, NewReversal};
use ducat_engine::settlement::{self, NewArrival, Settled};
use ducat_engine::{Engine, RequestKey};
use ducat_store::{BookException, Change, EventRow, PspLineRow};
use ducat_testkit::{Seeded, World};

fn eur(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}

fn filed(world: &World, chance: &dyn Chance, entry: Entry) -> FiledEntry {
    FiledEntry { id: EntryId::new(world.clock.now(), chance), merchant: world.merchant, entry, note: None }
}

/// A line of the PSP's statement.
fn line(world: &World, name: &str, kind: &str, amount: i64) -> PspLineRow {
    let now = world.clock.now();
    PspLineRow {
        psp_account: world.account,
        psp_line: name.into(),
        merchant: world.merchant,
        kind: kind.into(),
        psp_kind: kind.into(),
        amount: eur(amount),
        fee: 0,
        order: None,
        payout: None,
        exception: None,
        at: now,
        read_at: now,
    }
}

/// A payout of 100.00 EUR that has left the PSP.
async fn payout(world: &World, place: usize) -> PayoutId {
    let (now, chance) = (world.clock.now(), Seeded::new(5_000 + place as u64));
    let id = PayoutId::new(now, &chance);
    let seen = PayoutSeen {
        psp_payout: format!("po_{place}"),
        amount: eur(10_000),
        status: PayoutStatus::InTransit,
        arrives_at: None,
        created_at: now,
    };
    let begun = Payout::begin(id, world.merchant, world.account, &seen, now);
    let left = begun.payout.clone().leave(now).unwrap();
    for PayoutMoved { payout, entries, event } in [begun, left] {
        let event = EventRow {
            id: EventId::new(now, &chance),
            merchant: world.merchant,
            subject: Subject::Payout(id),
            sequence: payout.version,
            kind: event,
            at: now,
            snapshot: "{}".into(),
        };
        let entries = entries.into_iter().map(|entry| filed(world, &chance, entry)).collect();
        let change = Change { payouts: vec![payout], events: vec![event], entries, ..Change::default() };
        world.engine.store().commit(change).await.unwrap();
    }
    let left = PspLineRow { payout: Some(id), ..line(world, &format!("txn_p{place}"), "payout", -10_000) };
    world.engine.store().commit(Change { psp_lines: vec![left], ..Change::default() }).await.unwrap();
    id
}

#[tokio::test]
async fn a_payout_arrives_and_has_not_arrived_before() {
    let ask = |node: Engine, merchant, id, key: Option<RequestKey>| -> Asked {
        let new = NewArrival { bank: "main".into(), credited: 10_000, currency: "EUR".into(), fee: 0, reference: None };
        Box::pin(async move { settlement::arrive(&node, merchant, id, new, key).await })
    };
    assert_eq!(played(821, payout, ask).await, 0);
}

/// A line that nobody can place: its entry, and its exception.
async fn suspended(world: &World, place: usize) -> (EntryId, ExceptionId) {
    let (now, chance, psp) = (world.clock.now(), Seeded::new(6_000 + place as u64), world.account);
    let name = format!("=txn_{place}");
    let moves = [Transfer::signed(Account::Suspense(psp), Account::PspReceivable(psp), eur(900))];
    let entry = Entry::transfer(EventRef::Suspended(psp, name.clone()), None, now, &moves).unwrap();
    let entry = filed(world, &chance, entry);
    let exception = BookException {
        id: ExceptionId::new(now, &chance),
        merchant: world.merchant,
        kind: "unplaced_line".into(),
        psp_account: Some(psp),
        subject: format!("txn_{place} (network_cost)"),
        amount: eur(-900),
        opened_at: now,
        closed: None,
    };
    let line = PspLineRow { exception: Some(exception.id), ..line(world, &name, "unplaced", -900) };
    let ids = (entry.id, exception.id);
    let change = Change { entries: vec![entry], exceptions: vec![exception], psp_lines: vec![line], ..Change::default() };
    world.engine.store().commit(change).await.unwrap();
    ids
}

#[tokio::test]
async fn an_exception_is_closed_and_was_not_closed_by_somebody_else() {
    let ask = |node: Engine, merchant, (_, id), key: Option<RequestKey>| -> Asked {
        let settled = Settled { by: "ak_1".into(), why: "found".into() };
        Box::pin(async move { settlement::close_exception(&node, merchant, id, settled, key).await })
    };
    assert_eq!(played(822, suspended, ask).await, 0);
}

#[tokio::test]
async fn an_entry_is_reversed_and_was_not_reversed_before() {
    let ask = |node: Engine, merchant, (id, _), key: Option<RequestKey>| -> Asked {
        let new = NewReversal { by: "ak_1".into(), why: "wrong".into(), replacement: None };
        Box::pin(async move { ledger::reverse(&node, merchant, id, new, key).await })
    };
    assert_eq!(played(823, suspended, ask).await, 0);
}
