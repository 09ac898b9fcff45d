//! What a start finds or makes: the first merchant, a key to the API, and the Stripe accounts that the configuration speaks of.

use crate::Failure;
use crate::config::{Config, Toggle};
use crate::files;
use crate::system::SystemChance;
use ducat_domain::{MerchantId, PspAccountId, Scope, Secret, random_bytes};
use ducat_engine::api_keys::{self, NewKey};
use ducat_engine::psp_accounts::{self, CONFIGURED_ACCOUNT, NewPspAccount, PspAccountPatch, PspAccountView, SANDBOX_ACCOUNT};
use ducat_engine::{Engine, Error, RequestKey, merchants};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How many other nodes may change an account first while this one starts.
const MAX_RACES: u32 = 100;

/// The key to the API that a person can use now.
#[derive(Debug)]
pub enum KeyAtHand {
    /// It is shown at every start, for it opens only a sandbox.
    Sandbox(Secret),
    /// It was made just now, and is shown this once.
    New(Secret),
    /// It was shown before, or somebody else chose it.
    Elsewhere,
}

/// What the start found or made.
#[derive(Debug)]
pub struct Start {
    /// The key to the API.
    pub key: KeyAtHand,
    /// Where the real Stripe must send its messages, and whether we could believe them.
    pub real_account: Option<PspAccountView>,
}

/// The sandbox that runs inside.
pub struct Inside<'a> {
    /// Its API.
    pub base: String,
    /// Whether it knows this address for messages.
    pub knows: &'a (dyn Fn(&str) -> bool + Sync),
}

/// Finds or makes everything.
pub async fn prepare(engine: &Engine, config: &Config, inside: Option<Inside<'_>>) -> Result<Start, Failure> {
    let merchant = merchants::first(engine, &config.merchant_name).await?.id;
    bootstrap(engine, config, merchant).await?;
    let real_account = real_account(engine, config, merchant).await?;
    let wired = inside.filter(|_| config.stripe_api_key.is_none());
    let key = match &wired {
        Some(_) => sandbox_key(engine, config, merchant).await?,
        None => first_key(engine, merchant).await?,
    };
    sandbox_account(engine, merchant, wired).await?;
    // A node that has the key may have started meanwhile, and have seen nothing of the account at the sandbox yet.
    if real_account.is_none()
        && let Err(refusal) = self::real_account(engine, config, merchant).await
    {
        sandbox_account(engine, merchant, None).await?;
        return Err(refusal);
    }
    Ok(Start { key, real_account })
}

/// Takes the key that the operator chose, when no key exists yet.
async fn bootstrap(engine: &Engine, config: &Config, merchant: MerchantId) -> Result<(), Failure> {
    let Some(key) = &config.bootstrap_api_key else { return Ok(()) };
    if api_keys::list(engine, merchant).await?.is_empty() {
        api_keys::adopt(engine, merchant, key, "DUCAT_BOOTSTRAP_API_KEY").await?;
    } else if api_keys::authenticate(engine, key.expose(), None).await.is_err() {
        tracing::warn!("bootstrap_api_key is not taken: keys exist already; `ducat keys create` makes more");
    }
    Ok(())
}

/// Where the key lies that opens the sandbox.
pub fn sandbox_key_path(config: &Config) -> PathBuf {
    config.data_dir.join("sandbox-api-key")
}

/// The key that opens the sandbox stays in a file, so that each start can show the same command.
async fn sandbox_key(engine: &Engine, config: &Config, merchant: MerchantId) -> Result<KeyAtHand, Failure> {
    let path = sandbox_key_path(config);
    let kept = files::read_line(&path)?.map(Secret::new);
    for key in config.bootstrap_api_key.iter().chain(kept.iter()) {
        if api_keys::authenticate(engine, key.expose(), None).await.is_ok() {
            return Ok(KeyAtHand::Sandbox(key.clone()));
        }
    }
    let key = make_key(engine, merchant, "sandbox").await?;
    files::write_private(&path, format!("{}\n", key.expose()).as_bytes())?;
    Ok(KeyAtHand::Sandbox(key))
}

async fn first_key(engine: &Engine, merchant: MerchantId) -> Result<KeyAtHand, Failure> {
    if !api_keys::list(engine, merchant).await?.is_empty() {
        return Ok(KeyAtHand::Elsewhere);
    }
    Ok(KeyAtHand::New(make_key(engine, merchant, "first").await?))
}

async fn make_key(engine: &Engine, merchant: MerchantId, name: &str) -> Result<Secret, Failure> {
    let new = NewKey { name: name.into(), scope: Scope::Admin, networks: Vec::new(), expires_at: None };
    let answer = api_keys::create(engine, merchant, new, None).await?;
    let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
    body["key"].as_str().map(Secret::new).ok_or_else(|| "the new key was not told".into())
}

/// The account of the real Stripe is as the configuration says. Where there is one, and no key there, nothing starts, also while it takes no orders:
/// whoever forgot the key would send everybody's orders to a sandbox, where a test card pays them. Who wants the sandbox says so.
async fn real_account(engine: &Engine, config: &Config, merchant: MerchantId) -> Result<Option<PspAccountView>, Failure> {
    let found = account_named(engine, merchant, CONFIGURED_ACCOUNT).await?;
    let Some(key) = &config.stripe_api_key else {
        if let Some(account) = found {
            if config.sandbox != Some(Toggle::On) {
                return Err(Failure::from(format!(
                    "{} ({}) is the account of this database, and there is no stripe_api_key: set it, as every node has it. To go back to the \
                     sandbox, set sandbox = \"on\": the account then takes no new orders, on no node",
                    account.id, account.name
                )));
            }
            if account.active {
                tracing::warn!(account = account.id, "there is no stripe_api_key any more: the account takes no new orders");
                activate(engine, merchant, &account, Activity::Off).await?;
            }
        }
        return Ok(None);
    };
    let mut settings = BTreeMap::from([("api_key".to_owned(), key.clone())]);
    // An empty text takes an address away that an earlier configuration named.
    settings.insert("api_base".into(), Secret::new(config.stripe_api_base.clone().unwrap_or_default()));
    if let Some(secret) = &config.stripe_webhook_secret {
        settings.insert("webhook_secret".into(), secret.clone());
    }
    let key_before = found.as_ref().and_then(|account| account.settings.get("api_key").cloned());
    let id = put_account(engine, merchant, CONFIGURED_ACCOUNT, found, settings).await?;
    let account = psp_accounts::get(engine, merchant, id).await?;
    if key_before.is_some_and(|before| account.settings.get("api_key") != Some(&before)) {
        tracing::warn!(account = account.id, "stripe_api_key is another one than it was: from now on it is that of all nodes");
    }
    Ok(Some(account))
}

/// The account at the sandbox takes orders while the sandbox runs and there is no real one.
async fn sandbox_account(engine: &Engine, merchant: MerchantId, inside: Option<Inside<'_>>) -> Result<(), Failure> {
    let found = account_named(engine, merchant, SANDBOX_ACCOUNT).await?;
    let Some(inside) = inside else {
        if let Some(account) = found.filter(|account| account.active) {
            activate(engine, merchant, &account, Activity::Off).await?;
        }
        return Ok(());
    };
    let mut settings = BTreeMap::from([("api_base".to_owned(), Secret::new(inside.base))]);
    if found.is_none() {
        let random: [u8; 24] = random_bytes(&SystemChance);
        settings.insert("api_key".into(), Secret::new(format!("sk_test_{}", hex::encode(random))));
    }
    let id = put_account(engine, merchant, SANDBOX_ACCOUNT, found, settings).await?;
    despite_others(async || {
        let account = psp_accounts::get(engine, merchant, id).await?;
        // The sandbox's own word decides: its memory may have been thrown away, and our address may have changed.
        if !account.settings.contains_key("webhook_secret") || !(inside.knows)(&account.webhook_url) {
            psp_accounts::subscribe(engine, merchant, id).await?;
        }
        Ok(())
    })
    .await
}

async fn account_named(engine: &Engine, merchant: MerchantId, name: &str) -> Result<Option<PspAccountView>, Failure> {
    let accounts = psp_accounts::list(engine, merchant).await?;
    Ok(accounts.into_iter().find(|account| account.psp == "stripe" && account.name == name))
}

/// Whether an account takes new orders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    On,
    Off,
}

async fn activate(engine: &Engine, merchant: MerchantId, account: &PspAccountView, activity: Activity) -> Result<(), Failure> {
    let patch = PspAccountPatch { active: Some(activity == Activity::On), ..PspAccountPatch::default() };
    change(engine, merchant, account.id.parse()?, patch).await
}

/// Changes an account, however many other nodes start at the same moment and change it too.
async fn change(engine: &Engine, merchant: MerchantId, id: PspAccountId, patch: PspAccountPatch) -> Result<(), Failure> {
    despite_others(async || psp_accounts::update(engine, merchant, id, patch.clone(), None).await.map(drop)).await
}

/// Does it again for as long as others come first.
async fn despite_others(act: impl AsyncFn() -> Result<(), Error>) -> Result<(), Failure> {
    let mut races = 0;
    loop {
        match act().await {
            Err(Error::Conflict(lost)) if lost.code == "changed_meanwhile" && races < MAX_RACES => races += 1,
            done => return Ok(done?),
        }
    }
}

async fn put_account(
    engine: &Engine,
    merchant: MerchantId,
    name: &str,
    found: Option<PspAccountView>,
    mut settings: BTreeMap<String, Secret>,
) -> Result<PspAccountId, Failure> {
    if let Some(account) = found {
        let id = account.id.parse()?;
        let patch = PspAccountPatch { active: Some(true), settings, ..PspAccountPatch::default() };
        change(engine, merchant, id, patch).await?;
        return Ok(id);
    }
    settings.retain(|_, value| !value.expose().is_empty());
    let new = NewPspAccount { psp: "stripe".into(), name: name.into(), settings };
    // Of two nodes that start at once, one makes it, and the other is given its answer.
    let once = RequestKey { key: format!("start: {name}"), fingerprint: [0; 32] };
    let answer = psp_accounts::create(engine, merchant, new, Some(once)).await?;
    let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let id = body["id"].as_str().ok_or("the new account was not told")?;
    Ok(id.parse()?)
}
