//! What happens to the money after the sale, through the API: captures, refunds, claims.

use crate::ask::Answer;
use crate::world::{Mood, World};
use serde_json::{Value, json};

/// An order over 49.99 EUR that the customer has seen to; `held` with manual capture.
async fn order(world: &World, reference: &str, capture: &str) -> String {
    let terms = json!({ "reference": reference, "amount": 4999, "currency": "EUR", "capture": capture });
    let made = world.post("/v1/payment_orders", &terms).await;
    match capture {
        "manual" => world.psp.hold(&made.text("psp_token")),
        _ => world.psp.pay(&made.text("psp_token")),
    }
    assert_eq!(world.visit(&format!("/pay/{}/return", made.text("id"))).await.status, 200);
    format!("/v1/payment_orders/{}", made.text("id"))
}

fn figures(order: &Answer) -> (u16, Value, Value, Value, Value) {
    let body = order.json();
    let figure = |name: &str| body[name].clone();
    (order.status.as_u16(), figure("status"), figure("amount_captured"), figure("amount_refunded"), figure("amount_refunding"))
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_part_of_what_is_held_is_captured_and_the_answer_is_the_order() {
    let world = World::new().await;
    let order = order(&world, "o-1", "manual").await;
    assert_eq!(world.get(&order).await.text("status"), "authorized");
    let captured = world.post_with_key(&format!("{order}/capture"), &json!({ "amount": 4000 }), "k-1").await;
    assert_eq!(figures(&captured), (200, json!("succeeded"), json!(4000), json!(0), json!(0)));
    let again = world.post_with_key(&format!("{order}/capture"), &json!({ "amount": 4000 }), "k-1").await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &captured.body));
    let expanded = world.get(&format!("{order}?expand=captures")).await.json();
    assert_eq!((&expanded["captures"][0]["amount"], &expanded["captures"][0]["final"]), (&json!(4000), &json!(true)));
}

#[tokio::test]
async fn what_is_held_is_captured_in_parts_until_the_final_one() {
    let world = World::new().await;
    let order = order(&world, "o-1", "manual").await;
    let path = format!("{order}/capture");
    let first = world.post(&path, &json!({ "amount": 1000, "final": false })).await;
    assert_eq!(figures(&first), (200, json!("authorized"), json!(1000), json!(0), json!(0)));
    world.clock.advance(std::time::Duration::from_secs(1));
    let last = world.post(&path, &json!({ "amount": 500 })).await;
    assert_eq!(figures(&last), (200, json!("succeeded"), json!(1500), json!(0), json!(0)));
    let captures = world.get(&format!("{order}?expand=captures")).await.json()["captures"].clone();
    let parts: Vec<_> = captures.as_array().unwrap().iter().map(|c| (c["amount"].clone(), c["final"].clone())).collect();
    assert_eq!(parts, [(json!(1000), json!(false)), (json!(500), json!(true))]);
}

#[tokio::test]
async fn a_capture_that_cannot_be_is_refused_and_says_why() {
    let world = World::new().await;
    let held = order(&world, "o-1", "manual").await;
    let path = format!("{held}/capture");
    for (body, status, code, param) in [
        (json!({ "amount": 5000 }), 400, "amount_too_large", "/amount"),
        (json!({ "amount": 0 }), 400, "amount_too_small", "/amount"),
        (json!({ "amount": "40" }), 400, "invalid_type", "/amount"),
        (json!({ "final": "yes" }), 400, "invalid_type", "/final"),
        (json!({ "amout": 1 }), 400, "unknown_field", "/amout"),
    ] {
        assert_eq!(world.post(&path, &body).await.refusal(), (status, code.into(), param.into()), "{body}");
    }
    let paid = order(&world, "o-2", "automatic").await;
    let refused = world.post(&format!("{paid}/capture"), &json!({})).await;
    assert_eq!(refused.refusal(), (409, "payment_order_state".into(), String::new()));
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_is_accepted_and_done_once() {
    let world = World::new().await;
    let order = order(&world, "o-1", "manual").await;
    *world.psp.mood.lock().unwrap() = Mood::Mute;
    let accepted = world.post_with_key(&format!("{order}/capture"), &json!({}), "k-1").await;
    assert_eq!((accepted.status.as_u16(), accepted.header("retry-after")), (202, "1"));
    assert_eq!(accepted.text("status"), "authorized");
    let second = world.post(&format!("{order}/capture"), &json!({})).await;
    assert_eq!(second.refusal().1, "capture_in_progress");
}

#[tokio::test]
async fn money_goes_back_in_parts_and_never_more_than_there_is() {
    let world = World::new().await;
    let order = order(&world, "o-1", "automatic").await;
    let path = format!("{order}/refunds");
    let part = world.post(&path, &json!({ "amount": 1000, "reason": "one ticket returned" })).await;
    assert_eq!(part.status, 201);
    assert_eq!(part.header("location"), format!("/v1/refunds/{}", part.text("id")));
    insta::assert_snapshot!(part.pinned(), @r#"
    {
      "amount": 1000,
      "attempt": "pa_…",
      "check_at": null,
      "created_at": "2026-11-21T10:00:00Z",
      "currency": "EUR",
      "failure": null,
      "id": "re_…",
      "object": "refund",
      "origin": "api",
      "payment_order": "po_…",
      "psp_refund": "re_1",
      "reason": "one ticket returned",
      "status": "succeeded",
      "updated_at": "2026-11-21T10:00:00Z"
    }
    "#);
    assert_eq!(world.get(part.header("location")).await.json(), part.json());
    assert_eq!(figures(&world.get(&order).await), (200, json!("succeeded"), json!(4999), json!(1000), json!(0)));

    let too_much = world.post(&path, &json!({ "amount": 4000 })).await;
    assert_eq!(too_much.refusal(), (400, "amount_too_large".into(), "/amount".into()));
    assert_eq!(too_much.text("detail"), "At most 39.99 EUR is left to be refunded.");
    world.clock.advance(std::time::Duration::from_secs(1));
    let rest = world.post(&path, &json!({})).await;
    assert_eq!((rest.status.as_u16(), &rest.json()["amount"]), (201, &json!(3999)));
    assert_eq!(world.post(&path, &json!({})).await.refusal().0, 400);

    let listed = world.get(&path).await.json();
    assert_eq!(ids(&listed), [rest.text("id"), part.text("id")]);
    let all = world.get("/v1/refunds?status=succeeded&limit=1").await.json();
    assert_eq!((ids(&all), &all["has_more"]), (vec![&*rest.text("id")], &json!(true)));
    assert_eq!(world.get(&format!("{order}?expand=refunds")).await.json()["refunds"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refund_is_not_made_twice_under_one_key() {
    let world = World::new().await;
    let order = order(&world, "o-1", "automatic").await;
    let path = format!("{order}/refunds");
    let first = world.post_with_key(&path, &json!({ "amount": 1000 }), "k-1").await;
    let again = world.post_with_key(&path, &json!({ "amount": 1000 }), "k-1").await;
    assert_eq!((again.status, again.header("idempotent-replayed"), &again.body), (first.status, "true", &first.body));
    let other = world.post_with_key(&path, &json!({ "amount": 1001 }), "k-1").await;
    assert_eq!(other.refusal().1, "idempotency_key_reused");
    assert_eq!(ids(&world.get(&path).await.json()).len(), 1);
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_accepted_and_its_money_stays_counted() {
    let world = World::new().await;
    let order = order(&world, "o-1", "automatic").await;
    *world.psp.mood.lock().unwrap() = Mood::Mute;
    let accepted = world.post(&format!("{order}/refunds"), &json!({ "amount": 4000 })).await;
    assert_eq!((accepted.status.as_u16(), accepted.text("status")), (202, "unknown".into()));
    assert_eq!(figures(&world.get(&order).await), (200, json!("succeeded"), json!(4999), json!(0), json!(4000)));
    let refused = world.post(&format!("{order}/refunds"), &json!({ "amount": 1000 })).await;
    assert_eq!(refused.refusal().1, "amount_too_large");
}

#[tokio::test]
async fn an_order_without_money_has_nothing_to_give_back() {
    let world = World::new().await;
    let made = world.post("/v1/payment_orders", &json!({ "reference": "o", "amount": 500, "currency": "EUR" })).await;
    let refused = world.post(&format!("{}/refunds", made.header("location")), &json!({})).await;
    assert_eq!(refused.refusal(), (409, "payment_order_not_refundable".into(), String::new()));
}

#[tokio::test]
async fn the_first_to_claim_an_order_has_it_and_the_others_are_told_who() {
    let world = World::new().await;
    let order = order(&world, "o-1", "automatic").await;
    let claim = format!("{order}/claim");
    let wrong = world.post(&claim, &json!({ "proof": "0".repeat(64) })).await;
    assert_eq!(wrong.refusal(), (400, "proof_wrong".into(), "/proof".into()));
    let first = world.post_with_key(&claim, &json!({ "claimed_by": "worker-3" }), "k-1").await;
    assert_eq!((first.status.as_u16(), first.text("object"), first.text("claimed_by")), (200, "claim".into(), "worker-3".into()));
    assert_eq!(first.json()["payment_order"]["claim"]["claimed_by"], "worker-3");
    let second = world.post(&claim, &json!({ "claimed_by": "worker-4" })).await;
    assert_eq!(second.refusal(), (409, "already_claimed".into(), String::new()));
    assert_eq!((second.text("claimed_by"), second.text("claimed_at")), ("worker-3".into(), first.text("claimed_at")));
    let again = world.post_with_key(&claim, &json!({ "claimed_by": "worker-3" }), "k-1").await;
    assert_eq!((again.status.as_u16(), again.body), (200, first.body));
}

#[tokio::test]
async fn who_claims_without_a_name_has_that_of_the_key_and_only_what_is_paid_can_be_claimed() {
    let world = World::new().await;
    let paid = order(&world, "o-1", "automatic").await;
    assert_eq!(world.post(&format!("{paid}/claim"), &json!({})).await.text("claimed_by"), "admin");
    let made = world.post("/v1/payment_orders", &json!({ "reference": "o-2", "amount": 500, "currency": "EUR" })).await;
    let refused = world.post(&format!("{}/claim", made.header("location")), &json!({})).await;
    assert_eq!(refused.refusal(), (409, "payment_order_state".into(), String::new()));
}

#[tokio::test]
async fn another_merchant_and_a_key_that_only_reads_move_no_money() {
    let world = World::new().await;
    let order = order(&world, "o-1", "automatic").await;
    let refund = world.post(&format!("{order}/refunds"), &json!({ "amount": 100 })).await;
    let stranger = world.stranger().await;
    for verb in ["capture", "refunds", "claim"] {
        let path = format!("{order}/{verb}");
        let answer = world.post_as(&stranger, &path, &json!({})).await;
        assert_eq!(answer.refusal().0, 404, "{verb}");
        let answer = world.post_as(&world.read, &path, &json!({})).await;
        assert_eq!(answer.refusal().1, "insufficient_scope", "{verb}");
    }
    for path in [refund.header("location"), &format!("{order}/refunds")] {
        assert_eq!(world.get_as(&stranger, path).await.status, 404, "{path}");
    }
    assert_eq!(ids(&world.get_as(&stranger, "/v1/refunds").await.json()).len(), 0);
}

#[tokio::test]
async fn lists_of_refunds_disputes_and_payouts_take_what_they_know() {
    let world = World::new().await;
    for list in ["refunds", "disputes", "payouts"] {
        assert_eq!(world.get(&format!("/v1/{list}")).await.json(), json!({ "object": "list", "data": [], "has_more": false }));
        let answer = world.get(&format!("/v1/{list}?status=open")).await;
        assert_eq!(answer.refusal(), (400, "invalid_parameter".into(), "status".into()), "{list}");
        assert_eq!(world.get(&format!("/v1/{list}/x")).await.status, 404);
    }
    assert_eq!(world.get("/v1/refunds?payment_order=1").await.refusal().2, "payment_order");
    assert_eq!(world.get("/v1/payouts?payment_order=1").await.refusal().1, "unknown_parameter");
    for verb in ["evidence", "accept"] {
        assert_eq!(world.post(&format!("/v1/disputes/dp_00000000000000000000000000/{verb}"), &json!({})).await.status, 404);
    }
}

#[tokio::test]
async fn the_customer_s_page_shows_what_was_taken_and_what_went_back() {
    let world = World::new().await;
    let held = order(&world, "o-1", "manual").await;
    world.post(&format!("{held}/capture"), &json!({ "amount": 4000 })).await;
    let page = held.replace("/v1/payment_orders", "/pay");
    let receipt = world.visit(&page).await.body;
    assert!(receipt.contains("40.00 EUR of 49.99 EUR was taken; the rest is not charged.") && !receipt.contains("Refunds"));
    world.post(&format!("{held}/refunds"), &json!({ "amount": 1000 })).await;
    assert!(world.visit(&page).await.body.contains("<li data-tone=\"good\">10.00 EUR refunded on 21 November 2026</li>"));
    *world.psp.mood.lock().unwrap() = Mood::Mute;
    world.clock.advance(std::time::Duration::from_secs(1));
    world.post(&format!("{held}/refunds"), &json!({ "amount": 500 })).await;
    assert!(world.visit(&page).await.body.contains("<li data-tone=\"wait\">5.00 EUR is on its way back to you</li>"));
    let thanks = format!("/shop/thanks?order={}", page.trim_start_matches("/pay/"));
    let thanks = world.visit(&thanks).await.body;
    assert!(thanks.contains("10.00 EUR refunded on 21 November 2026") && thanks.contains("5.00 EUR is on its way back"));
}

#[tokio::test]
async fn the_receipt_s_date_stays_when_a_fee_and_a_refund_move_the_order_on() {
    let world = World::new().await;
    let order = order(&world, "o-1", "automatic").await;
    let page = order.replace("/v1/payment_orders", "/pay");
    let paid = "<dt>Paid</dt><dd>21 November 2026, 10:00 UTC</dd>";
    assert!(world.visit(&page).await.body.contains(paid));
    let entries = world.get(&format!("{order}/ledger")).await.body;
    assert!(entries.contains("\"event_ref\":\"fee:"), "the fee is an event of its own, after the one that paid it");
    let before = world.get(&order).await.text("updated_at");
    world.clock.advance(std::time::Duration::from_secs(3 * 24 * 3600));
    world.post(&format!("{order}/refunds"), &json!({ "amount": 1000 })).await;
    assert_ne!(world.get(&order).await.text("updated_at"), before);
    let receipt = world.visit(&page).await.body;
    assert!(receipt.contains(paid) && receipt.contains("10.00 EUR refunded on 24 November 2026"), "{receipt}");
}
