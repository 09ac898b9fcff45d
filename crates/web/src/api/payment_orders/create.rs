//! `POST /v1/payment_orders`: ask for a payment.

use crate::api::allowed::{Allowed, ToPay};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use crate::reading::fields::Shape;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::payments::{CaptureMode, Channel, Customer, LineItem, PaymentMethod, PaymentType};
use ducat_engine::payments::{self, NewOrder};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What the shop asks for.
// Only its documentation is derived: it is read by hand, so that every mistake is told with its place.
#[derive(ToSchema)]
#[schema(title = "NewPaymentOrder", example = json!({
    "reference": "order-1001", "amount": 4998, "currency": "EUR", "description": "Two tickets",
    "line_items": [{ "name": "Ticket", "quantity": 2, "unit_amount": 2499 }],
    "customer": { "email": "ada@example.com", "name": "Ada" },
    "success_url": "https://shop.example/thanks?order={PAYMENT_ORDER_ID}", "cancel_url": "https://shop.example/cart",
    "metadata": { "cart": "77" }
}))]
#[allow(dead_code)]
pub(crate) struct NewPaymentOrder {
    /// Your own order id, 1 to 128 characters, unique. The same reference with the same amount and currency gives the first order again.
    reference: String,
    /// Minor units: 4999 is 49.99 EUR, and 4999 JPY is 4999 yen.
    #[schema(minimum = 1)]
    amount: i64,
    /// ISO 4217, in upper case.
    currency: String,
    /// `SALE` (one time, the default).
    payment_type: Option<String>,
    /// `APM` (on the PSP's page, cards included; the default).
    payment_method: Option<String>,
    /// The PSP on which you insist, such as `stripe`; missing, routing decides.
    psp: Option<String>,
    /// `automatic` (the default) or `manual`.
    capture: Option<String>,
    /// `ecommerce` (the default) or `pos`.
    channel: Option<String>,
    /// What the customer reads as the purpose; up to 500 characters.
    description: Option<String>,
    /// What is bought; up to 100 lines.
    line_items: Option<Vec<NewLineItem>>,
    /// Who buys.
    customer: Option<NewCustomer>,
    /// Where the customer goes after paying; `{PAYMENT_ORDER_ID}` is filled in, `payment_order`, `status` and `signature` are added.
    success_url: Option<String>,
    /// Where the customer goes without paying.
    cancel_url: Option<String>,
    /// Seconds until the order lapses unpaid, 60 to 86400; 1800 by default.
    expires_in: Option<i64>,
    /// Your own notes: up to 50, names up to 40 characters, values up to 500.
    metadata: Option<BTreeMap<String, String>>,
}

/// One line of what is bought.
#[derive(ToSchema)]
#[schema(title = "NewLineItem")]
#[allow(dead_code)]
pub(crate) struct NewLineItem {
    /// What it is.
    name: String,
    /// How many.
    #[schema(minimum = 1)]
    quantity: u32,
    /// Minor units for one.
    #[schema(minimum = 0)]
    unit_amount: i64,
}

/// Who buys.
#[derive(ToSchema)]
#[schema(title = "NewCustomer")]
#[allow(dead_code)]
pub(crate) struct NewCustomer {
    /// Where a receipt goes.
    email: Option<String>,
    /// The full name.
    name: Option<String>,
}

const KNOWN: &[&str] = &[
    "reference",
    "amount",
    "currency",
    "payment_type",
    "payment_method",
    "psp",
    "capture",
    "channel",
    "description",
    "line_items",
    "customer",
    "success_url",
    "cancel_url",
    "expires_in",
    "metadata",
];

fn read(body: Value) -> Result<NewOrder, Problem> {
    let mut fields = Fields::of(body, "", KNOWN)?;
    let types = [("SALE", PaymentType::Sale), ("RECC", PaymentType::Recc)];
    let methods = [("APM", PaymentMethod::Apm), ("CARD", PaymentMethod::Card)];
    let captures = [("automatic", CaptureMode::Automatic), ("manual", CaptureMode::Manual)];
    let channels = [("ecommerce", Channel::Ecommerce), ("pos", Channel::Pos)];
    let lines: Vec<Line> = fields.optional("line_items")?.unwrap_or_default();
    Ok(NewOrder {
        reference: fields.required("reference")?,
        amount: fields.required("amount")?,
        currency: fields.required("currency")?,
        payment_type: fields.choice("payment_type", &types)?.unwrap_or(PaymentType::Sale),
        payment_method: fields.choice("payment_method", &methods)?.unwrap_or(PaymentMethod::Apm),
        psp: fields.optional("psp")?,
        capture: fields.choice("capture", &captures)?.unwrap_or(CaptureMode::Automatic),
        channel: fields.choice("channel", &channels)?.unwrap_or(Channel::Ecommerce),
        description: fields.optional("description")?,
        line_items: lines.into_iter().map(|line| line.0).collect(),
        customer: fields.optional::<Buyer>("customer")?.map(|buyer| buyer.0),
        success_url: fields.optional("success_url")?,
        cancel_url: fields.optional("cancel_url")?,
        expires_in: fields.optional("expires_in")?,
        metadata: fields.optional("metadata")?.unwrap_or_default(),
    })
}

struct Line(LineItem);

impl Shape for Line {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        let mut fields = Fields::of(value, at, &["name", "quantity", "unit_amount"])?;
        let (name, quantity) = (fields.required("name")?, fields.required("quantity")?);
        Ok(Self(LineItem { name, quantity, unit_amount: fields.required("unit_amount")? }))
    }
}

struct Buyer(Customer);

impl Shape for Buyer {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        let mut fields = Fields::of(value, at, &["email", "name"])?;
        Ok(Self(Customer { email: fields.optional("email")?, name: fields.optional("name")? }))
    }
}

/// Asks for a payment: records the order, registers it at its PSP, and answers with where to send the customer.
#[utoipa::path(
    post, path = "/v1/payment_orders", tag = "Payment orders", operation_id = "create_payment_order", summary = "Create a payment order",
    description = "Records the order, registers it at its PSP exactly once, and answers with where to send the customer: `checkout_url` \
        (Ducat's own page) or `redirect_url` (the PSP's). When the PSP does not answer in time, the answer is 202 and the order goes on by itself.",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters. Makes it safe to repeat the request for 30 days.")),
    request_body = NewPaymentOrder,
    responses(
        (status = 201, description = "The order", body = ref("#/components/schemas/PaymentOrder")),
        (status = 200, description = "There was an order with this reference and the same amount and currency: this one", body = ref("#/components/schemas/PaymentOrder")),
        (status = 429, description = "Too many payments of this customer were declined (`too_many_declines`), or too many calls (`rate_limited`); Retry-After says how long to wait"),
        (status = 202, description = "The order is recorded; the PSP has not answered yet", body = ref("#/components/schemas/PaymentOrder")),
    ),
)]
pub(crate) async fn create(caller: Allowed<ToPay>, State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    // Handlers are moved several times before they run: what is large about this one stays where it is.
    let answer = Box::pin(payments::create(&app.engine, caller.merchant, read(asked.body)?, asked.key)).await?;
    Ok(answered(answer, "/v1/payment_orders"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn three_fields_are_enough() {
        let order = read(json!({ "reference": "a", "amount": 1, "currency": "EUR" })).unwrap();
        assert_eq!((order.payment_type, order.payment_method), (PaymentType::Sale, PaymentMethod::Apm));
        assert_eq!((order.capture, order.channel, order.expires_in), (CaptureMode::Automatic, Channel::Ecommerce, None));
    }

    #[test]
    fn mistakes_deep_inside_are_pointed_to() {
        let order = |line: Value| json!({ "reference": "a", "amount": 1, "currency": "EUR", "line_items": [line] });
        let told = |body| {
            let document = read(body).unwrap_err().document("req_1");
            (document.code, document.param.unwrap())
        };
        assert_eq!(
            told(order(json!({ "name": "x", "quantity": 1.5, "unit_amount": 1 }))),
            ("invalid_type", "/line_items/0/quantity".into())
        );
        assert_eq!(
            told(order(json!({ "name": "x", "qty": 1, "unit_amount": 1 }))),
            ("unknown_field", "/line_items/0/qty".into())
        );
        assert_eq!(
            told(order(json!({ "name": "x", "quantity": -1, "unit_amount": 1 }))),
            ("invalid_value", "/line_items/0/quantity".into())
        );
        assert_eq!(
            told(json!({ "reference": "a", "amount": 1, "currency": "EUR", "capture": "later" })),
            ("invalid_value", "/capture".into())
        );
    }
}
