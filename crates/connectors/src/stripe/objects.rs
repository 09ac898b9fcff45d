//! What we need of Stripe's JSON, and no more. Almost everything is optional, because what Stripe leaves out must not stop us from
//! reading the rest; the words of its enumerations are read where their meaning is decided.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// An object that names its kind.
pub(super) trait Object: DeserializeOwned {
    /// What its field `object` says.
    const KIND: &'static str;
}

/// A field that holds an id, or the object itself where it was expanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl<T> Expandable<T> {
    pub(super) fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

/// What the merchant or we noted on an object.
pub(super) type Metadata = Option<BTreeMap<String, Value>>;

/// The note of this name.
pub(super) fn note<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a str> {
    metadata.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty())
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Session {
    pub id: String,
    pub status: Option<String>,
    pub payment_status: Option<String>,
    pub amount_total: Option<i64>,
    pub currency: Option<String>,
    pub url: Option<String>,
    pub livemode: Option<bool>,
    pub client_reference_id: Option<String>,
    pub metadata: Metadata,
    pub payment_intent: Option<Expandable<PaymentIntent>>,
}

impl Object for Session {
    const KIND: &'static str = "checkout.session";
}

impl Session {
    /// The id of the payment behind it.
    pub(super) fn payment_id(&self) -> Option<&str> {
        match self.payment_intent.as_ref()? {
            Expandable::Id(id) => Some(id),
            Expandable::Object(payment) => Some(&payment.id),
        }
    }

    /// The payment behind it, where it was expanded.
    pub(super) fn payment(&self) -> Option<&PaymentIntent> {
        self.payment_intent.as_ref()?.object()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentIntent {
    pub id: String,
    pub status: Option<String>,
    pub currency: Option<String>,
    pub amount_received: Option<i64>,
    pub amount_capturable: Option<i64>,
    pub cancellation_reason: Option<String>,
    pub last_payment_error: Option<ApiError>,
    pub latest_charge: Option<Expandable<Charge>>,
}

impl Object for PaymentIntent {
    const KIND: &'static str = "payment_intent";
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Charge {
    pub id: Option<String>,
    pub currency: Option<String>,
    pub amount: Option<i64>,
    pub amount_captured: Option<i64>,
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    pub disputed: Option<bool>,
    pub payment_intent: Option<Expandable<Named>>,
    pub payment_method_details: Option<MethodDetails>,
    pub refunds: Option<List<Refund>>,
}

/// How a charge was paid.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct MethodDetails {
    pub card: Option<CardDetails>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CardDetails {
    pub multicapture: Option<Feature>,
}

/// Something that a card can do or not.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Feature {
    pub status: Option<String>,
}

impl Charge {
    /// Whether it can be captured in parts, where Stripe says so.
    pub(super) fn takes_parts(&self) -> Option<bool> {
        let card = self.payment_method_details.as_ref()?.card.as_ref()?;
        Some(card.multicapture.as_ref()?.status.as_deref()? == "available")
    }
}

/// A line of Stripe's statement.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct BalanceTransaction {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub amount: Option<i64>,
    pub fee: Option<i64>,
    pub currency: Option<String>,
    pub created: Option<i64>,
    pub source: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub status: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub reason: Option<String>,
    pub failure_reason: Option<String>,
    pub payment_intent: Option<Expandable<Named>>,
    #[serde(default)]
    pub metadata: Metadata,
}

impl Object for Refund {
    const KIND: &'static str = "refund";
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dispute {
    pub id: String,
    pub status: Option<String>,
    pub reason: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub created: Option<i64>,
    pub payment_intent: Option<Expandable<Named>>,
    #[serde(default)]
    pub metadata: Metadata,
    pub evidence_details: Option<EvidenceDetails>,
    #[serde(default)]
    pub balance_transactions: Vec<BalanceTransaction>,
}

impl Object for Dispute {
    const KIND: &'static str = "dispute";
}

/// How far a dispute's evidence is.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct EvidenceDetails {
    pub due_by: Option<i64>,
    pub submission_count: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Payout {
    pub id: String,
    pub status: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub arrival_date: Option<i64>,
    pub created: Option<i64>,
}

/// A file that Stripe has.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct File {
    pub id: String,
}

impl Object for File {
    const KIND: &'static str = "file";
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

impl<T: DeserializeOwned> Object for List<T> {
    const KIND: &'static str = "list";
}

/// An object that can be a place in a list.
pub(super) trait Row: DeserializeOwned {
    fn id(&self) -> &str;
}

macro_rules! rows {
    ($($name:ident),*) => {
        $(impl Row for $name {
            fn id(&self) -> &str {
                &self.id
            }
        })*
    };
}

rows!(BalanceTransaction, Refund, Dispute);

/// The id in a field that names a payment.
pub(super) fn id_of(field: Option<&Expandable<Named>>) -> Option<&str> {
    match field? {
        Expandable::Id(id) => Some(id),
        Expandable::Object(object) => object.id.as_deref(),
    }
}

#[derive(Clone, Deserialize)]
pub(super) struct WebhookEndpoint {
    pub secret: String,
}

impl Object for WebhookEndpoint {
    const KIND: &'static str = "webhook_endpoint";
}

/// An error, as a request gets it or as a payment keeps its last one.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ApiError {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub advice_code: Option<String>,
    pub network_advice_code: Option<String>,
    pub network_decline_code: Option<String>,
    pub param: Option<String>,
    pub charge: Option<Expandable<Named>>,
    pub payment_method: Option<Box<PaymentMethod>>,
}

/// What the customer gave to pay with.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentMethod {
    pub id: Option<String>,
    pub card: Option<Card>,
}

/// A card, as far as Stripe shows it. It has no `Debug` that could write it down.
#[derive(Clone, Deserialize)]
pub(super) struct Card {
    pub brand: Option<String>,
    pub fingerprint: Option<String>,
    pub last4: Option<String>,
    pub exp_month: Option<i64>,
    pub exp_year: Option<i64>,
    pub country: Option<String>,
    pub funding: Option<String>,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Card(…)")
    }
}

/// Any object, by its id alone.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Named {
    pub id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub error: ApiError,
}
