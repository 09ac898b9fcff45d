//! `ducat migrate`: brings the database to the newest schema, and, where that is asked for, to what all nodes must agree on.

use crate::cli::Migrate;
use crate::config::Config;
use crate::serve::own;
use crate::{Failure, output, wiring};
use std::process::ExitCode;

/// Migrates, and says so.
pub async fn run(config: &Config, asked: &Migrate) -> Result<ExitCode, Failure> {
    let store = wiring::open_store(config).await?;
    let database = wiring::database(config);
    let mut said = format!("{database} has the newest schema.");
    if let Some(balances) = asked.balances {
        let _owned = own::take(&database)?;
        store.clone().with_balances(balances).settle_balances().await?;
        said.push_str(&format!("\nBalances are {} on it, for all nodes.", balances.as_str()));
    }
    store.ready().await?;
    if let Some(link) = store.link().await?.filter(|link| !link.has_role) {
        said.push_str(&format!(
            "\nThere is no role ducat_app, which whoever runs the program with less is given: {} may not make roles. `ducat doctor` says what to do.",
            link.user
        ));
    }
    Ok(output::say(&said))
}
