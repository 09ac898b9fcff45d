//! Names to addresses, with everything dropped that may not be connected to. The connection goes to an address that came through here,
//! so a name that leads elsewhere a moment later gains nothing.

use super::Guard;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many names are looked up at once. Each takes a thread for as long as the system's resolver waits, and half of the runtime's threads
/// for such work stay free.
const MAX_LOOKUPS: usize = 256;

/// The addresses of a name, not yet looked at.
pub type Found<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// How names are looked up. Tests give their own.
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of this name, as they are at this moment.
    fn lookup(&self, name: &str) -> Found<'_>;
}

/// The system's resolver.
#[derive(Clone, Debug)]
pub struct SystemLookup {
    turns: Arc<Semaphore>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> Found<'_> {
        let name = name.to_owned();
        Box::pin(async move {
            let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(io::Error::other)?;
            // On a task of its own: whoever gives up waiting does not free the thread, so the turn must not end earlier either.
            let found = tokio::spawn(async move {
                let _turn = turn;
                tokio::net::lookup_host((name.as_str(), 0)).await.map(|found| found.map(|a| a.ip()).collect())
            });
            found.await.map_err(io::Error::other)?
        })
    }
}

/// Where connections of a client may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The public internet, and the networks that the operator named.
    Open,
    /// Only the networks that the operator named: for requests without TLS.
    Named,
}

/// Gives the HTTP client only addresses that it may connect to.
pub(super) struct GuardedLookup {
    pub guard: Guard,
    pub reach: Reach,
    pub lookup: Arc<dyn Lookup>,
}

impl GuardedLookup {
    fn may(&self, address: IpAddr) -> bool {
        match self.reach {
            Reach::Open => self.guard.check_address(address).is_ok(),
            Reach::Named => self.guard.is_named(address),
        }
    }
}

impl Resolve for GuardedLookup {
    fn resolve(&self, name: Name) -> Resolving {
        let this = Self { guard: self.guard.clone(), reach: self.reach, lookup: Arc::clone(&self.lookup) };
        Box::pin(async move {
            let found = this.lookup.lookup(name.as_str()).await.map_err(|_| "the name has no address")?;
            let open: Vec<SocketAddr> = found.into_iter().filter(|ip| this.may(*ip)).map(|ip| SocketAddr::new(ip, 0)).collect();
            // Which addresses were refused stays here: merchants read this text, and could ask for the names of the inside by it.
            if open.is_empty() {
                return Err("the name leads to no address that may be connected to".into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}
