//! What nodes share: whether the server can be reached, and everything that is needed works there.

use super::check::Check;
use crate::config::Config;
use ducat_cache::Cache;

pub(super) async fn look(config: &Config) -> Check {
    const NAME: &str = "cache";
    let address = &config.cache_url;
    if !address.is_shared() {
        return Check::ok(NAME, format!("{address} (in the gateway's own memory: for one node)"));
    }
    let cache = Cache::at(address);
    let looked = match cache.look().await {
        Ok(()) => cache.version().await,
        Err(why) => Err(why),
    };
    match looked {
        Ok(version) => Check::ok(NAME, format!("{address} answers: {version}")),
        Err(why) => Check::warn(
            NAME,
            format!("{address}: {why}"),
            "Payments go on without it, but each node counts calls for itself, and hears of a revoked API key some seconds later. \
             It must be one server that can be written to and runs scripts; a cluster of Valkey or Redis will not do.",
        ),
    }
}
