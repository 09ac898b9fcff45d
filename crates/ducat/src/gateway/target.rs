//! Which gateway is meant, and with which key. A key out of a file is sent to nobody but this machine.

use crate::cli::Target;
use crate::config::{Config, Source};
use crate::{Failure, files, first_start, wiring};
use ducat_domain::Secret;
use url::{Host, Url};

/// The address on the command line, else the public one, else where the configuration listens.
pub(super) fn url(config: &Config, target: &Target) -> String {
    target.url.clone().unwrap_or_else(|| wiring::public_url(config, config.listen.port()))
}

/// The key, and where it came from.
pub(super) fn key(config: &Config, target: &Target, url: &str) -> Result<(Secret, String), Failure> {
    if let Some(key) = &target.api_key {
        return Ok((key.clone(), "--api-key".into()));
    }
    if let Some(key) = &config.api_key {
        return Ok((key.clone(), origin(config, "api_key")));
    }
    if !is_here(url) {
        return Err(
            format!("which key opens {url}? Give it with --api-key or DUCAT_API_KEY; `ducat keys create` makes one").into()
        );
    }
    if let Some(key) = &config.bootstrap_api_key {
        return Ok((key.clone(), origin(config, "bootstrap_api_key")));
    }
    let path = first_start::sandbox_key_path(config);
    match files::read_line(&path).map_err(|e| format!("{}: {e}", path.display()))? {
        Some(text) => Ok((Secret::new(text), path.display().to_string())),
        None => Err(format!(
            "no API key: {} is not there. Run this in the folder where `ducat serve` runs, or give a key with --api-key or \
             DUCAT_API_KEY; `ducat keys create` makes one",
            path.display()
        )
        .into()),
    }
}

fn origin(config: &Config, name: &str) -> String {
    let found = config.origins.iter().find(|origin| origin.setting.name == name);
    match found.map(|origin| &origin.source) {
        None | Some(Source::Default) => name.to_owned(),
        Some(source) => format!("{name} ({source})"),
    }
}

/// Whether the address is on this machine.
pub fn is_here(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for here in ["http://127.0.0.1:8080", "http://localhost", "https://shop.localhost:1", "http://[::1]:8080"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in
            ["https://pay.example.com", "http://10.0.0.1", "http://127.0.0.1.example.com", "http://localhost.example", ""]
        {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }
}
