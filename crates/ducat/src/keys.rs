//! `ducat keys`: makes, lists and revokes API keys, on the database itself. A running gateway knows of it within seconds.

use crate::cli::{Audience, Keys, NewKey};
use crate::config::Config;
use crate::{Failure, output, wiring};
use ducat_domain::{ApiKeyId, Timestamp};
use ducat_engine::Engine;
use ducat_engine::api_keys::{self, ApiKeyView};
use std::process::ExitCode;

/// Does what was asked.
pub async fn run(config: &Config, verb: Keys) -> Result<ExitCode, Failure> {
    match verb {
        Keys::Create(new) => create(&wiring::engine_for_a_verb(config).await?, config, new).await,
        Keys::List { merchant, form } => {
            // Who only looks makes no merchant, no master key and no database.
            let keys = match wiring::is_new(config).await? {
                true => Vec::new(),
                false => list(&wiring::engine_for_a_verb(config).await?, config, merchant.as_deref()).await?,
            };
            match form.into() {
                Audience::Program => Ok(output::say_json(&keys)?),
                Audience::Person => Ok(output::say(&listing(&keys))),
            }
        }
        Keys::Revoke { id, .. } if wiring::is_new(config).await? => {
            Err(format!("{} holds no keys: there is no {id}", wiring::database(config)).into())
        }
        Keys::Revoke { id, merchant, form } => {
            let engine = wiring::engine_for_a_verb(config).await?;
            let merchant = wiring::merchant(&engine, config, merchant.as_deref()).await?;
            let id: ApiKeyId = id.parse().map_err(|e| format!("{id}: {e}"))?;
            let key = api_keys::revoke(&engine, merchant, id).await?;
            match form.into() {
                Audience::Program => Ok(output::say_json(&key)?),
                Audience::Person => Ok(output::say(&format!("{} ({}) is revoked.", key.id, key.name))),
            }
        }
    }
}

async fn list(engine: &Engine, config: &Config, merchant: Option<&str>) -> Result<Vec<ApiKeyView>, Failure> {
    let merchant = wiring::merchant(engine, config, merchant).await?;
    Ok(api_keys::list(engine, merchant).await?)
}

async fn create(engine: &Engine, config: &Config, asked: NewKey) -> Result<ExitCode, Failure> {
    let expires_at = match &asked.expires_at {
        Some(text) => {
            let wanted = || format!("--expires-at {text}: not a time such as 2027-01-01T00:00:00Z, up to {}", Timestamp::LATEST);
            Some(Timestamp::parse(text).ok_or_else(wanted)?)
        }
        None => None,
    };
    let merchant = wiring::merchant(engine, config, asked.merchant.as_deref()).await?;
    let new = api_keys::NewKey { name: asked.name, scope: asked.scope.into(), networks: asked.networks, expires_at };
    let answer = api_keys::create(engine, merchant, new, None).await?;
    let key: serde_json::Value = serde_json::from_slice(&answer.body)?;
    if Audience::from(asked.form) == Audience::Program {
        return Ok(output::say_json(&key)?);
    }
    let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
    Ok(output::say(&format!(
        "{}\n\n{} may {}. Keep the key: it is not shown again.",
        text("key"),
        text("id"),
        may(&text("scope"))
    )))
}

fn may(scope: &str) -> &'static str {
    match scope {
        "read" => "look, and nothing else",
        "payments" => "look and take payments",
        _ => "do everything",
    }
}

fn listing(keys: &[ApiKeyView]) -> String {
    if keys.is_empty() {
        return "No keys yet; make one with `ducat keys create`.".to_owned();
    }
    let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
    let rows: Vec<_> = keys
        .iter()
        .map(|key| {
            let state = key.revoked_at.as_ref().map_or_else(|| "live".to_owned(), |at| format!("revoked {at}"));
            let networks = if key.networks.is_empty() { "all".to_owned() } else { key.networks.join(" ") };
            [
                key.id.clone(),
                key.name.clone(),
                key.scope.to_owned(),
                key.hint.clone(),
                state,
                or(&key.expires_at, "never"),
                or(&key.last_used_at, "never"),
                networks,
            ]
        })
        .collect();
    output::table(["ID", "NAME", "SCOPE", "KEY", "STATE", "EXPIRES", "LAST USED", "NETWORKS"], &rows)
}
