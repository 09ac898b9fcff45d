//! Where the shared cache is.

use redis::{ConnectionAddr, IntoConnectionInfo};

/// Where what nodes share is kept. Its `Debug` and its `Display` leave names and passwords out.
#[derive(Clone)]
pub struct Address(Option<redis::Client>);

/// Ways to write an address of Valkey or Redis; those with an `s` at the end are encrypted.
const SCHEMES: [&str; 4] = ["redis://", "rediss://", "valkey://", "valkeys://"];

impl Address {
    /// In this node's own memory: nothing is shared.
    pub fn memory() -> Self {
        Self(None)
    }

    /// Reads `memory:`, or an address such as `redis://host:6379/0`. An error says what the text must be, and does not repeat it.
    pub fn read(text: &str) -> Result<Self, String> {
        if text == "memory:" {
            return Ok(Self::memory());
        }
        if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Err("must be memory:, or an address of Valkey or Redis such as redis://cache.internal:6379".into());
        }
        if text.contains('#') {
            return Err("must not have a # in it: certificates are always checked".into());
        }
        let info = text.into_connection_info().and_then(redis::Client::open);
        info.map(|client| Self(Some(client)))
            .map_err(|_| "must be an address such as rediss://:password@cache.internal:6379/0".into())
    }

    /// Whether other nodes can share it.
    pub fn is_shared(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn client(&self) -> Option<&redis::Client> {
        self.0.as_ref()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(client) = &self.0 else { return f.write_str("memory:") };
        let info = client.get_connection_info();
        let scheme = if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}/{}", info.addr(), info.redis_settings().db())
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address = Address::read("rediss://ducat:hunter2@cache.internal:6380/3").unwrap();
        assert_eq!(address.to_string(), "rediss://cache.internal:6380/3");
        assert_eq!(format!("{address:?}"), "Address(rediss://cache.internal:6380/3)");
        let shown = ["memory:", "redis://127.0.0.1", "valkey://cache:7000"].map(|text| Address::read(text).unwrap().to_string());
        assert_eq!(shown, ["memory:", "redis://127.0.0.1:6379/0", "redis://cache:7000/0"]);
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for wrong in [
            "",
            "memory",
            "memcached://x",
            "redis:x",
            "http://hunter2@x",
            "rediss://:hunter2@x/#insecure",
            "redis://:hunter2@x/db",
        ] {
            let told = Address::read(wrong).map(|_| ()).unwrap_err();
            assert!(told.starts_with("must ") && !told.contains("hunter2"), "{wrong}: {told}");
        }
    }
}
