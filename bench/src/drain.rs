//! How quickly the outbox itself is drained: the events of what was paid are claimed, read, signed, handed to a receiver in the same process and
//! marked, by the engine's own dispatcher on the database that a gateway has left behind. There is one endpoint, so each event is drained once.

use crate::Failure;
use crate::disk;
use crate::gateway::{self, Running};
use crate::outbox::Drained;
use crate::postgres::said;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// Events that a payment makes: created, pending, succeeded.
pub const EVENTS: u64 = 3;

/// An endpoint that wants everything, and gets nothing before the outbox is measured.
pub async fn prepare(gateway: &Running) -> Result<(), Failure> {
    // Nobody listens there: the receivers are in the process that is measured.
    let endpoint = json!({ "url": "http://127.0.0.1:9/hook" });
    let made = gateway::post(&gateway.address, "/v1/webhook_endpoints", &endpoint.to_string()).await?;
    let id = made["id"].as_str().ok_or("the endpoint has no id")?;
    let path = format!("/v1/webhook_endpoints/{id}");
    gateway::post(&gateway.address, &path, r#"{"status":"disabled"}"#).await.map(drop)
}

/// Where the outbox lies.
pub struct Place<'a> {
    /// The folder of the gateway that has ended.
    pub folder: &'a Path,
    /// Its database, where it is on a server,
    pub database_url: Option<&'a str>,
    /// and the server's process.
    pub database_process: Option<u32>,
    /// What programs that write to this disk load before all others.
    pub preload: Option<&'a Path>,
}

/// Drains it, in a process of its own.
pub async fn measure(place: &Place<'_>) -> Result<Drained, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("outbox").arg("--folder").arg(place.folder).kill_on_drop(true);
    if let Some(url) = place.database_url {
        command.args(["--database-url", url]);
    }
    if let Some(process) = place.database_process {
        command.args(["--database-process", &process.to_string()]);
    }
    if let Some(library) = place.preload {
        command.arg("--expects").arg(library).env("LD_PRELOAD", library);
    }
    Ok(serde_json::from_str(&said(&mut command).await?)?)
}

/// Fails where this process runs without a library that it was to load before all others.
pub fn expect_loaded(library: &Path) -> Result<(), Failure> {
    if disk::is_loaded(std::process::id(), library) { Ok(()) } else { Err("the outbox runs without the emulated disk".into()) }
}

/// How many in a thousand seconds.
pub fn per_kilosecond(count: u64, window: Duration) -> Result<u64, Failure> {
    let nanos = window.as_nanos().max(1);
    Ok(u64::try_from(u128::from(count) * 1_000_000_000_000 / nanos)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_a_thousand_seconds() {
        assert_eq!(per_kilosecond(500, Duration::from_millis(250)).expect("a rate"), 2_000_000);
    }

    #[test]
    fn a_library_that_is_not_loaded_is_missed() {
        assert!(expect_loaded(Path::new("/nowhere/slow_sync.so")).is_err());
    }
}
