//! Books are closed while they grow, and nobody notices: what lay on accounts at a moment is what it was.

use ducat_domain::{MerchantId, Timestamp};
use ducat_engine::closings::{Turn, close};
use ducat_engine::{ledger, merchants};
use ducat_store::Books;
use ducat_testkit::World;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

async fn pay(world: &World, from: usize, to: usize) {
    for number in from..to {
        let id = world.created(&format!("order-{number}"), 1_000 + number as i64).await;
        world.pay(id, "pm_card_visa").await;
        world.live(SECOND * 10).await;
    }
}

/// Closes until nobody is left, and says in how many steps.
async fn close_all(world: &World, turn: &mut Turn) -> usize {
    let mut steps = 1;
    while close(&world.engine, turn).await.unwrap() {
        steps += 1;
    }
    steps
}

/// Time passes until the merchant's books are closed further: transactions of other worlds on the same server may be in the way once.
async fn closed_further(world: &World, turn: &mut Turn) -> Books {
    let before = world.engine.store().books(world.merchant).await.unwrap();
    for _ in 0..100 {
        world.clock.advance(HOUR);
        close_all(world, turn).await;
        let books = world.engine.store().books(world.merchant).await.unwrap();
        if books.closed > before.closed && books.closing == books.closed {
            return books;
        }
    }
    panic!("books stay open: {before:?}");
}

async fn shown(world: &World, merchant: MerchantId, at: Timestamp) -> String {
    serde_json::to_string(&ledger::trial_balance(&world.engine, merchant, Some(at)).await.unwrap()).unwrap()
}

#[tokio::test]
async fn what_lay_on_accounts_is_the_same_before_and_after_books_are_closed() {
    let world = World::new(961).await;
    let mut moments = Vec::new();
    for from in (0..24).step_by(4) {
        pay(&world, from, from + 4).await;
        moments.push(world.engine.now());
    }
    let mut before = Vec::new();
    for moment in &moments {
        before.push(shown(&world, world.merchant, *moment).await);
    }
    let mut turn = Turn::default();
    close_all(&world, &mut turn).await;
    assert_eq!(closed_further(&world, &mut turn).await.late, 0);
    for (moment, before) in moments.iter().zip(&before) {
        assert_eq!(shown(&world, world.merchant, *moment).await, *before);
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn whoever_has_looked_at_everybody_rests_and_looks_again() {
    let world = World::new(962).await;
    for name in 0..9 {
        merchants::create(&world.engine, &format!("Shop {name}")).await.unwrap();
    }
    let mut turn = Turn::default();
    assert_eq!(close_all(&world, &mut turn).await, 3, "ten merchants, four in a step");
    pay(&world, 0, 12).await;
    world.clock.advance(SECOND * 300);
    assert_eq!(close_all(&world, &mut turn).await, 1, "it rests");
    closed_further(&world, &mut turn).await;
    world.assert_sound().await;
}
