//! The real transport: HTTP/1.1 over TLS. It must tell exactly one thing from another: a request that surely never left, and one that
//! may have arrived.

use super::{Outgoing, Transport};
use ducat_connectors::{HttpMethod, HttpReply, Reply, SendFailure};
use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

/// How long a connection may take to come about, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer that is read. A hundred of Stripe's sessions with much metadata are half a mebibyte.
const ANSWER_LIMIT: usize = 4 << 20;
/// How many idle connections are kept to one host, and how long: shorter than PSPs keep theirs, so that few requests meet a
/// connection that is just being closed.
const IDLE_CONNECTIONS: usize = 32;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("ducat/", env!("CARGO_PKG_VERSION"));

/// Sends over the network.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
}

impl HttpTransport {
    /// A transport with its own pool of connections. Fails where TLS cannot be set up, such as without any root certificate.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(USER_AGENT)
            // Credentials go to the address that was asked for and to no other.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // Trying again is decided in one place, and that is not here.
            .retry(reqwest::retry::never())
            .build()?;
        Ok(Self { client })
    }

    async fn exchange(&self, request: Outgoing) -> Reply {
        let method = match request.method {
            HttpMethod::Get => reqwest::Method::GET,
            HttpMethod::Post => reqwest::Method::POST,
        };
        let mut builder = self.client.request(method, &request.url).timeout(request.timeout).body(request.body);
        for (name, value) in &request.headers {
            let mut value = reqwest::header::HeaderValue::from_str(value.expose())
                .map_err(|_| SendFailure::NotSent(format!("the header {name} cannot be sent")))?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        let mut response = builder.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let headers = headers(response.headers());
        let body = read(&mut response).await?;
        Ok(HttpReply { status, headers, body })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.exchange(request))
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// Reads the answer, but not an endless one.
async fn read(response: &mut reqwest::Response) -> Result<Vec<u8>, SendFailure> {
    let mut body = Vec::new();
    // Half an answer is none, even where its beginning looks good.
    while let Some(chunk) = response.chunk().await.map_err(|error| SendFailure::Lost(reason(error)))? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(SendFailure::Lost(format!("the answer is larger than {ANSWER_LIMIT} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Header names are in lower case already; values that are no text mean nothing to us.
fn headers(map: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    map.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// A request leaves only over a connection that stands: what fails before that was surely not sent, everything else may have been.
fn failure(error: reqwest::Error) -> SendFailure {
    if error.is_connect() || error.is_builder() { SendFailure::NotSent(reason(error)) } else { SendFailure::Lost(reason(error)) }
}

/// What happened, down to the cause, without the address.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
