//! What must agree at the end: what shops were told, what our orders say, what our journal says, and what the PSP holds.

use crate::life::{Course, Life};
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long after the last fault every order must have come to rest.
const HEALING: Duration = Duration::from_secs(180);

/// Our orders by reference.
pub type Orders = BTreeMap<String, Value>;

/// Waits until every order has ended or waits for its customer, and gives them all.
pub async fn settled(world: &World, lives: &[Life]) -> Orders {
    let begun = Instant::now();
    loop {
        let (orders, sessions) = (orders(world).await, sessions(world).await);
        let open: Vec<&Value> = lives
            .iter()
            .filter_map(|life| orders.get(&life.reference).filter(|order| !rests(life, order, sessions.contains_key(&life.id))))
            .collect();
        if open.is_empty() {
            return orders;
        }
        let told = open.iter().take(5).map(|o| o.to_string()).collect::<Vec<_>>().join("\n");
        assert!(begun.elapsed() < HEALING, "{} orders do not come to rest:\n{told}\n{}", open.len(), world.logs());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn rests(life: &Life, order: &Value, psp_knows_it: bool) -> bool {
    match order["status"].as_str().unwrap_or_default() {
        // What is given back is settled too.
        "succeeded" => order["amount_refunded"].as_u64() == Some(life.back),
        "canceled" => true,
        "pending" => life.course == Course::Leaves && order["redirect_url"].is_string(),
        "created" => waits_for_the_psp(order) && !psp_knows_it,
        _ => false,
    }
}

/// Called off while nobody knew whether the PSP had taken the registration: it counts as absent only when the PSP has surely done
/// with what was sent, which takes longer than this test.
fn waits_for_the_psp(order: &Value) -> bool {
    let open = matches!(order["latest_attempt"]["status"].as_str(), Some("unknown" | "registering"));
    order["cancel_requested_at"].is_string() && open
}

async fn orders(world: &World) -> Orders {
    let places = world.places();
    let pages = list(&places.http, &format!("{}/v1/payment_orders", places.gateway), &places.key).await;
    let count = pages.len();
    let orders: Orders = pages.into_iter().map(|order| (text(&order["reference"]), order)).collect();
    assert_eq!(orders.len(), count, "two orders have one reference");
    orders
}

/// Everything of a list, page by page; Stripe's lists and ours turn their pages alike.
async fn list(http: &crate::support::http::Http, url: &str, key: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map(|last| format!("&starting_after={}", text(&last["id"]))).unwrap_or_default();
        let page = http.get(&format!("{url}?limit=100{after}"), Some(key)).await.unwrap().json();
        let more = page["has_more"] == true;
        all.extend(page["data"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
        if !more {
            return all;
        }
    }
}

/// Each wish, wished again, gets the answer that was given first, byte for byte.
pub async fn replay(world: &World, lives: &[Life]) {
    let places = world.places();
    let url = format!("{}/v1/payment_orders", places.gateway);
    for life in lives {
        let again = places.http.post_json(&url, &places.key, Some(&life.key()), &life.wish()).await.unwrap();
        let told = life.told.as_ref().unwrap();
        assert!(again.replayed, "{} was not given again: {}", life.reference, again.text());
        assert_eq!((again.status, again.text()), (told.status, told.text()), "{} was told something else", life.reference);
    }
}

/// Compares the four books.
pub async fn compare(world: &World, lives: &[Life], orders: &Orders) {
    assert_eq!(orders.len(), lives.len(), "each wish is one order");
    let sessions = sessions(world).await;
    let given_back = given_back(world).await;
    let journal = journal(world);
    for life in lives {
        let order = orders.get(&life.reference).unwrap_or_else(|| panic!("{} was acknowledged and is lost", life.reference));
        assert_eq!(text(&order["id"]), life.id, "{}", life.reference);
        expected(life, order);
        let theirs = sessions.get(&life.id).cloned().unwrap_or_default();
        one_session_per_attempt(world, life, order, &theirs).await;
        let captured: i64 =
            theirs.iter().filter(|s| s["payment_status"] == "paid").map(|s| s["amount_total"].as_i64().unwrap()).sum();
        let ours = order["amount_captured"].as_i64().unwrap();
        assert_eq!(captured, ours, "{}: the PSP took {captured}, we say {ours}: {order}", life.reference);
        let back: Vec<i64> =
            theirs.iter().flat_map(|s| given_back.get(&text(&s["payment_intent"])).cloned().unwrap_or_default()).collect();
        let wished = if life.back > 0 { vec![i64::try_from(life.back).unwrap()] } else { Vec::new() };
        assert_eq!(back, wished, "{}: the PSP gave back something else than the shop wished, once", life.reference);
        assert_eq!(journal.get(&life.reference).copied().unwrap_or(0), ours, "{}: the journal says otherwise", life.reference);
    }
}

/// What must have become of an order, by what its customer and its shop did.
fn expected(life: &Life, order: &Value) {
    let status = text(&order["status"]);
    let amount = order["amount"].as_u64().unwrap();
    assert_eq!((amount, text(&order["currency"]).as_str()), (life.amount, life.currency), "{}", life.reference);
    let allowed: &[&str] = match life.course {
        Course::Pays | Course::PaysAndGetsBack | Course::PaysAtSecondTry => &["succeeded"],
        Course::Leaves => &["pending"],
        Course::CalledOff => &["canceled", "created"],
        Course::CalledOffWhilePaying => &["succeeded", "canceled", "created"],
    };
    assert!(allowed.contains(&status.as_str()), "{} ({:?}) ended as {status}: {order}", life.reference, life.course);
    let captured = order["amount_captured"].as_u64().unwrap();
    assert_eq!(captured, if status == "succeeded" { amount } else { 0 }, "{order}");
}

/// The PSP's sessions, by the id of our order.
async fn sessions(world: &World) -> BTreeMap<String, Vec<Value>> {
    let places = world.places();
    let mut by_order: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for session in list(&places.http, &format!("{}/v1/checkout/sessions", places.sandbox), &places.stripe_key).await {
        by_order.entry(text(&session["metadata"]["ducat_order"])).or_default().push(session);
    }
    by_order
}

/// What the PSP gave back, refund by refund, by the payment.
async fn given_back(world: &World) -> BTreeMap<String, Vec<i64>> {
    let places = world.places();
    let mut by_payment: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for refund in list(&places.http, &format!("{}/v1/refunds", places.sandbox), &places.stripe_key).await {
        by_payment.entry(text(&refund["payment_intent"])).or_default().push(refund["amount"].as_i64().unwrap());
    }
    by_payment
}

/// Whatever was lost or repeated on the way: an attempt is known to the PSP once at the most, and by the token that we hold.
async fn one_session_per_attempt(world: &World, life: &Life, order: &Value, theirs: &[Value]) {
    let places = world.places();
    let url = format!("{}/v1/payment_orders/{}?expand=attempts", places.gateway, text(&order["id"]));
    let expanded = places.http.get(&url, Some(&places.key)).await.unwrap().json();
    let attempts = expanded["attempts"].as_array().unwrap_or_else(|| panic!("{expanded}"));
    let mut ours: Vec<(String, String)> =
        attempts.iter().filter(|a| a["psp_token"].is_string()).map(|a| (text(&a["id"]), text(&a["psp_token"]))).collect();
    let mut held: Vec<(String, String)> = theirs.iter().map(|s| (text(&s["client_reference_id"]), text(&s["id"]))).collect();
    ours.sort();
    held.sort();
    assert_eq!(ours, held, "{}: our registrations and the PSP's sessions differ: {expanded}", life.reference);
}

/// What the journal says was captured, by reference: the credits to what we owe the merchant.
fn journal(world: &World) -> BTreeMap<String, i64> {
    let sums = "SELECT o.reference, -sum(p.amount) FROM journal_entries e JOIN payment_orders o ON o.id = e.order_id
                JOIN postings p ON p.entry_id = e.id AND p.layer = 0 JOIN accounts a ON a.id = p.account_id
                WHERE e.event_ref LIKE 'cap:%' AND a.name LIKE 'merchant:%:payable' GROUP BY o.reference";
    world.asked(sums).into_iter().collect()
}

/// How many orders ended how.
pub fn summary(orders: &Orders) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    orders.values().for_each(|order| *counts.entry(text(&order["status"])).or_default() += 1);
    counts.iter().map(|(status, count)| format!("{count} {status}")).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
