//! Objects as Stripe sends them, cut down to what matters, for this folder's tests.

use crate::{HttpReply, HttpRequest, Reply, Step};
use serde_json::{Value, json};

pub(super) fn reply(status: u16, body: &str) -> Reply {
    Ok(HttpReply { status, headers: vec![("request-id".into(), "req_1".into())], body: body.as_bytes().to_vec() })
}

pub(super) fn json(value: &Value) -> Reply {
    reply(200, &value.to_string())
}

pub(super) fn error(status: u16, kind: &str, code: Option<&str>) -> Reply {
    reply(status, &json!({"error": {"type": kind, "code": code, "message": "Stripe says no."}}).to_string())
}

pub(super) fn session(status: &str) -> Value {
    json!({
        "id": "cs_test_1", "object": "checkout.session", "status": status, "mode": "payment",
        "payment_status": "unpaid", "amount_total": 4_999, "currency": "eur",
        "url": if status == "open" { json!("https://checkout.stripe.com/c/pay/cs_test_1") } else { Value::Null },
        "client_reference_id": ATTEMPT, "payment_intent": null, "livemode": false, "created": 1_795_253_400,
        "metadata": {"ducat_order": "po_1", "ducat_attempt": ATTEMPT, "reference": "cart-77"},
    })
}

pub(super) const ATTEMPT: &str = "pa_06axqp2m00e008000000000000";

pub(super) fn session_with(status: &str, payment: Value) -> Value {
    let mut session = session(status);
    session["payment_intent"] = payment;
    session
}

pub(super) fn payment(status: &str) -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "currency": "eur", "amount": 4_999,
        "amount_received": if status == "succeeded" { 4_999 } else { 0 },
        "amount_capturable": if status == "requires_capture" { 4_999 } else { 0 },
        "latest_charge": {"id": "ch_1", "object": "charge", "balance_transaction": null},
        "last_payment_error": null, "cancellation_reason": null,
    })
}

/// Charged in euros, settled in dollars.
pub(super) fn paid() -> Value {
    let mut payment = payment("succeeded");
    payment["latest_charge"]["balance_transaction"] =
        json!({"id": "txn_1", "object": "balance_transaction", "amount": 5_420, "fee": 175, "currency": "usd"});
    let mut session = session_with("complete", payment);
    session["payment_status"] = json!("paid");
    session
}

/// The request of a step that sends one.
pub(super) fn sent(step: Result<Step, crate::Fault>) -> HttpRequest {
    match step {
        Ok(Step::Send(request)) => request,
        other => panic!("nothing is sent: {other:?}"),
    }
}

/// The outcome of a step that is done.
pub(super) fn done(step: Result<Step, crate::Fault>) -> crate::Outcome {
    match step {
        Ok(Step::Done(outcome)) => outcome,
        other => panic!("not done: {other:?}"),
    }
}

/// The fields of a request's body.
pub(super) fn fields(request: &HttpRequest) -> Vec<(String, String)> {
    form_urlencoded::parse(&request.body).into_owned().collect()
}

/// One field of a request's body.
pub(super) fn field(request: &HttpRequest, name: &str) -> Option<String> {
    fields(request).into_iter().find(|(n, _)| n == name).map(|(_, v)| v)
}

/// A refund of the payment.
pub(super) fn refund(id: &str, status: &str) -> Value {
    json!({
        "id": id, "object": "refund", "status": status, "amount": 1_500, "currency": "eur", "payment_intent": "pi_1", "metadata": {},
        "reason": null,
    })
}

/// A dispute of the payment whose money was taken, with the fee in dollars.
pub(super) fn disputed(status: &str) -> Value {
    json!({
        "id": "du_1", "object": "dispute", "status": status, "reason": "fraudulent", "amount": 4_999, "currency": "eur",
        "created": 1_795_253_400, "payment_intent": "pi_1", "metadata": {},
        "evidence_details": {"due_by": 1_796_031_000, "has_evidence": false, "past_due": false, "submission_count": 0},
        "balance_transactions": [
            {"id": "txn_2", "object": "balance_transaction", "type": "adjustment", "amount": -5_420, "fee": 1_500, "currency": "usd"},
        ],
    })
}

/// A page of a list.
pub(super) fn list(data: &[Value], has_more: bool) -> Value {
    json!({"object": "list", "url": "/v1", "data": data, "has_more": has_more})
}
