//! `ducat doctor`: looks at everything a gateway stands on, and says what to do where something is not well.
//!
//! - `check`: one finding. `files`: folder, disk and master key. `database`: durability, and the database's own rules. `link`: what lies between us and its server. `neighbours`: who else
//!   is busy on the database server. `cache`: what nodes share. `outside`: PSP keys, addresses, clock.

mod cache;
mod check;
mod database;
mod files;
mod link;
mod neighbours;
mod outside;

use crate::cli::Audience;
use crate::config::Config;
use crate::{Failure, output};
use check::{Check, State};
use serde_json::json;
use std::process::ExitCode;

/// Looks at everything, shows it, and ends with 1 when something must be mended.
pub async fn run(config: &Config, audience: Audience) -> Result<ExitCode, Failure> {
    let mut checks = files::look(config).await;
    checks.extend(database::look(config).await);
    checks.push(cache::look(config).await);
    checks.extend(outside::look(config).await);
    let failed = checks.iter().any(|check| check.state == State::Fail);
    let said = match audience {
        Audience::Person => output::say(&told(config, &checks)),
        Audience::Program => output::say_json(&as_json(config, &checks))?,
    };
    Ok(if failed { ExitCode::FAILURE } else { said })
}

fn told(config: &Config, checks: &[Check]) -> String {
    let settings: Vec<_> =
        config.origins.iter().map(|o| [o.setting.name.to_owned(), o.shown.clone(), o.source.to_string()]).collect();
    let mut text = output::table(["SETTING", "VALUE", "FROM"], &settings);
    text.push_str("\n\n");
    let rows: Vec<_> = checks.iter().map(|c| [c.state.as_str().to_owned(), c.name.to_owned(), c.detail.clone()]).collect();
    text.push_str(&output::table(["STATE", "CHECK", "WHAT IS THERE"], &rows));
    for check in checks {
        if let Some(advice) = &check.advice {
            text.push_str(&format!("\n\n{}: {}\n  {advice}", check.state.as_str(), check.name));
        }
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    text.push_str(&format!("\n\n{} ok, {} warn, {} fail", count(State::Ok), count(State::Warn), count(State::Fail)));
    text
}

fn as_json(config: &Config, checks: &[Check]) -> serde_json::Value {
    json!({
        "ok": checks.iter().all(|check| check.state != State::Fail),
        "settings": config.origins.iter().map(|o| json!({ "name": o.setting.name, "value": o.shown, "from": o.source.to_string() })).collect::<Vec<_>>(),
        "checks": checks.iter().map(|c| json!({ "name": c.name, "state": c.state.as_str(), "detail": c.detail, "advice": c.advice })).collect::<Vec<_>>(),
    })
}
