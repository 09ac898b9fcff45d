//! What is shown of a PSP account.

use super::secrets::open;
use crate::{Engine, Error};
use ducat_domain::{MerchantId, PspAccount, PspAccountId};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

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

/// How many characters of a secret are shown, and how long it must be for that.
const SHOWN: usize = 4;
const SHOWN_FROM: usize = 12;

/// Where the PSP must send its messages for this account.
pub(super) fn webhook_url(engine: &Engine, account: &PspAccount) -> String {
    format!("{}/webhooks/{}/{}", engine.settings().public_url, account.psp, account.id)
}

impl PspAccountView {
    pub(super) fn of(engine: &Engine, account: &PspAccount) -> Result<Self, Error> {
        let opened = open(engine, account)?;
        let is_secret = |name: &str| opened.connector.spec().settings.iter().any(|s| s.name == name && s.secret);
        let shown = opened.account.settings.iter().map(|(name, value)| {
            let text = value.expose();
            (name.clone(), if is_secret(name) { hint(text) } else { text.to_owned() })
        });
        Ok(Self {
            id: account.id.to_string(),
            object: "psp_account",
            psp: account.psp.clone(),
            name: account.name.clone(),
            active: account.active,
            settings: shown.collect(),
            webhook_url: webhook_url(engine, account),
            created_at: account.created_at.to_string(),
        })
    }
}

fn hint(secret: &str) -> String {
    let length = secret.chars().count();
    let tail: String = if length < SHOWN_FROM { String::new() } else { secret.chars().skip(length - SHOWN).collect() };
    format!("…{tail}")
}

/// The merchant's own account; another merchant's is as unknown as none.
pub(super) async fn own(engine: &Engine, merchant: MerchantId, id: PspAccountId) -> Result<PspAccount, Error> {
    let found = engine.store().psp_account(id).await?.filter(|a| a.merchant == merchant);
    found.ok_or(Error::NotFound("PSP account"))
}

/// One account of the merchant.
pub async fn get(engine: &Engine, merchant: MerchantId, id: PspAccountId) -> Result<PspAccountView, Error> {
    PspAccountView::of(engine, &own(engine, merchant, id).await?)
}

/// The merchant's accounts, oldest first.
pub async fn list(engine: &Engine, merchant: MerchantId) -> Result<Vec<PspAccountView>, Error> {
    let accounts = engine.store().psp_accounts(merchant).await?;
    accounts.iter().map(|account| PspAccountView::of(engine, account)).collect()
}
