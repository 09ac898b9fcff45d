//! The thing that an address names. An id that cannot be one names nothing, like an id that nobody has.

use crate::app::App;
use crate::problem::Problem;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use ducat_domain::{
    ApiKeyId, DeliveryId, DisputeId, EntryId, EventId, ExceptionId, PaymentOrderId, PayoutId, PspAccountId, RefundId,
    WebhookEndpointId,
};
use std::convert::Infallible;
use std::str::FromStr;

/// The id in the address.
pub(crate) struct Named<Id>(pub Id);

/// The ids in the address of a thing that belongs to another: `…/{id}/deliveries/{delivery_id}`.
pub(crate) struct NamedWithin<Outer, Inner>(pub Outer, pub Inner);

/// What an id names, for people.
pub(crate) trait Names: FromStr {
    const WHAT: &'static str;
}

impl Names for PaymentOrderId {
    const WHAT: &'static str = "payment order";
}
impl Names for EventId {
    const WHAT: &'static str = "event";
}
impl Names for RefundId {
    const WHAT: &'static str = "refund";
}
impl Names for DisputeId {
    const WHAT: &'static str = "dispute";
}
impl Names for PayoutId {
    const WHAT: &'static str = "payout";
}
impl Names for EntryId {
    const WHAT: &'static str = "journal entry";
}
impl Names for ExceptionId {
    const WHAT: &'static str = "exception";
}
impl Names for PspAccountId {
    const WHAT: &'static str = "PSP account";
}
impl Names for ApiKeyId {
    const WHAT: &'static str = "API key";
}

impl Names for WebhookEndpointId {
    const WHAT: &'static str = "webhook endpoint";
}
impl Names for DeliveryId {
    const WHAT: &'static str = "webhook delivery";
}

/// What may be the name of an account in the journal: any text.
pub(crate) struct AccountName(pub String);

impl FromStr for AccountName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Names for AccountName {
    const WHAT: &'static str = "account";
}

impl<Id: Names> FromRequestParts<App> for Named<Id> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let not_found = || Problem::not_found(Id::WHAT);
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| not_found())?;
        text.parse().map(Self).map_err(|_| not_found())
    }
}

impl<Outer: Names, Inner: Names> FromRequestParts<App> for NamedWithin<Outer, Inner> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((outer, inner)) = path.map_err(|_| Problem::not_found(Outer::WHAT))?;
        let outer = outer.parse().map_err(|_| Problem::not_found(Outer::WHAT))?;
        inner.parse().map(|inner| Self(outer, inner)).map_err(|_| Problem::not_found(Inner::WHAT))
    }
}
