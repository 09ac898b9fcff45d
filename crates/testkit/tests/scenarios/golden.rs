//! One story whose books are worked out by hand, to the last unit: payments in two currencies, a refund of a part, a dispute that is won, a
//! payout that the bank converts, and the bank's charge.
//!
//! The sandbox takes 2.9 % and 30 cents of each payment in the currency it settles in, 15.00 for a dispute, and gives a euro for 1.08 dollars.

use ducat_domain::PaymentOrderId;
use ducat_engine::payments::NewOrder;
use ducat_engine::refunds::{self, NewRefund};
use ducat_engine::settlement::{self, NewArrival};
use ducat_store::{PageAnchor, PartFilter};
use ducat_testkit::World;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

async fn paid(world: &World, reference: &str, amount: i64, currency: &str) -> PaymentOrderId {
    let order = NewOrder { currency: currency.into(), ..World::order(reference, amount) };
    let id = World::id_of(&world.create(order).await.unwrap());
    world.pay(id, "pm_card_visa").await;
    world.live(MINUTE).await;
    id
}

/// The payment at the PSP behind an order.
async fn intent(world: &World, id: PaymentOrderId) -> String {
    let token = world.view(id).await.psp_token.unwrap();
    let session = world.sessions().into_iter().find(|s| s["id"] == json!(token)).unwrap();
    session["payment_intent"].as_str().unwrap().to_owned()
}

/// What lies on each account, without the ids in their names; what is empty is left out.
async fn balances(world: &World) -> BTreeMap<String, i64> {
    let rows = world.engine.store().balances(world.merchant).await.unwrap();
    // What is as long as an id is one.
    let plain = |name: &str| name.split(':').filter(|part| part.len() < 20).collect::<Vec<_>>().join(":");
    assert!(rows.iter().all(|row| row.pending == 0), "nothing is held at the end");
    let mut sums = BTreeMap::new();
    for row in rows.iter().filter(|row| row.posted != 0) {
        *sums.entry(format!("{} {}", plain(&row.account), row.currency)).or_default() += row.posted;
    }
    sums
}

fn expected(lines: &[(&str, i64)]) -> BTreeMap<String, i64> {
    lines.iter().map(|(account, minor)| ((*account).to_owned(), *minor)).collect()
}

#[tokio::test]
async fn the_books_of_a_story_are_what_was_worked_out_by_hand() {
    let world = World::new(700).await;
    // 49.99 EUR: the PSP takes 1.45 + 0.30. 108.00 USD become 100.00 EUR: it takes 2.90 + 0.30.
    let euros = paid(&world, "order-eur", 4_999, "EUR").await;
    let dollars = paid(&world, "order-usd", 10_800, "USD").await;
    assert_eq!(
        balances(&world).await,
        expected(&[
            ("expense:psp_fee EUR", 175 + 320),
            ("fx:clearing EUR", -10_000),
            ("fx:clearing USD", 10_800),
            ("merchant:payable EUR", -4_999),
            ("merchant:payable USD", -10_800),
            ("psp:receivable EUR", 4_999 - 175 + 10_000 - 320),
        ])
    );

    // 10.00 EUR go back; the PSP keeps its fee.
    let part = NewRefund { amount: Some(1_000), reason: Some("requested_by_customer".into()) };
    refunds::create(&world.engine, world.merchant, euros, part, None).await.unwrap();
    world.live(MINUTE).await;

    // The payer of the dollars disputes all of them: 108.00 USD are withheld, which the PSP takes from us as 100.00 EUR, and 15.00 EUR.
    let opened = world.control("/_sandbox/disputes", json!({ "payment_intent": intent(&world, dollars).await }));
    world.live(MINUTE).await;
    assert_eq!(
        balances(&world).await,
        expected(&[
            ("expense:dispute_fee EUR", 1_500),
            ("expense:psp_fee EUR", 495),
            ("merchant:payable EUR", -3_999),
            ("merchant:reserve USD", -10_800),
            ("psp:dispute_held USD", 10_800),
            ("psp:receivable EUR", 4_999 - 175 - 320 - 1_000 - 1_500),
        ])
    );
    let refused = refunds::create(&world.engine, world.merchant, dollars, NewRefund::default(), None).await;
    assert!(matches!(refused, Err(ducat_engine::Error::Conflict(p)) if p.code == "payment_order_disputed"));

    // It is won: the money is back, the fee is not.
    world.control(&format!("/_sandbox/disputes/{}", opened["id"].as_str().unwrap()), json!({ "status": "won" }));
    world.live(MINUTE).await;
    let before_the_payout = expected(&[
        ("expense:dispute_fee EUR", 1_500),
        ("expense:psp_fee EUR", 495),
        ("fx:clearing EUR", -10_000),
        ("fx:clearing USD", 10_800),
        ("merchant:payable EUR", -3_999),
        ("merchant:payable USD", -10_800),
        ("psp:receivable EUR", 12_004),
    ]);
    assert_eq!(balances(&world).await, before_the_payout);

    // All of it is paid out. The bank's account is in pounds: it credits 101.03 and keeps 1.00.
    let payout = world.control("/_sandbox/payouts", json!({ "currency": "eur", "settle_pending": true }));
    assert_eq!(payout["amount"], json!(12_004), "{payout}");
    world.live(MINUTE * 5).await;
    let payouts =
        settlement::payouts(&world.engine, world.merchant, PartFilter::default(), PageAnchor::Newest, 10).await.unwrap();
    let id = payouts.data[0].id.parse().unwrap();
    let credit = NewArrival { bank: "pounds".into(), credited: 10_103, currency: "GBP".into(), fee: 100, reference: None };
    settlement::arrive(&world.engine, world.merchant, id, credit, None).await.unwrap();
    assert_eq!(
        balances(&world).await,
        expected(&[
            ("bank:pounds GBP", 10_103),
            ("expense:bank_fee GBP", 100),
            ("expense:dispute_fee EUR", 1_500),
            ("expense:psp_fee EUR", 495),
            ("fx:clearing EUR", 12_004 - 10_000),
            ("fx:clearing GBP", -10_203),
            ("fx:clearing USD", 10_800),
            ("merchant:payable EUR", -3_999),
            ("merchant:payable USD", -10_800),
        ])
    );
    for id in [euros, dollars] {
        world.assert_agrees(id).await;
    }
    world.assert_sound().await;
}
