//! The real courier: HTTP/1.1 to addresses that merchants chose. It follows nobody, believes nobody and reads little.

use super::lookup::{GuardedLookup, Reach};
use super::{Guard, Lookup, SystemLookup};
use crate::psp::{Outgoing, Transport};
use ducat_connectors::{HttpMethod, HttpReply, Reply, SendFailure};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How much of an answer is kept.
pub const ANSWER_KEPT: usize = 4096;
/// How much of an answer is read: one byte more tells that there was more.
const ANSWER_READ: usize = ANSWER_KEPT + 1;
/// How long a connection may take to come about, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many idle connections are kept to one host, which may be that of many endpoints, and how long.
const IDLE_CONNECTIONS: usize = 128;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the beginning of an answer may take to arrive after its status, which has said what there is to know.
const READ_PATIENCE: Duration = Duration::from_secs(1);
const USER_AGENT: &str = concat!("Ducat/", env!("CARGO_PKG_VERSION"));

/// Sends to merchants' servers over the network.
#[derive(Clone, Debug)]
pub struct HttpCourier {
    guard: Guard,
    tls: reqwest::Client,
    plain: reqwest::Client,
}

impl HttpCourier {
    /// A courier that goes where the guard lets it. Fails where TLS cannot be set up.
    pub fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        Self::with_lookup(guard, Arc::new(SystemLookup::default()))
    }

    /// One that looks names up in its own way.
    pub fn with_lookup(guard: Guard, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let client = |reach| {
            reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .user_agent(USER_AGENT)
                // A redirect is an answer: where it leads was not looked at, and the merchant can give the right address.
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .no_proxy()
                .http1_only()
                // Trying again is decided in one place, and that is not here.
                .retry(reqwest::retry::never())
                .dns_resolver(Arc::new(GuardedLookup { guard: guard.clone(), reach, lookup: Arc::clone(&lookup) }))
                .build()
        };
        let (tls, plain) = (client(Reach::Open)?, client(Reach::Named)?);
        Ok(Self { guard, tls, plain })
    }

    async fn exchange(&self, request: Outgoing) -> Reply {
        // Addresses written as numbers never come to the lookup, so each request is looked at, and not only each new endpoint.
        let url = self.guard.check_url(&request.url).map_err(|why| SendFailure::NotSent(why.to_string()))?;
        let client = if url.scheme() == "https" { &self.tls } else { &self.plain };
        let method = match request.method {
            HttpMethod::Get => reqwest::Method::GET,
            HttpMethod::Post => reqwest::Method::POST,
        };
        let mut builder = client.request(method, url).timeout(request.timeout).body(request.body);
        for (name, value) in &request.headers {
            let mut value = reqwest::header::HeaderValue::from_str(value.expose())
                .map_err(|_| SendFailure::NotSent(format!("the header {name} cannot be sent")))?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        let mut response = builder.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let headers = headers(response.headers());
        let body = read_head(&mut response).await;
        Ok(HttpReply { status, headers, body })
    }
}

impl Transport for HttpCourier {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.exchange(request))
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// Reads the beginning of the answer. What is cut off or never comes is no failure.
async fn read_head(response: &mut reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = ANSWER_READ.saturating_sub(body.len());
            body.extend(chunk.iter().take(room));
            if body.len() >= ANSWER_READ {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(READ_PATIENCE, reading).await;
    body
}

fn headers(map: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    map.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

fn failure(error: reqwest::Error) -> SendFailure {
    let (connecting, late) = (error.is_connect() || error.is_builder(), error.is_timeout());
    let reason = reason(&error.without_url());
    match (connecting, late) {
        (true, false) => SendFailure::NotSent(reason),
        (true, true) => SendFailure::NotSent("no connection came about in time".into()),
        (false, true) => SendFailure::Lost("no answer came in time".into()),
        (false, false) => SendFailure::Lost(reason),
    }
}

/// The cause at the bottom, which is what a merchant can do something about.
fn reason(error: &reqwest::Error) -> String {
    let mut deepest: &dyn Error = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests;
