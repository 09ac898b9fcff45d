//! What the engine needs of the outside.

use ducat_connectors::{HttpMethod, Reply};
use ducat_domain::Secret;
use std::fmt;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What the engine needs of the outside: to send, and to wait. Simulation gives another one.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and brings the reply, within the request's time-out.
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;

    /// Waits.
    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// How long ago some fixed moment was: to measure spans by, and nothing else. Simulation gives its own time.
    fn elapsed(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// A request, ready to be sent.
#[derive(Clone)]
pub struct Outgoing {
    /// GET or POST.
    pub method: HttpMethod,
    /// Where to, whole.
    pub url: String,
    /// Header names in lower case, with values.
    pub headers: Vec<(String, Secret)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// When to give up, from the beginning of the connection to the end of the answer.
    pub timeout: Duration,
}

/// Bodies carry names, addresses and more: only their size is shown. Headers do not show their values, and the address not its query.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("url", &url)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_shows_neither_its_secrets_nor_its_body() {
        let request = Outgoing {
            method: HttpMethod::Post,
            url: "https://api.stripe.com/v1/refunds?email=a@b.example".into(),
            headers: vec![("authorization".into(), Secret::new("Bearer sk_live_1"))],
            body: b"customer_email=a@b.example".to_vec(),
            timeout: Duration::from_secs(1),
        };
        let shown = format!("{request:?}");
        assert!(shown.contains("/v1/refunds") && shown.contains("authorization"), "{shown}");
        assert!(!shown.contains("sk_live") && !shown.contains("b.example"), "{shown}");
    }
}
