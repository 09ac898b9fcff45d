//! The client that all connectors share.
use ducat_connectors::{HttpMethod, Reply};
use ducat_domain::Secret;
use std::{future::Future, pin::Pin, time::Duration};

/// What the engine needs of the outside: to send, and to wait. Simulation gives another one.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and brings the reply.
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;
    /// Waits.
    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A request, ready to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// GET or POST.
    pub method: HttpMethod,
    /// Where to.
    pub url: String,
    /// Header names with values.
    pub headers: Vec<(String, Secret)>,
    /// The body.
    pub body: Vec<u8>,
    /// When to give up.
    pub timeout: Duration,
}
