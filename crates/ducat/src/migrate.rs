//! `ducat migrate`: brings the database to the newest schema, as every other verb does when it opens it.

use crate::config::Config;
use crate::{Failure, output, wiring};
use std::process::ExitCode;

/// Migrates, and says so.
pub async fn run(config: &Config) -> Result<ExitCode, Failure> {
    let store = wiring::open_store(config).await?;
    store.ready().await?;
    Ok(output::say(&format!("{} has the newest schema.", wiring::database(config))))
}
