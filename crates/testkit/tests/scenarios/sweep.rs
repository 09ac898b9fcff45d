//! What is old is forgotten in steps, one after the other while there is more.

use ducat_engine::sweep::Sweep;
use ducat_engine::{Error, RequestKey, payments};
use ducat_testkit::World;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Creates an order under the key `key-1`, which says with the fingerprint what was asked for.
async fn create(world: &World, reference: &str, asked: u8) -> Result<(), Error> {
    let key = RequestKey { key: "key-1".into(), fingerprint: [asked; 32] };
    payments::create(&world.engine, world.merchant, World::order(reference, 500), Some(key)).await.map(drop)
}

#[tokio::test]
async fn a_sweep_goes_on_while_something_is_old_and_a_key_is_free_after_a_month() {
    let world = World::new(951).await;
    let mut sweep = Sweep::default();
    create(&world, "order-1", 1).await.unwrap();
    world.clock.advance(29 * DAY);
    assert!(!sweep.step(&world.engine).await, "nothing is old");
    assert!(matches!(create(&world, "order-2", 2).await, Err(Error::KeyReused)), "the key stands for another request");

    world.clock.advance(2 * DAY);
    assert!(sweep.step(&world.engine).await, "there was something, so there may be more");
    assert!(!sweep.step(&world.engine).await);
    create(&world, "order-2", 2).await.unwrap();
    world.assert_sound().await;
}
