//! What goes wrong at the PSP: a few rules a round, each for a few calls.

use crate::support::dice::Dice;
use crate::world::World;
use serde_json::{Value, json};

/// The calls that the gateway makes, and those of the customer's browser.
const OPERATIONS: &[&str] = &[
    "checkout.sessions.create",
    "checkout.sessions.retrieve",
    "checkout.sessions.list",
    "checkout.sessions.expire",
    "payment_intents.retrieve",
    "refunds.create",
    "balance_transactions.list",
];

/// Adds this round's rules.
pub async fn script(world: &World, dice: &mut Dice) {
    for _ in 0..dice.between(0, 3) {
        let rule = rule(dice);
        let places = world.places();
        let answer =
            places.http.post_json(&format!("{}/_sandbox/faults", places.sandbox), &places.stripe_key, None, &rule).await.unwrap();
        assert!(answer.status < 300, "{rule}: {}", answer.text());
    }
}

fn rule(dice: &mut Dice) -> Value {
    let count = dice.between(1, 4);
    let operation = dice.pick(OPERATIONS);
    match dice.between(1, 10) {
        1 | 2 => json!({ "fault": "drop_response", "operation": operation, "count": count }),
        3 => json!({ "fault": "drop_request", "operation": operation, "count": count }),
        4 => json!({ "fault": "delay", "operation": operation, "count": count, "delay_ms": dice.between(50, 1_500) }),
        5 => {
            json!({ "fault": "delay", "operation": operation, "count": count, "delay_ms": dice.between(50, 1_500), "after": true })
        }
        6 => json!({ "fault": "status", "operation": operation, "count": count, "status": dice.pick(&[500, 503, 429]) }),
        7 => json!({ "fault": "status", "operation": operation, "count": count, "status": 500, "after": true }),
        8 => json!({ "fault": "lose_webhook", "count": count }),
        9 => json!({ "fault": "duplicate_webhook", "count": count }),
        _ => json!({ "fault": "delay_webhook", "count": count, "delay_ms": dice.between(100, 3_000) }),
    }
}

/// From now on everything goes well.
pub async fn end(world: &World) {
    let places = world.places();
    let answer = places.http.delete(&format!("{}/_sandbox/faults", places.sandbox)).await.unwrap();
    assert!(answer.status < 300, "{}", answer.text());
}
