//! The rules of payments, asked through the sandbox's own front door.

use super::*;
use crate::{Request, Sandbox, Settings};
use ducat_domain::{Chance, Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

#[derive(Default)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_760_000_000_000_000 + self.0.load(Ordering::SeqCst) * 1_000_000)
    }
}

#[derive(Default)]
struct Count(AtomicU64);

impl Chance for Count {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            *byte = u8::try_from((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) & 0xff).unwrap();
        }
    }
}

struct Box(Arc<Sandbox>, Arc<Hands>);

impl Box {
    fn new() -> Self {
        let hands = Arc::new(Hands::default());
        Self(Sandbox::new(hands.clone(), Arc::new(Count::default()), Settings::default()), hands)
    }

    fn ask(&self, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = Request::new(method, path).header("Authorization", "Bearer sk_test_payments");
        let reply = self.0.handle(&if form.is_empty() { request } else { request.form(form) });
        (reply.status, reply.value())
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, value) = self.ask("POST", path, form);
        assert_eq!(status, 200, "{value:#}");
        value
    }

    fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, &[]);
        assert_eq!(status, 200, "{value:#}");
        value
    }

    fn pay(&self, method: &str, more: &[(&str, &str)]) -> (u16, Value) {
        let mut form = vec![("amount", "2000"), ("currency", "eur"), ("confirm", "true"), ("payment_method", method)];
        form.extend_from_slice(more);
        if !more.iter().any(|(name, _)| *name == "return_url") {
            form.push(("payment_method_types[]", "card"));
            form.push(("payment_method_types[]", "sepa_debit"));
        }
        self.ask("POST", "/v1/payment_intents", &form)
    }

    fn pass(&self, seconds: i64) {
        self.1.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Types of all events, oldest first.
    fn events(&self) -> Vec<String> {
        let world = self.0.snapshot();
        let rows = world["accounts"]["payments"]["tables"]["event"]["rows"].as_object().cloned().unwrap_or_default();
        let mut all: Vec<(u64, String)> = rows.iter().map(|(n, e)| (n.parse().unwrap(), e.text("type").to_owned())).collect();
        all.sort();
        all.into_iter().map(|(_, kind)| kind).filter(|k| !k.starts_with("payment_method.")).collect()
    }
}

#[test]
fn a_method_of_another_kind_or_customer_does_not_fit() {
    let intent = json!({"payment_method_types": ["card"], "customer": "cus_1"});
    assert!(fits(&intent, &json!({"id": "pm_1", "type": "card", "customer": null})).is_ok());
    assert!(fits(&intent, &json!({"id": "pm_1", "type": "card", "customer": "cus_1"})).is_ok());
    assert!(fits(&intent, &json!({"id": "pm_1", "type": "card", "customer": "cus_2"})).is_err());
    assert!(fits(&intent, &json!({"id": "pm_1", "type": "sepa_debit"})).is_err());
}

#[test]
fn a_card_set_up_before_pays_off_session_without_its_holder() {
    let (intent, set_up) = (json!({"_off_session": true}), json!({"_set_up": true}));
    assert!(!must_authenticate(&intent, &set_up, CardOutcome::AuthenticatesUnlessSetUp));
    assert!(must_authenticate(&json!({}), &set_up, CardOutcome::AuthenticatesUnlessSetUp));
    assert!(must_authenticate(&intent, &set_up, CardOutcome::Authenticates));
}

#[test]
fn a_good_card_pays_and_a_refund_gives_it_back() {
    let b = Box::new();
    let (status, intent) = b.pay("pm_card_visa", &[("expand[]", "latest_charge.balance_transaction")]);
    assert_eq!((status, intent.text("status"), intent.int("amount_received")), (200, "succeeded", 2000));
    assert_eq!(intent["latest_charge"]["balance_transaction"]["fee"], 88);
    let refund = b.post("/v1/refunds", &[("payment_intent", intent.text("id")), ("amount", "500")]);
    assert_eq!((refund.text("status"), refund.int("amount")), ("succeeded", 500));
    let (status, error) = b.ask("POST", "/v1/refunds", &[("payment_intent", intent.text("id")), ("amount", "1501")]);
    assert_eq!((status, error["error"].text("param")), (400, "amount"));
    b.post("/v1/refunds", &[("charge", intent["latest_charge"].text("id"))]);
    let charge = b.get(&format!("/v1/charges/{}", intent["latest_charge"].text("id")));
    assert!(charge.yes("refunded") && charge.int("amount_refunded") == 2000);
    let (_, error) = b.ask("POST", "/v1/refunds", &[("payment_intent", intent.text("id"))]);
    assert_eq!(error["error"]["code"], "charge_already_refunded");
    assert_eq!(
        b.events(),
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "refund.created",
            "charge.refunded",
            "refund.created",
            "charge.refunded"
        ]
    );
    assert_eq!(b.get("/v1/balance")["pending"][0]["amount"], 1912);
    b.pass(3 * 86_400);
    assert_eq!(b.get("/v1/balance")["available"][0]["amount"], -88);
    b.get("/v1/balance_transactions?expand[]=data.source");
}

#[test]
fn a_declined_card_leaves_the_intent_waiting_for_another() {
    let b = Box::new();
    let (status, answer) = b.pay("pm_card_visa_chargeDeclinedInsufficientFunds", &[]);
    let error = &answer["error"];
    assert_eq!((status, error.text("code"), error.text("decline_code")), (402, "card_declined", "insufficient_funds"));
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    assert!(!answer.to_string().contains("\"_"), "{answer}");
    let id = error["payment_intent"].text("id");
    let intent = b.get(&format!("/v1/payment_intents/{id}"));
    assert_eq!(intent["last_payment_error"]["charge"], intent["latest_charge"]);
    assert_eq!(b.events(), ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]);
    let again = b.post(&format!("/v1/payment_intents/{id}/confirm"), &[("payment_method", "pm_card_visa")]);
    assert_eq!((again.text("status"), again.has("last_payment_error")), ("succeeded", false));
    b.get("/v1/charges?limit=2");
}

#[test]
fn money_that_is_held_is_taken_once_in_part_or_let_go() {
    let b = Box::new();
    let (_, held) = b.pay("pm_card_visa", &[("capture_method", "manual")]);
    assert_eq!((held.text("status"), held.int("amount_capturable")), ("requires_capture", 2000));
    let path = format!("/v1/payment_intents/{}/capture", held.text("id"));
    assert_eq!(b.ask("POST", &path, &[("amount_to_capture", "2001")]).0, 400);
    let taken = b.post(&path, &[("amount_to_capture", "1500")]);
    assert_eq!((taken.text("status"), taken.int("amount_received"), taken.int("amount_capturable")), ("succeeded", 1500, 0));
    let (status, error) = b.ask("POST", &path, &[]);
    assert_eq!((status, error["error"].text("code")), (400, "payment_intent_unexpected_state"));
    let (_, other) = b.pay("pm_card_visa", &[("capture_method", "manual")]);
    let gone = b.post(&format!("/v1/payment_intents/{}/cancel", other.text("id")), &[("cancellation_reason", "abandoned")]);
    assert_eq!((gone.text("status"), gone.text("cancellation_reason")), ("canceled", "abandoned"));
    assert_eq!(b.ask("POST", &format!("/v1/payment_intents/{}/cancel", taken.text("id")), &[]).0, 400);
}

#[test]
fn a_customer_who_must_authenticate_is_asked_and_heard() {
    let b = Box::new();
    let (_, asked) = b.pay("pm_card_authenticationRequired", &[("return_url", "https://shop.example/back")]);
    assert_eq!(asked.text("status"), "requires_action");
    let redirect = &asked["next_action"]["redirect_to_url"];
    assert!(redirect.text("url").ends_with(&format!("/c/3ds/{}", asked.text("id"))));
    let (status, answer) = b.pay("pm_card_authenticationRequired", &[("off_session", "true")]);
    assert_eq!((status, answer["error"].text("code")), (402, "authentication_required"));
}

#[test]
fn a_refund_of_the_failing_card_fails_later() {
    let b = Box::new();
    let (_, intent) = b.pay("pm_card_refundFail", &[]);
    let refund = b.post("/v1/refunds", &[("payment_intent", intent.text("id"))]);
    assert_eq!(refund.text("status"), "succeeded");
    b.pass(6);
    let refund = b.get(&format!("/v1/refunds/{}", refund.text("id")));
    assert_eq!(refund.text("status"), "failed");
    assert_eq!(b.get(&format!("/v1/charges/{}", refund.text("charge")))["amount_refunded"], 0);
    assert!(b.events().ends_with(&["refund.updated".into(), "charge.refund.updated".into(), "refund.failed".into()]));
}

#[test]
fn a_disputed_payment_is_won_by_the_winning_evidence() {
    let b = Box::new();
    b.pay("pm_card_createDispute", &[]);
    let dispute = b.get("/v1/disputes")["data"][0].clone();
    assert_eq!((dispute.text("status"), dispute.text("reason")), ("needs_response", "fraudulent"));
    let (status, refused) = b.ask("POST", "/v1/refunds", &[("charge", dispute.text("charge"))]);
    assert_eq!((status, refused["error"].text("code")), (400, "charge_disputed"));
    let won = b.post(
        &format!("/v1/disputes/{}", dispute.text("id")),
        &[("evidence[uncategorized_text]", "winning_evidence"), ("submit", "true")],
    );
    assert_eq!((won.text("status"), won["balance_transactions"].as_array().map(Vec::len)), ("won", Some(2)));
    assert_eq!(b.ask("POST", &format!("/v1/disputes/{}/close", won.text("id")), &[]).0, 400);
}

#[test]
fn a_debit_is_processing_until_it_succeeds_or_fails() {
    for (iban, status) in [("AT611904300234573201", "succeeded"), ("IT60X0542811101000000123456", "requires_payment_method")] {
        let b = Box::new();
        let form = [
            ("type", "sepa_debit"),
            ("sepa_debit[iban]", iban),
            ("billing_details[name]", "Ada"),
            ("billing_details[email]", "ada@example.com"),
        ];
        let method = b.post("/v1/payment_methods", &form);
        let (_, intent) = b.pay(method.text("id"), &[]);
        assert_eq!(intent.text("status"), "processing");
        b.pass(6);
        assert_eq!(b.get(&format!("/v1/payment_intents/{}", intent.text("id"))).text("status"), status);
    }
}

#[test]
fn a_payout_takes_what_is_available_and_arrives() {
    let b = Box::new();
    b.pay("pm_card_bypassPending", &[]);
    assert_eq!(b.ask("POST", "/v1/payouts", &[("amount", "5000"), ("currency", "eur")]).0, 400);
    let payout = b.post("/v1/payouts", &[("amount", "1000"), ("currency", "eur")]);
    b.pass(61);
    assert_eq!(b.get(&format!("/v1/payouts/{}", payout.text("id"))).text("status"), "paid");
}

#[test]
fn a_method_is_set_up_or_refused() {
    let b = Box::new();
    let set_up = |method: &str| {
        let form = [("confirm", "true"), ("payment_method", method), ("payment_method_types[]", "card")];
        b.ask("POST", "/v1/setup_intents", &form)
    };
    assert_eq!(set_up("pm_card_visa").1.text("status"), "succeeded");
    let (status, answer) = set_up("pm_card_visa_chargeDeclined");
    assert_eq!((status, answer["error"]["setup_intent"].text("status")), (402, "requires_payment_method"));
    let (_, asked) = set_up("pm_card_authenticationRequired");
    assert_eq!(asked.text("status"), "requires_action");
    let gone = b.post(&format!("/v1/setup_intents/{}/cancel", asked.text("id")), &[]);
    assert_eq!(gone.text("status"), "canceled");
}

#[test]
fn the_bank_page_answers_for_a_method_that_is_set_up() {
    let b = Box::new();
    for (outcome, status, said) in [("complete", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")] {
        let form = [
            ("confirm", "true"),
            ("payment_method", "pm_card_authenticationRequired"),
            ("return_url", "https://shop.example/back"),
        ];
        let asked = b.post("/v1/setup_intents", &form);
        let page = format!("/c/3ds/{}", asked.text("id"));
        assert!(asked["next_action"]["redirect_to_url"].text("url").ends_with(&page));
        let shown = b.0.handle(&Request::new("GET", &page));
        assert!(String::from_utf8_lossy(&shown.body).contains("Confirm your card?"));
        let back = b.0.handle(&Request::new("POST", &page).form(&[("outcome", outcome)]));
        let to = back.header_value("Location").unwrap();
        assert!(to.contains(&format!("setup_intent={}", asked.text("id"))) && to.ends_with(&format!("redirect_status={said}")));
        assert_eq!(b.get(&format!("/v1/setup_intents/{}", asked.text("id"))).text("status"), status);
    }
}

#[test]
fn a_method_that_belongs_to_nobody_pays_once() {
    let b = Box::new();
    let (_, first) = b.pay("pm_card_visa", &[]);
    let (status, answer) = b.pay(first.text("payment_method"), &[]);
    assert_eq!((status, answer["error"].text("type")), (400, "invalid_request_error"));
    let customer = b.post("/v1/customers", &[]);
    let kept = [("customer", customer.text("id")), ("setup_future_usage", "off_session")];
    let (_, first) = b.pay("pm_card_visa", &kept);
    let (status, _) = b.pay(first.text("payment_method"), &[("customer", customer.text("id"))]);
    assert_eq!(status, 200);
}

#[test]
fn a_publishable_key_opens_an_intent_by_its_secret_only() {
    let b = Box::new();
    let intent = b.post("/v1/payment_intents", &[("amount", "500"), ("currency", "eur")]);
    let path = format!("/v1/payment_intents/{}", intent.text("id"));
    let ask = |path: &str| b.0.handle(&Request::new("GET", path).header("Authorization", "Bearer pk_test_payments"));
    let refused = ask(&path);
    assert_eq!((refused.status, refused.value()["error"].text("param")), (400, "client_secret"));
    assert_eq!(ask(&format!("{path}?client_secret={}", intent.text("client_secret"))).status, 200);
    let refused = ask("/v1/customers");
    assert_eq!((refused.status, refused.header_value("WWW-Authenticate").is_some()), (401, true));
}

#[test]
fn a_token_is_charged_the_older_way() {
    let b = Box::new();
    let form = [("amount", "900"), ("currency", "usd"), ("source", "tok_visa")];
    assert!(b.post("/v1/charges", &form).yes("paid"));
    let (status, answer) =
        b.ask("POST", "/v1/charges", &[("amount", "900"), ("currency", "usd"), ("source", "tok_chargeDeclined")]);
    assert_eq!((status, answer["error"].text("decline_code")), (402, "generic_decline"));
}
