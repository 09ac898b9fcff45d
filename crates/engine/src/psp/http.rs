//! The real transport: HTTP/1.1 over TLS. It must tell exactly one thing from another: a request that surely never left, and one that
//! may have arrived.

use super::{Outgoing, Transport};
use ducat_connectors::{HttpMethod, HttpReply, Reply, SendFailure};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls_platform_verifier::ConfigVerifierExt;
use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// How long a connection may take to come about, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer that is read. A hundred of Stripe's sessions with much metadata are half a mebibyte.
const ANSWER_LIMIT: usize = 4 << 20;
/// How many idle connections are kept to one host, and how long: shorter than PSPs keep theirs, so that few requests meet a
/// connection that is just being closed.
const IDLE_CONNECTIONS: usize = 32;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// From when on, and how often, a silent connection is asked whether it still stands.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("ducat/", env!("CARGO_PKG_VERSION")));

type Body = Full<Cursor<Vec<u8>>>;

/// Sends over the network. It follows no redirect: credentials go to the address that was asked for and to no other. It heeds no proxy of the
/// environment. And it does not try again what may have left: that is decided in one place, and not here.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Client<Punctual<HttpsConnector<HttpConnector>>, Body>,
}

impl HttpTransport {
    /// A transport with its own pool of connections. Fails where TLS cannot be set up, such as without any root certificate.
    pub fn new() -> Result<Self, rustls::Error> {
        let mut sockets = HttpConnector::new();
        sockets.enforce_http(false);
        sockets.set_nodelay(true);
        // Shared by all addresses of a host: one that is silent does not use up the time of the others.
        sockets.set_connect_timeout(Some(CONNECT_TIMEOUT));
        sockets.set_keepalive(Some(KEEPALIVE));
        sockets.set_keepalive_interval(Some(KEEPALIVE));
        sockets.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        let tls = rustls::ClientConfig::with_platform_verifier()?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(sockets);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A kept connection may be closed by the other side just now. What was not taken by it was not written: it takes another one.
            .retry_canceled_requests(true)
            .build(Punctual(connector));
        Ok(Self { client })
    }

    async fn exchange(&self, request: Outgoing) -> Reply {
        let response = self.client.request(written(request)?).await.map_err(failure)?;
        let (head, mut body) = response.into_parts();
        let mut whole = Vec::new();
        // Half an answer is none, even where its beginning looks good.
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame.map_err(|error| SendFailure::Lost(reason(&error)))?.into_data() else { continue };
            if whole.len() + chunk.len() > ANSWER_LIMIT {
                return Err(SendFailure::Lost(format!("the answer is larger than {ANSWER_LIMIT} bytes")));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(HttpReply { status: head.status.as_u16(), headers: headers(&head.headers), body: whole })
    }
}

/// The request as the library takes it.
fn written(request: Outgoing) -> Result<Request<Body>, SendFailure> {
    let unsendable = |what: &str| SendFailure::NotSent(format!("{what} cannot be sent"));
    let mut written = Request::new(Full::new(Cursor::new(request.body)));
    *written.method_mut() = match request.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
    };
    *written.uri_mut() = target(&request.url).ok_or_else(|| unsendable("the address"))?;
    let headers = written.headers_mut();
    headers.reserve(request.headers.len() + 3);
    headers.insert(header::USER_AGENT, USER_AGENT);
    for (name, value) in &request.headers {
        let sendable = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value.expose()).ok());
        let (name, mut value) = sendable.ok_or_else(|| unsendable(&format!("the header {name}")))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(written)
}

/// The address, if it is a whole one.
fn target(url: &str) -> Option<Uri> {
    url.parse().ok().filter(|uri: &Uri| uri.scheme().is_some() && uri.authority().is_some())
}

/// A connector that is given up after a while. What is over before there is a connection was surely not sent.
#[derive(Clone, Debug)]
struct Punctual<C>(C);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl<C> Service<Uri> for Punctual<C>
where
    C: Service<Uri, Error: Into<Failure>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.0.call(to));
        Box::pin(async { connecting.await?.map_err(Into::into) })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        let timeout = request.timeout;
        Box::pin(async move {
            let exchanged = tokio::time::timeout(timeout, self.exchange(request)).await;
            exchanged.unwrap_or_else(|_| Err(SendFailure::Lost("there was no answer in time".into())))
        })
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// Header names are in lower case already; values that are no text mean nothing to us.
fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// A request leaves only over a connection that stands: what fails before that was surely not sent, everything else may have been.
fn failure(error: Error) -> SendFailure {
    if error.is_connect() { SendFailure::NotSent(reason(&error)) } else { SendFailure::Lost(reason(&error)) }
}

/// What happened, down to the cause.
fn reason(error: &dyn std::error::Error) -> String {
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
