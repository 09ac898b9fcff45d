//! A merchant's accounts at PSPs.
use crate::{Answer, Engine, Error, RequestKey};
use ducat_domain::{MerchantId, PspAccountId, Secret};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a merchant sets up.
#[derive(Clone, Debug)]
pub struct NewPspAccount {
    /// `stripe`
    pub psp: String,
    /// What the merchant calls it.
    pub name: String,
    /// By the names of the PSP's settings.
    pub settings: BTreeMap<String, Secret>,
}

/// What is to change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct PspAccountPatch {
    /// What the merchant calls it.
    pub name: Option<String>,
    /// Whether new orders may go to it.
    pub active: Option<bool>,
    /// Settings to replace, by name; an empty text removes one.
    pub settings: BTreeMap<String, Secret>,
}

/// A PSP account, as the API shows it. Secrets show only their last characters.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "PspAccount")]
pub struct PspAccountView {
    /// `psp_…`
    pub id: String,
    /// Always `psp_account`.
    pub object: &'static str,
    /// `stripe`
    pub psp: String,
    /// What the merchant calls it.
    pub name: String,
    /// Whether new orders may go to it.
    pub active: bool,
    /// By name; secrets as `…` and their last four characters.
    pub settings: BTreeMap<String, String>,
    /// Where the PSP must send its messages.
    pub webhook_url: String,
    /// RFC 3339.
    pub created_at: String,
}

#[allow(unused_variables, missing_docs)]
mod stub {
    use super::*;
    pub async fn create(engine: &Engine, merchant: MerchantId, new: NewPspAccount, key: Option<RequestKey>) -> Result<Answer, Error> { unreachable!() }
    pub async fn list(engine: &Engine, merchant: MerchantId) -> Result<Vec<PspAccountView>, Error> { unreachable!() }
    pub async fn get(engine: &Engine, merchant: MerchantId, id: PspAccountId) -> Result<PspAccountView, Error> { unreachable!() }
    pub async fn update(engine: &Engine, merchant: MerchantId, id: PspAccountId, patch: PspAccountPatch, key: Option<RequestKey>) -> Result<Answer, Error> { unreachable!() }
    /// Registers our webhook address at the PSP and keeps the signing secret that it gives.
    pub async fn subscribe(engine: &Engine, merchant: MerchantId, id: PspAccountId) -> Result<PspAccountView, Error> { unreachable!() }
    /// Asks the PSP whether the credentials are good.
    pub async fn check(engine: &Engine, merchant: MerchantId, id: PspAccountId) -> Result<(), Error> { unreachable!() }
}
pub use stub::*;
