//! The OpenAPI 3.1 document, generated from the code that it describes.

use crate::api::{
    api_keys, disputes, events, exceptions, ledger, merchant, payment_orders, payouts, psp_accounts, refunds, webhook_endpoints,
};
use crate::inbound;
use crate::problem::ProblemDocument;
use ducat_engine::api_keys::ApiKeyView;
use ducat_engine::captures::CaptureView;
use ducat_engine::deliveries::{DeliveryView, ResponseView, TryView};
use ducat_engine::disputes::{DisputeView, FileView};
use ducat_engine::ledger::{AccountView, EntryView, PostingView, ReversalView, TotalView, TrialBalanceView};
use ducat_engine::payments::{
    AttemptView, ClaimView, Claimed, CustomerView, DeclineView, EventView, FeeView, LineItemView, PaymentOrderView, Proof,
};
use ducat_engine::psp_accounts::PspAccountView;
use ducat_engine::refunds::RefundView;
use ducat_engine::settlement::{ArrivalView, ExceptionView, PayoutView};
use ducat_engine::webhook_endpoints::{DeletedView, ReplayView, SecretView, WebhookEndpointView};
use std::sync::LazyLock;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, Components, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{Modify, OpenApi, PartialSchema};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ducat",
        description = "A self-hosted payment gateway. Amounts are whole numbers of minor units, moments are RFC 3339 in UTC, errors are \
            `application/problem+json` (RFC 9457) with a stable `code`, lists have cursors, and every POST can be repeated under its \
            `Idempotency-Key`. Every answer carries a `Request-Id`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This gateway")),
    paths(
        payment_orders::create::create, payment_orders::list::list, payment_orders::get::get, payment_orders::cancel::cancel,
        payment_orders::ledger::ledger, payment_orders::stream::stream, payment_orders::capture::capture,
        payment_orders::refund::refund, payment_orders::refunds::refunds, payment_orders::claim::claim, refunds::list::list, refunds::get::get,
        disputes::list::list, disputes::get::get, disputes::submit::submit, disputes::accept::accept, disputes::add_file::add_file, disputes::files::files, payouts::list::list, payouts::get::get, payouts::arrive::arrive, exceptions::list::list,
        exceptions::close::close, ledger::accounts::accounts, ledger::statement::statement, ledger::entries::entries, ledger::entry::entry,
        ledger::reverse::reverse, ledger::trial_balance::trial_balance, events::list::list, events::get::get,
        psp_accounts::create::create, psp_accounts::list::list, psp_accounts::get::get, psp_accounts::update::update,
        psp_accounts::check::check, psp_accounts::subscribe::subscribe,
        webhook_endpoints::create::create, webhook_endpoints::list::list, webhook_endpoints::get::get, webhook_endpoints::update::update,
        webhook_endpoints::delete::delete, webhook_endpoints::rotate_secret::rotate_secret, webhook_endpoints::test::test,
        webhook_endpoints::replay::replay, webhook_endpoints::deliveries::deliveries, webhook_endpoints::delivery::delivery,
        webhook_endpoints::retry::retry, api_keys::create::create, api_keys::list::list,
        api_keys::revoke::revoke, merchant::get, inbound::receive,
    ),
    components(schemas(ProblemDocument)),
    tags(
        (name = "Payment orders", description = "What you want paid, once: create an order, send the customer to its page, read its state."),
        (name = "Refunds", description = "Giving money back, whole or in parts."),
        (name = "Disputes", description = "Payers who say that a payment was wrong: what is at stake, until when to answer, what to say."),
        (name = "Payouts", description = "What your PSPs send to your bank."),
        (name = "Exceptions", description = "What a person has to look at."),
        (name = "Ledger", description = "Your books, in double entry: accounts, entries, sums as of any moment, statements, corrections."),
        (name = "Events", description = "The log of committed facts, gapless, to be read on from a cursor."),
        (name = "PSP accounts", description = "Your accounts at payment service providers."),
        (name = "Webhook endpoints", description = "Your addresses for events: signed deliveries, tried for three days, with a log of each try."),
        (name = "API keys", description = "Keys to this API: scopes, networks, an end."),
        (name = "Merchant", description = "To whom a key belongs."),
        (name = "Messages of PSPs", description = "Where payment service providers send their messages."),
    ),
    modifiers(&Finish),
)]
struct Document;

/// The document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(Document::openapi);
    DOCUMENT.clone()
}

/// What the code calls the views, and what readers of the document call them.
const NAMES: &[(&str, &str)] = &[
    ("PaymentOrderView", "PaymentOrder"),
    ("AttemptView", "PaymentAttempt"),
    ("DeclineView", "Decline"),
    ("FeeView", "Fee"),
    ("EventView", "Event"),
    ("EntryView", "JournalEntry"),
    ("PostingView", "Posting"),
    ("LineItemView", "LineItem"),
    ("CustomerView", "Customer"),
    ("PspAccountView", "PspAccount"),
    ("ApiKeyView", "ApiKey"),
    ("MerchantView", "Merchant"),
    ("RefundView", "Refund"),
    ("CaptureView", "Capture"),
    ("DisputeView", "Dispute"),
    ("PayoutView", "Payout"),
    ("ArrivalView", "Arrival"),
    ("ClaimView", "Claim"),
    ("FileView", "DisputeFile"),
    ("AccountView", "LedgerAccount"),
    ("TotalView", "LedgerTotal"),
    ("TrialBalanceView", "TrialBalance"),
    ("ReversalView", "Reversal"),
    ("ExceptionView", "Exception"),
    ("NewReversalBody", "NewReversal"),
    ("NewLineBody", "NewLine"),
    ("NewArrivalBody", "NewArrival"),
    ("NewClosingBody", "NewClosing"),
    ("NewCaptureBody", "NewCapture"),
    ("NewRefundBody", "NewRefund"),
    ("NewClaimBody", "NewClaim"),
    ("NewEvidenceBody", "NewEvidence"),
    ("NewPspAccountBody", "NewPspAccount"),
    ("WebhookEndpointView", "WebhookEndpoint"),
    ("SecretView", "WebhookSecret"),
    ("DeletedView", "DeletedWebhookEndpoint"),
    ("ReplayView", "WebhookReplay"),
    ("DeliveryView", "WebhookDelivery"),
    ("TryView", "WebhookDeliveryTry"),
    ("ResponseView", "WebhookResponse"),
    ("NewWebhookEndpointBody", "NewWebhookEndpoint"),
    ("NewReplayBody", "NewWebhookReplay"),
    ("ProblemDocument", "Problem"),
];

/// What holds for the whole document.
struct Finish;

impl Modify for Finish {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        document.info.version = env!("CARGO_PKG_VERSION").to_owned();
        let components = document.components.get_or_insert_with(Components::new);
        add_views(components);
        add_security(components);
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
                finish_operation(operation);
            }
        }
        if let Some(renamed) = renamed(document) {
            *document = renamed;
        }
    }
}

/// The views are added one by one: an order holds events and an event holds the order, which deriving would follow without end.
fn add_views(components: &mut Components) {
    let views: [(&str, RefOr<Schema>); 32] = [
        ("PaymentOrder", PaymentOrderView::schema()),
        ("PaymentAttempt", AttemptView::schema()),
        ("Decline", DeclineView::schema()),
        ("Fee", FeeView::schema()),
        ("Event", EventView::schema()),
        ("JournalEntry", EntryView::schema()),
        ("Posting", PostingView::schema()),
        ("LineItem", LineItemView::schema()),
        ("Customer", CustomerView::schema()),
        ("PspAccount", PspAccountView::schema()),
        ("ApiKey", ApiKeyView::schema()),
        ("Refund", RefundView::schema()),
        ("Capture", CaptureView::schema()),
        ("Dispute", DisputeView::schema()),
        ("Payout", PayoutView::schema()),
        ("Arrival", ArrivalView::schema()),
        ("Claim", ClaimView::schema()),
        ("Claimed", Claimed::schema()),
        ("Proof", Proof::schema()),
        ("DisputeFile", FileView::schema()),
        ("LedgerAccount", AccountView::schema()),
        ("LedgerTotal", TotalView::schema()),
        ("TrialBalance", TrialBalanceView::schema()),
        ("Reversal", ReversalView::schema()),
        ("Exception", ExceptionView::schema()),
        ("WebhookEndpoint", WebhookEndpointView::schema()),
        ("WebhookSecret", SecretView::schema()),
        ("DeletedWebhookEndpoint", DeletedView::schema()),
        ("WebhookReplay", ReplayView::schema()),
        ("WebhookDelivery", DeliveryView::schema()),
        ("WebhookDeliveryTry", TryView::schema()),
        ("WebhookResponse", ResponseView::schema()),
    ];
    components.schemas.extend(views.map(|(name, schema)| (name.to_owned(), schema)));
    for of in [
        "PaymentOrder",
        "Refund",
        "Dispute",
        "Payout",
        "DisputeFile",
        "Exception",
        "LedgerAccount",
        "Event",
        "JournalEntry",
        "PspAccount",
        "ApiKey",
        "WebhookEndpoint",
        "WebhookDelivery",
    ] {
        components.schemas.insert(format!("{of}List"), list_of(of));
    }
}

fn list_of(of: &str) -> RefOr<Schema> {
    let text = |what: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(what)).build();
    let flag =
        ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Whether there is more in the direction of reading."));
    let object = ObjectBuilder::new()
        .title(Some(format!("{of}List")))
        .property("object", text("Always `list`."))
        .required("object")
        .property("data", ArrayBuilder::new().items(Ref::from_schema_name(of)))
        .required("data")
        .property("has_more", flag)
        .required("has_more");
    RefOr::T(Schema::Object(object.build()))
}

fn add_security(components: &mut Components) {
    let bearer = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("An API key, `dk_…`."));
    let basic =
        Http::builder().scheme(HttpAuthScheme::Basic).description(Some("The API key as the user name, without a password."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components.add_security_scheme("basic", SecurityScheme::Http(basic.build()));
}

/// Every operation may answer with a problem, and needs a key unless it says otherwise.
fn finish_operation(operation: &mut Operation) {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description("A problem").content("application/problem+json", problem).build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
    if operation.security.is_none() {
        let requirement = |name: &str| utoipa::openapi::SecurityRequirement::new::<&str, [&str; 0], &str>(name, []);
        operation.security = Some(vec![requirement("bearer"), requirement("basic")]);
    }
}

/// The document with the names for readers. Nothing where it could not be written and read back, which a test rules out.
fn renamed(document: &utoipa::openapi::OpenApi) -> Option<utoipa::openapi::OpenApi> {
    let mut text = serde_json::to_string(document).ok()?;
    for (ours, theirs) in NAMES {
        text = text.replace(&format!("schemas/{ours}\""), &format!("schemas/{theirs}\""));
        text = text.replace(&format!("\"{ours}\":"), &format!("\"{theirs}\":"));
    }
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|v| references(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 30, "{found:?}");
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn no_name_of_the_code_is_left_and_every_operation_tells_its_problems() {
        let document = serde_json::to_value(openapi()).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (ours, theirs) in NAMES {
            assert!(!schemas.contains_key(*ours) && schemas.contains_key(*theirs), "{ours} → {theirs}");
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["responses"]["default"].is_object(), "{method} {path}");
                assert!(operation["security"].is_array() && operation["summary"].is_string(), "{method} {path}");
            }
        }
    }
}
