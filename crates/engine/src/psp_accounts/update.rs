//! Changing a PSP account: its name, its credentials, whether new orders go to it.

use super::cache::outdate;
use super::is_of_configuration;
use super::secrets::{check, open, seal};
use super::view::{PspAccountView, own};
use crate::idempotency::{Whole, once};
use crate::payments::check_text;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::{MerchantId, PspAccount, PspAccountId, Secret};
use ducat_store::{Change, CommitError};
use std::collections::BTreeMap;

/// Why an account is not called so, or not otherwise.
const OF_CONFIGURATION: &str = "the account of the configuration is found by its name: it keeps it, and no other has it";

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

/// Changes an account.
pub async fn update(
    engine: &Engine,
    merchant: MerchantId,
    id: PspAccountId,
    patch: PspAccountPatch,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    let answer = once(engine, merchant, key, decide(engine, merchant, id, patch)).await;
    outdate(engine).await;
    answer
}

async fn decide(engine: &Engine, merchant: MerchantId, id: PspAccountId, patch: PspAccountPatch) -> Result<Whole, Error> {
    let account = patched(engine, own(engine, merchant, id).await?, patch)?;
    let answer = Answer::new(AnswerKind::Done, &PspAccountView::of(engine, &account)?)?;
    Ok(Whole::new(Change { psp_accounts: vec![account], ..Change::default() }, answer))
}

/// The account as it is after the patch, one version on.
pub(super) fn patched(engine: &Engine, mut account: PspAccount, patch: PspAccountPatch) -> Result<PspAccount, Error> {
    let opened = open(engine, &account)?;
    if let Some(name) = patch.name {
        check_text("/name", &name, 1, 100).map_err(Error::Invalid)?;
        if name != account.name && (is_of_configuration(&name) || is_of_configuration(&account.name)) {
            return Err(Error::Invalid(Problem::field("invalid_value", "/name", OF_CONFIGURATION)));
        }
        account.name = name;
    }
    account.active = patch.active.unwrap_or(account.active);
    let mut settings = opened.account.settings.clone();
    settings.extend(patch.settings);
    settings.retain(|_, value| !value.expose().is_empty());
    check(opened.connector.spec(), &settings).map_err(Error::Invalid)?;
    account.sealed_settings = seal(engine, account.id, &settings)?;
    account.version = account.version.saturating_add(1);
    Ok(account)
}

/// Commits a patched account on its own.
pub(super) async fn save(engine: &Engine, account: PspAccount) -> Result<(), Error> {
    let saved = engine.store().commit(Change { psp_accounts: vec![account], ..Change::default() }).await;
    outdate(engine).await;
    match saved {
        Err(CommitError::Stale) => {
            Err(Error::Conflict(Problem::new("changed_meanwhile", "somebody else changed the PSP account; look and try again")))
        }
        other => Ok(other?),
    }
}
