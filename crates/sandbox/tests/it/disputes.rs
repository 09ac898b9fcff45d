//! Disputes: opened by a card or by control, answered, decided, and left alone until time is up.

use crate::world::{DAY, Shop, text};
use serde_json::{Value, json};

fn of(shop: &Shop, dispute: &Value) -> Value {
    shop.get(&format!("/v1/disputes/{}", text(dispute, "id")))
}

fn answer(shop: &Shop, dispute: &Value, form: &[(&str, &str)]) -> Value {
    shop.post(&format!("/v1/disputes/{}", text(dispute, "id")), form)
}

/// A dispute, opened by control, of a payment that was made just now.
fn opened(shop: &Shop, more: &Value) -> Value {
    let paid = shop.pay("pm_card_visa", &[]);
    let mut body = json!({ "payment_intent": paid["id"] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.do_control("disputes", &body)
}

fn moved(dispute: &Value) -> Vec<(String, i64, i64)> {
    let rows = dispute["balance_transactions"].as_array().unwrap();
    rows.iter()
        .map(|t| (text(t, "reporting_category").to_owned(), t["amount"].as_i64().unwrap(), t["fee"].as_i64().unwrap()))
        .collect()
}

fn last_events(shop: &Shop, count: usize) -> Vec<String> {
    let events = shop.events();
    events[events.len() - count..].to_vec()
}

#[test]
fn any_payment_can_be_disputed_in_whole_or_in_part() {
    let shop = Shop::new();
    let dispute = opened(&shop, &json!({ "amount": 500, "reason": "product_not_received" }));
    assert_eq!(
        (text(&dispute, "status"), text(&dispute, "reason"), &dispute["amount"]),
        ("needs_response", "product_not_received", &json!(500))
    );
    assert_eq!(moved(&dispute), [("dispute".to_owned(), -500, 1500)]);
    assert_eq!(last_events(&shop, 2), ["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
    assert_eq!(shop.rows("/v1/disputes").len(), 1);
    let charge = json!({ "charge": dispute["charge"] });
    let rest = shop.do_control("disputes", &charge);
    assert_eq!(rest["amount"], 1500);
    assert_eq!(shop.control("disputes", &charge).1["error"]["field"], "charge");
}

#[test]
fn a_dispute_that_cannot_be_is_refused_by_name() {
    let shop = Shop::new();
    let paid = shop.pay("pm_card_visa", &[]);
    let field = |body: Value| {
        let (status, answer) = shop.control("disputes", &body);
        (status, answer["error"]["field"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(field(json!({})), (400, "body".to_owned()));
    assert_eq!(field(json!({ "charge": "ch_none" })), (400, "charge".to_owned()));
    assert_eq!(field(json!({ "payment_intent": paid["id"], "reason": "rain" })), (400, "reason".to_owned()));
    assert_eq!(field(json!({ "payment_intent": paid["id"], "amount": 2001 })), (400, "amount".to_owned()));
    assert_eq!(field(json!({ "payment_intent": paid["id"], "colour": "red" })), (400, "colour".to_owned()));
    assert_eq!(field(json!({ "payment_intent": paid["id"], "inquiry": "yes" })), (400, "inquiry".to_owned()));
    assert_eq!(field(json!({ "payment_intent": 5 })), (400, "payment_intent".to_owned()));
    let held = shop.hold(&[]);
    assert_eq!(field(json!({ "payment_intent": held["id"] })), (400, "charge".to_owned()));
}

#[test]
fn a_draft_is_kept_and_sent_once() {
    let shop = Shop::new();
    let dispute = opened(&shop, &json!({}));
    let drafted = answer(&shop, &dispute, &[("evidence[customer_name]", "Ada"), ("submit", "false")]);
    assert_eq!((text(&drafted, "status"), &drafted["evidence_details"]["has_evidence"]), ("needs_response", &json!(true)));
    let sent = answer(&shop, &dispute, &[("submit", "true")]);
    let details = &sent["evidence_details"];
    assert_eq!(
        (text(&sent, "status"), &details["submission_count"], &details["past_due"]),
        ("under_review", &json!(1), &json!(false))
    );
    let path = format!("/v1/disputes/{}", text(&dispute, "id"));
    shop.refused(&path, &[("evidence[customer_name]", "Eve")]);
    assert_eq!(last_events(&shop, 2), ["charge.dispute.updated", "charge.dispute.updated"]);
    let won = shop.do_control(&format!("disputes/{}", text(&dispute, "id")), &json!({ "status": "won" }));
    assert_eq!(moved(&won), [("dispute".to_owned(), -2000, 1500), ("dispute_reversal".to_owned(), 2000, 0)]);
    assert_eq!(last_events(&shop, 2), ["charge.dispute.funds_reinstated", "charge.dispute.closed"]);
}

#[test]
fn the_fee_of_a_dispute_that_is_won_comes_back_if_the_bank_says_so() {
    let shop = Shop::new();
    let path = format!("disputes/{}", text(&opened(&shop, &json!({})), "id"));
    let won = shop.do_control(&path, &json!({ "status": "won", "return_fee": true }));
    assert_eq!(moved(&won)[1], ("dispute_reversal".to_owned(), 2000, -1500));
    assert_eq!(won["balance_transactions"][1]["net"], 3500);
    // The money is back, so that it can be given back.
    assert_eq!(shop.post("/v1/refunds", &[("charge", text(&won, "charge"))])["amount"], 2000);
}

#[test]
fn the_magic_words_decide() {
    let shop = Shop::new();
    let say = |more: Value, words: &str| {
        let dispute = opened(&shop, &more);
        text(&answer(&shop, &dispute, &[("evidence[uncategorized_text]", words)]), "status").to_owned()
    };
    assert_eq!(say(json!({}), "winning_evidence"), "won");
    assert_eq!(say(json!({}), "losing_evidence"), "lost");
    assert_eq!(say(json!({}), "they were here"), "under_review");
    assert_eq!(say(json!({ "inquiry": true }), "winning_evidence"), "warning_closed");
    assert_eq!(say(json!({ "inquiry": true }), "they were here"), "warning_under_review");
    assert_eq!(say(json!({ "inquiry": true }), "escalate_inquiry_evidence"), "needs_response");
}

#[test]
fn too_long_texts_and_files_that_are_not_there_are_refused() {
    let shop = Shop::new();
    let path = format!("/v1/disputes/{}", text(&opened(&shop, &json!({})), "id"));
    let long = "x".repeat(20_000);
    let one_more = "x".repeat(20_001);
    assert_eq!(shop.refused(&path, &[("evidence[uncategorized_text]", &one_more)])["param"], "evidence[uncategorized_text]");
    let names = [
        "access_activity_log",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "duplicate_charge_explanation",
        "product_description",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "uncategorized_text",
    ];
    let names: Vec<String> = names.iter().map(|n| format!("evidence[{n}]")).collect();
    let form: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), long.as_str())).collect();
    assert_eq!(shop.refused(&path, &form)["param"], "evidence");
    let gone = shop.refused(&path, &[("evidence[receipt]", "file_none")]);
    assert_eq!((&gone["code"], &gone["param"]), (&json!("resource_missing"), &json!("evidence[receipt]")));
}

#[test]
fn with_nothing_to_say_it_is_lost_when_time_is_up_and_a_draft_is_sent() {
    let mut shop = Shop::new();
    let (silent, drafted) = (opened(&shop, &json!({})), opened(&shop, &json!({})));
    answer(&shop, &drafted, &[("evidence[customer_name]", "Ada"), ("submit", "false")]);
    let due = silent["evidence_details"]["due_by"].as_i64().unwrap() - silent["created"].as_i64().unwrap();
    shop.pass(due - 1);
    assert_eq!(text(&of(&shop, &silent), "status"), "needs_response");
    shop.restart();
    shop.pass(1);
    assert_eq!((text(&of(&shop, &silent), "status"), text(&of(&shop, &drafted), "status")), ("lost", "under_review"));
    let (status, error) = shop.ask("POST", "/v1/refunds", &[("charge", text(&silent, "charge"))]);
    assert_eq!((status, &error["error"]["code"]), (400, &json!("charge_disputed")));
}

#[test]
fn an_inquiry_takes_nothing_until_it_is_escalated_and_ends_by_itself() {
    let shop = Shop::new();
    shop.pay("pm_card_createDisputeInquiry", &[]);
    let asked = shop.rows("/v1/disputes").remove(0);
    assert_eq!((text(&asked, "status"), moved(&asked)), ("warning_needs_response", Vec::new()));
    let path = format!("disputes/{}", text(&asked, "id"));
    assert_eq!(shop.control(&path, &json!({ "status": "won" })).1["error"]["field"], "status");
    let raised = shop.do_control(&path, &json!({ "status": "escalated" }));
    assert_eq!((text(&raised, "status"), moved(&raised)), ("needs_response", vec![("dispute".to_owned(), -2000, 1500)]));
    assert_eq!(raised["payment_method_details"]["card"]["case_type"], "chargeback");
    assert_eq!(last_events(&shop, 2), ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]);
    assert_eq!(shop.control(&path, &json!({ "status": "escalated" })).0, 400);
    let other = opened(&shop, &json!({ "inquiry": true }));
    shop.pass(120 * DAY);
    assert_eq!(text(&of(&shop, &other), "status"), "warning_closed");
    assert_eq!(text(&of(&shop, &asked), "status"), "lost");
    assert_eq!(shop.control(&path, &json!({ "status": "won" })).1["error"]["field"], "id");
}

#[test]
fn giving_in_loses_a_chargeback_and_closes_an_inquiry() {
    let shop = Shop::new();
    let close = |dispute: &Value| shop.post(&format!("/v1/disputes/{}/close", text(dispute, "id")), &[]);
    assert_eq!(text(&close(&opened(&shop, &json!({}))), "status"), "lost");
    let asked = opened(&shop, &json!({ "inquiry": true }));
    assert_eq!((text(&close(&asked), "status"), moved(&of(&shop, &asked))), ("warning_closed", Vec::new()));
}

#[test]
fn a_debit_that_its_bank_returns_is_lost_from_the_beginning() {
    let shop = Shop::new();
    let form = [
        ("type", "sepa_debit"),
        ("sepa_debit[iban]", "AT611904300234573201"),
        ("billing_details[name]", "Ada"),
        ("billing_details[email]", "ada@example.com"),
    ];
    let method = shop.post("/v1/payment_methods", &form);
    let paid = shop.pay(text(&method, "id"), &[("payment_method_types[]", "sepa_debit")]);
    assert_eq!(text(&paid, "status"), "processing");
    let body = json!({ "payment_intent": paid["id"], "reason": "insufficient_funds" });
    assert_eq!(shop.control("disputes", &body).1["error"]["field"], "charge");
    shop.pass(6);
    let returned = shop.do_control("disputes", &body);
    assert_eq!((text(&returned, "status"), &returned["evidence_details"]["due_by"]), ("lost", &json!(0)));
    assert_eq!(moved(&returned), [("dispute".to_owned(), -2000, 1500)]);
    let told = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"];
    assert_eq!(last_events(&shop, 3), told);
    assert_eq!(text(&shop.charge_of(&shop.get(&format!("/v1/payment_intents/{}", text(&paid, "id")))), "status"), "succeeded");
}
