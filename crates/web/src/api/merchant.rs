//! `GET /v1/merchant`: whose key this is.

use super::allowed::{Allowed, ToRead};
use super::answer::shown;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_domain::Scope;
use ducat_engine::merchants;
use serde::Serialize;
use utoipa::ToSchema;

/// Who sells.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Merchant")]
pub(crate) struct MerchantView {
    /// `mer_…`
    id: String,
    /// Always `merchant`.
    object: &'static str,
    /// What customers read.
    name: String,
    /// The secret that signs return addresses: HMAC-SHA256 in hex over `{payment_order}.{status}`. Only for keys of scope admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url_secret: Option<String>,
    /// RFC 3339.
    created_at: String,
}

/// Whose key this is.
#[utoipa::path(
    get, path = "/v1/merchant", tag = "Merchant", operation_id = "get_merchant", summary = "Get the merchant",
    description = "The merchant to whom the API key belongs. A key of scope admin also sees `return_url_secret`.",
    responses((status = 200, description = "The merchant", body = MerchantView)),
)]
pub(crate) async fn get(caller: Allowed<ToRead>, State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    Query::of(query.as_deref(), &[])?;
    let merchant = merchants::get(&app.engine, caller.merchant).await?;
    let return_url_secret = match caller.scope {
        Scope::Admin => Some(merchants::return_secret(&app.engine, caller.merchant).await?.expose().to_owned()),
        Scope::Payments | Scope::Read => None,
    };
    shown(&MerchantView {
        id: merchant.id.to_string(),
        object: "merchant",
        name: merchant.name,
        return_url_secret,
        created_at: merchant.created_at.to_string(),
    })
}
