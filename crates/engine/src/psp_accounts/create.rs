//! Adding a PSP account.

use super::cache::outdate;
use super::secrets::{check, seal};
use super::view::PspAccountView;
use crate::idempotency::{Whole, once};
use crate::payments::check_text;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::{MerchantId, PspAccount, PspAccountId, Secret};
use ducat_store::Change;
use std::collections::BTreeMap;

/// The most PSP accounts a merchant may have.
const MAX_ACCOUNTS: usize = 100;

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

/// Adds an account.
pub async fn create(engine: &Engine, merchant: MerchantId, new: NewPspAccount, key: Option<RequestKey>) -> Result<Answer, Error> {
    let answer = once(engine, merchant, key, decide(engine, merchant, new)).await;
    outdate(engine).await;
    answer
}

async fn decide(engine: &Engine, merchant: MerchantId, new: NewPspAccount) -> Result<Whole, Error> {
    let Some(connector) = ducat_connectors::connector(&new.psp) else {
        let known: Vec<_> = ducat_connectors::all().map(|c| c.spec().name).collect();
        return Err(Error::Invalid(Problem::field("psp_unknown", "/psp", format!("must be one of {}", known.join(", ")))));
    };
    check_text("/name", &new.name, 1, 100).map_err(Error::Invalid)?;
    check(connector.spec(), &new.settings).map_err(Error::Invalid)?;
    if engine.store().psp_accounts(merchant).await?.len() >= MAX_ACCOUNTS {
        return Err(Error::Conflict(Problem::new("too_many", format!("there are {MAX_ACCOUNTS} PSP accounts already"))));
    }
    let now = engine.now();
    let id = PspAccountId::new(now, engine.chance());
    let account = PspAccount {
        id,
        merchant,
        psp: new.psp,
        name: new.name,
        active: true,
        sealed_settings: seal(engine, id, &new.settings)?,
        version: 1,
        created_at: now,
    };
    let answer = Answer::new(AnswerKind::Created, &PspAccountView::of(engine, &account)?)?;
    Ok(Whole::new(Change { psp_accounts: vec![account], ..Change::default() }, answer))
}
