//! The real gateway, killed with SIGKILL at random moments while shops order and customers pay, with faults at the PSP in between; and two of
//! them on one PostgreSQL behind HAProxy, which are killed, frozen and stopped. At the end the PSP's books, ours and what shops were told must
//! agree to the last unit.
//!
//! - `world`: the programs, and how they are struck. `life`: one order from the shop's wish to its end.
//! - `faults`: what goes wrong at the PSP. `books`: what is compared at the end. `receivers`: the shop's programs, which must hear of
//!   every event.
//!
//! `DUCAT_TEST_CRASH_ROUNDS` says how often they are struck, `DUCAT_TEST_CRASH_SEED` in which course of events.

#[path = "../nodes/balancer.rs"]
mod balancer;
#[path = "../support/mod.rs"]
mod support;

mod books;
mod faults;
mod life;
mod receivers;
mod world;

use life::Life;
use receivers::Receivers;
use std::time::{Duration, Instant};
use support::dice::Dice;
use support::log::say;
use tokio::task::JoinSet;
use world::World;

/// A plain `cargo test` only shows that the test itself works. `tests/run` plays the number that counts among its other tests, and
/// `tests/crash/run` plays the same one alone.
const DEFAULT_ROUNDS: u64 = 4;
/// How many orders are under way at once.
const AT_ONCE: usize = 10;
/// How often it is told how far the test is, in rounds.
const TELL_EVERY: u64 = 10;

#[tokio::test]
async fn killed_at_any_moment_no_order_is_lost_and_none_is_paid_twice() {
    tokio::task::LocalSet::new().run_until(run("one gateway", 1, async |dice| World::with_one_gateway(dice).await)).await;
}

#[tokio::test]
async fn nodes_that_die_freeze_and_leave_lose_no_order_and_pay_none_twice() {
    tokio::task::LocalSet::new().run_until(run("two gateways", 3, async |dice| World::with_two_gateways(dice).await)).await;
}

/// A round of the one world takes as long as `share` rounds of the other, so it is played less often by as much.
async fn run(which: &str, share: u64, begin: impl AsyncFnOnce(&mut Dice) -> World) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = number("DUCAT_TEST_CRASH_ROUNDS").unwrap_or(DEFAULT_ROUNDS).div_ceil(share);
    let seed = number("DUCAT_TEST_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()) ^ world::nanoseconds());
    say(&format!("{which}: seed {seed}, {rounds} rounds"));
    let begun = Instant::now();
    let mut dice = Dice::new(seed);
    let mut world = begin(&mut dice).await;
    let receivers = Receivers::begin(&world, &mut dice).await;
    let mut lives = JoinSet::new();
    let mut ended: Vec<Life> = Vec::new();
    let mut born = 0;

    for round in 1..=rounds {
        faults::script(&world, &mut dice).await;
        let strike = Instant::now() + Duration::from_millis(dice.between(20, 1_200));
        while Instant::now() < strike {
            if lives.len() < AT_ONCE {
                born += 1;
                lives.spawn_local(Life::new(born, &mut dice).live(world.places(), dice.split()));
            }
            while let Some(life) = lives.try_join_next() {
                ended.push(life.unwrap());
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        world.strike(&mut dice).await;
        if round.is_multiple_of(TELL_EVERY) {
            let seconds = begun.elapsed().as_secs();
            say(&format!("{which}: round {round}: {born} orders begun, {} at their end, {seconds} s", ended.len()));
        }
    }
    faults::end(&world).await;
    while let Some(life) = lives.join_next().await {
        ended.push(life.unwrap());
    }
    let orders = books::settled(&world, &ended).await;
    books::replay(&world, &ended).await;
    books::compare(&world, &ended, &orders).await;
    let events = receivers.have_everything(&world).await;
    world.end().await;
    let (lived, seconds) = (ended.len(), begun.elapsed().as_secs());
    let summary = books::summary(&orders);
    say(&format!("{which}: seed {seed}, {rounds} strikes, {lived} orders, {events} events delivered, {seconds} s: {summary}"));
}
