//! Thousands of ways in which the messages of one order may come: doubled, lost, late, in any order, with looks in between. All of them
//! end in the same state, the same journal and the same milestones. `DUCAT_TEST_WAYS` says how many; `tests/run` takes ten thousand.

use ducat_domain::PaymentOrderId;
use ducat_engine::payments;
use ducat_sandbox::Delivery;
use ducat_testkit::{Database, Seeded, World};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// What a plain `cargo test` takes.
const WAYS: u64 = 500;
const SECOND: Duration = Duration::from_secs(1);

/// A chance that a test can repeat.
struct Dice(Seeded);

impl Dice {
    fn below(&self, limit: usize) -> usize {
        let bytes: [u8; 8] = ducat_domain::random_bytes(&self.0);
        (u64::from_be_bytes(bytes) % limit as u64) as usize
    }
}

/// A line of an entry: account, amount and layer.
type Line = (String, i64, &'static str);

/// The end of a way, without what chance alone decides: ids.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    status: &'static str,
    sums: [i64; 5],
    refunds: Vec<(i64, &'static str)>,
    disputes: Vec<(i64, &'static str, bool, bool)>,
    journal: Vec<(String, Vec<Line>)>,
    milestones: Vec<&'static str>,
}

/// An order that was declined, paid, given back in part at the PSP, disputed and won; and everything the PSP has to tell of it.
async fn story() -> (World, PaymentOrderId, Vec<Delivery>) {
    // In a file wherever the others are: a world on a server cannot be forked.
    let world = World::on(Database::Sqlite, 500).await;
    let id = world.created("order-1", 4_999).await;
    let before = world.fork(501);
    world.pay(id, "pm_card_visa_chargeDeclined").await;
    world.pay(id, "pm_card_visa").await;
    let intent = world.sessions()[0]["payment_intent"].as_str().unwrap().to_owned();
    let refund = world.stripe("POST", "/v1/refunds", &[("payment_intent", &intent), ("amount", "1000")]);
    assert_eq!(refund["object"], "refund", "{refund}");
    let dispute = world.control("/_sandbox/disputes", json!({ "payment_intent": intent, "amount": 3_999 }));
    let dispute = dispute["id"].as_str().unwrap_or_else(|| panic!("{dispute}")).to_owned();
    world.control(&format!("/_sandbox/disputes/{dispute}"), json!({ "status": "won" }));
    let messages = world.take_messages();
    assert!(messages.len() > 8, "{} messages", messages.len());
    (before, id, messages)
}

/// Lets the messages come in one way, and everything heal.
async fn go(world: World, id: PaymentOrderId, messages: &[Delivery], dice: &Dice) -> End {
    // Each message is lost one time in six, and comes up to three times.
    let mut coming: Vec<&Delivery> = Vec::new();
    for message in messages {
        if dice.below(6) > 0 {
            coming.extend(std::iter::repeat_n(message, 1 + dice.below(3) / 2 + dice.below(2)));
        }
    }
    for last in (1..coming.len()).rev() {
        coming.swap(last, dice.below(last + 1));
    }
    for message in coming {
        world.receive(message).await.unwrap();
        if dice.below(8) == 0 {
            world.clock.advance(SECOND * dice.below(20) as u32);
            ducat_engine::jobs::run_due(&world.engine).await.unwrap();
        }
    }
    // The customer comes back, and what was lost is found out by asking.
    world.clock.advance(SECOND * 60);
    payments::come_back(&world.engine, id).await.unwrap();
    for _ in 0..3 {
        world.clock.advance(SECOND * 10);
        ducat_engine::jobs::run_due(&world.engine).await.unwrap();
    }
    end(&world, id).await
}

async fn end(world: &World, id: PaymentOrderId) -> End {
    let view = world.view(id).await;
    let entries = payments::ledger(&world.engine, world.merchant, id).await.unwrap();
    let mut journal: Vec<_> = entries
        .iter()
        .map(|e| {
            let kind = e.event_ref.split(':').next().unwrap_or_default().to_owned();
            let step = if kind == "dsp" { e.event_ref.split(':').nth(2).unwrap_or_default() } else { "" };
            let lines = e.postings.iter().map(|p| (p.account.clone(), p.amount, p.layer)).collect();
            (format!("{kind}:{step}"), lines)
        })
        .collect();
    journal.sort();
    let events = view.events.unwrap();
    assert!(events.iter().enumerate().all(|(n, e)| e.sequence as usize == n + 1), "the events have no gap");
    // Steps on the way that a later message may overtake are no milestones.
    let mut milestones: Vec<&str> = events
        .iter()
        .map(|e| e.kind)
        .filter(|kind| !matches!(*kind, "dispute.updated" | "payment_order.attempt_declined"))
        .collect();
    milestones.sort_unstable();
    End {
        status: view.status,
        sums: [view.amount_authorized, view.amount_captured, view.amount_refunded, view.amount_refunding, view.amount_disputed],
        refunds: view.refunds.unwrap().iter().map(|r| (r.amount, r.status)).collect(),
        disputes: view.disputes.unwrap().iter().map(|d| (d.amount, d.status, d.funds_withdrawn, d.funds_returned)).collect(),
        journal,
        milestones,
    }
}

#[test]
fn all_ways_of_the_messages_end_in_the_same_state_journal_and_milestones() {
    let ways = std::env::var("DUCAT_TEST_WAYS").ok().and_then(|text| text.parse().ok()).unwrap_or(WAYS);
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (before, id, messages) = runtime().block_on(story());
    let (before, messages) = (Arc::new(before), Arc::new(messages));
    let expected = runtime().block_on(async {
        let world = before.fork(0);
        for message in messages.iter() {
            world.receive(message).await.unwrap();
        }
        for _ in 0..3 {
            world.clock.advance(SECOND * 10);
            ducat_engine::jobs::run_due(&world.engine).await.unwrap();
        }
        world.assert_sound().await;
        end(&world, id).await
    });
    assert_eq!((expected.status, expected.sums), ("succeeded", [4_999, 4_999, 1_000, 0, 0]));
    assert_eq!(expected.disputes, [(3_999, "won", true, true)]);
    let workers = 2;
    let threads: Vec<_> = (0..workers)
        .map(|worker| {
            let (before, messages, expected) = (Arc::clone(&before), Arc::clone(&messages), expected.clone());
            let runtime = runtime();
            std::thread::spawn(move || {
                for way in (1..=ways).filter(|way| way % workers == worker) {
                    let dice = Dice(Seeded::new(way));
                    let found = runtime.block_on(go(before.fork(way), id, &messages, &dice));
                    assert_eq!(found.milestones, expected.milestones, "way {way}");
                    assert_eq!(found, expected, "way {way}");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("every way ends alike");
    }
}
