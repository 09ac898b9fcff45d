//! Puts the sandbox on a socket: HTTP in front of [`Sandbox`], lines that can be cut on purpose, and the delivery of webhooks.

use crate::http::{Reply, Request};
use crate::sandbox::Sandbox;
use crate::stripe::files::PATH as UPLOAD_PATH;
use crate::stripe::webhooks::{Delivery, Outcome};
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State, connect_info::Connected};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use serde_json::json;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Larger requests are refused; where files are sent, a file and what surrounds it has room, so that a file that is too large is told so.
const MAX_BODY: usize = 1024 * 1024;
const MAX_UPLOAD: usize = 8 * 1024 * 1024;
/// Open requests get this long to end after the shutdown began.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// An endpoint that has not answered after this time has failed.
const ENDPOINT_PATIENCE: Duration = Duration::from_secs(10);
/// Deliveries under way at the same time: altogether, and to one endpoint, so that a slow one delays nobody else.
const POSTS_AT_ONCE: usize = 16;
const POSTS_PER_ENDPOINT: usize = 4;

#[cfg(test)]
mod tests;

/// Writes the world down, if anybody does.
pub trait Keeper: Send + Sync + 'static {
    /// Ends when what has happened so far is written down. An answer that tells of a change waits for it, so that whoever got the
    /// answer finds the change again after a crash.
    fn keep(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Writes nothing down.
struct Forgetful;

impl Keeper for Forgetful {
    fn keep(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// Serves the sandbox until `shutdown` ends, and delivers its webhooks.
pub async fn serve(
    listener: TcpListener,
    sandbox: Arc<Sandbox>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_kept(listener, sandbox, Arc::new(Forgetful), shutdown).await
}

/// The same, with somebody who writes the world down.
pub async fn serve_kept(
    listener: TcpListener,
    sandbox: Arc<Sandbox>,
    keeper: Arc<dyn Keeper>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let client = reqwest::Client::builder()
        .timeout(ENDPOINT_PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent("Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .build()
        .map_err(io::Error::other)?;
    let (stop, stopped) = watch::channel(false);
    let deliveries = tokio::spawn(deliver(sandbox.clone(), client, stopped.clone()));
    let app = axum::Router::new().fallback(respond).with_state(Server { sandbox, keeper, stopped: stopped.clone() });
    let mut ending = stopped.clone();
    let until = async move {
        shutdown.await;
        // Nobody is left to hear it only when everything has ended already.
        let _ = stop.send(true);
    };
    let service = app.into_make_service_with_connect_info::<Shears>();
    let serving = axum::serve(Lines(listener), service).with_graceful_shutdown(until).into_future();
    let too_long = async move {
        let _ = ending.wait_for(|over| *over).await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    let served = tokio::select! {
        served = serving => served,
        () = too_long => Ok(()),
    };
    deliveries.abort();
    served
}

#[derive(Clone)]
struct Server {
    sandbox: Arc<Sandbox>,
    keeper: Arc<dyn Keeper>,
    stopped: watch::Receiver<bool>,
}

/// Answers one HTTP request. What it asks for is done even if the client hangs up meanwhile, as a real server would.
async fn respond(
    State(server): State<Server>,
    ConnectInfo(shears): ConnectInfo<Shears>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let limit = if head.uri.path().trim_end_matches('/') == UPLOAD_PATH { MAX_UPLOAD } else { MAX_BODY };
    let Ok(body) = to_bytes(body, limit).await else {
        let text = format!("The request is larger than {} MiB.", limit / 1024 / 1024);
        let error = json!({ "error": { "type": "invalid_request_error", "message": text } });
        // The rest of the body is still on its way, so the line cannot be used again.
        return response(Reply::json(413, &error).header("Connection", "close"));
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body.to_vec(),
    };
    let done = tokio::spawn(answer(server, request)).await;
    let reply = done.unwrap_or_else(|_| Reply::bytes(500, "text/plain", b"the sandbox failed".to_vec()));
    if reply.dropped {
        shears.cut_now();
    } else if let Some(at) = reply.cut_at {
        shears.cut_in_body(at);
    }
    response(reply)
}

async fn answer(server: Server, request: Request) -> Reply {
    let Server { sandbox, keeper, mut stopped } = server;
    let admitted = sandbox.admit(&request);
    let early = wait(admitted.wait_ms, &mut stopped).await;
    let reply = sandbox.finish(&request, admitted);
    if request.method != "GET" {
        keeper.keep().await;
    }
    let late = wait(reply.delay_ms, &mut stopped).await;
    if early && late { reply } else { Reply::dropped() }
}

/// Waits as long as the fault script wants; false if the server stops first.
async fn wait(ms: u64, stopped: &mut watch::Receiver<bool>) -> bool {
    if ms == 0 {
        return true;
    }
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => true,
        _ = stopped.wait_for(|over| *over) => false,
    }
}

fn response(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// How much of what is written still goes out on a line.
#[derive(Default)]
enum Cut {
    #[default]
    Never,
    Now,
    /// So many bytes after the end of the answer's head; `seen` counts how much of the blank line has passed.
    InBody {
        left: usize,
        seen: usize,
    },
}

/// What cuts one line, shared by the line and the requests that come over it.
#[derive(Clone, Default)]
struct Shears(Arc<Mutex<Cut>>);

impl Shears {
    fn cut_now(&self) {
        self.set(Cut::Now);
    }

    fn cut_in_body(&self, left: usize) {
        self.set(Cut::InBody { left, seen: 0 });
    }

    fn set(&self, cut: Cut) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// How many of these bytes may go out now; none means that the line is cut.
    fn allowed(&self, bytes: &[u8]) -> usize {
        const BLANK_LINE: &[u8; 4] = b"\r\n\r\n";
        let cut = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Cut::InBody { left, seen } = cut else { return if matches!(cut, Cut::Now) { 0 } else { bytes.len() } };
        let mut count = 0;
        for byte in bytes {
            if *seen < BLANK_LINE.len() {
                *seen = if *byte == BLANK_LINE[*seen] { *seen + 1 } else { usize::from(*byte == b'\r') };
            } else if *left > 0 {
                *left -= 1;
            } else {
                break;
            }
            count += 1;
        }
        if *left == 0 && *seen == BLANK_LINE.len() {
            *cut = Cut::Now;
        }
        count
    }
}

/// A listener whose connections can be cut.
struct Lines(TcpListener);

impl Listener for Lines {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Small answers should not wait for more to send; a system that cannot do that merely is slower.
        let _ = stream.set_nodelay(true);
        (Line { stream, shears: Shears::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Shears {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().shears.clone()
    }
}

/// A connection that breaks where its shears say.
struct Line {
    stream: TcpStream,
    shears: Shears,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Nothing is written before the socket can take it, so that the shears count every byte once.
        match self.stream.poll_write_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
        const PIECE: usize = 4 * 1024;
        let piece = &bytes[..bytes.len().min(PIECE)];
        if matches!(*self.shears.0.lock().unwrap_or_else(PoisonError::into_inner), Cut::Never) {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        let mut rest = &piece[..self.shears.allowed(piece)];
        let count = rest.len();
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The deliveries that were handed out and not yet reported back, endpoint by endpoint.
#[derive(Default)]
struct Outbox {
    waiting: HashMap<String, VecDeque<Delivery>>,
    under_way: HashMap<String, HashSet<String>>,
}

impl Outbox {
    /// Takes a delivery in. One that waits here already is replaced: the new one is signed for a later moment.
    fn take(&mut self, delivery: Delivery) {
        if self.under_way.get(&delivery.url).is_some_and(|ids| ids.contains(&delivery.id)) {
            return;
        }
        let queue = self.waiting.entry(delivery.url.clone()).or_default();
        match queue.iter_mut().find(|d| d.id == delivery.id) {
            Some(older) => *older = delivery,
            None => queue.push_back(delivery),
        }
    }

    /// The next delivery that may start now.
    fn next(&mut self) -> Option<Delivery> {
        if self.under_way.values().map(HashSet::len).sum::<usize>() >= POSTS_AT_ONCE {
            return None;
        }
        let busy = |url: &String| self.under_way.get(url).map_or(0, HashSet::len);
        // The endpoint with the fewest posts under way goes first, so that all advance.
        let url =
            self.waiting.keys().filter(|url| busy(url) < POSTS_PER_ENDPOINT).min_by_key(|url| (busy(url), url.as_str()))?.clone();
        let queue = self.waiting.get_mut(&url)?;
        let delivery = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&url);
        }
        let delivery = delivery?;
        self.under_way.entry(url).or_default().insert(delivery.id.clone());
        Some(delivery)
    }

    fn ended(&mut self, url: &str, id: &str) {
        let Some(ids) = self.under_way.get_mut(url) else { return };
        ids.remove(id);
        if ids.is_empty() {
            self.under_way.remove(url);
        }
    }
}

/// Posts whatever is due until the server stops.
async fn deliver(sandbox: Arc<Sandbox>, client: reqwest::Client, mut stopped: watch::Receiver<bool>) {
    let mut outbox = Outbox::default();
    let mut posts = JoinSet::new();
    while !*stopped.borrow() {
        for delivery in sandbox.due_deliveries() {
            outbox.take(delivery);
        }
        while let Some(delivery) = outbox.next() {
            posts.spawn(post(client.clone(), sandbox.clone(), delivery));
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = sandbox.due_soon() => {}
            Some(ended) = posts.join_next() => {
                if let Ok((url, id)) = ended {
                    outbox.ended(&url, &id);
                }
            }
        }
    }
}

/// Posts one delivery and reports what became of it.
async fn post(client: reqwest::Client, sandbox: Arc<Sandbox>, delivery: Delivery) -> (String, String) {
    let Delivery { id, url, body, signature, .. } = delivery;
    let request = client
        .post(&url)
        .header("Content-Type", "application/json; charset=utf-8")
        .header("Stripe-Signature", signature)
        .body(body);
    let outcome = match request.send().await {
        Ok(answer) => Outcome::Answered(answer.status().as_u16()),
        Err(error) => {
            tracing::debug!(%url, %error, "a webhook endpoint did not answer");
            Outcome::Unreachable
        }
    };
    sandbox.delivered(&id, outcome);
    (url, id)
}
