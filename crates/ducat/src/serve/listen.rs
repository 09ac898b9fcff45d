//! Taking connections: only so many at once, and none that keeps us waiting for its request.

use super::calls::Calls;
use crate::signals::Stop;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower_service::Service;

/// How long a client may take over the head of a request, and how long an idle connection is kept.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of what a client sends is read ahead: a head must fit into it, and ten thousand of them into memory.
const READ_AHEAD: usize = 64 * 1024;
/// How many connections may be open at once; the next ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// How long nothing must have been under way on a connection before it is closed at the end: an answer may still be on its way.
const QUIET: Duration = Duration::from_secs(2);
/// The rest after a connection could not be taken, such as for want of file handles.
const REST: Duration = Duration::from_millis(100);

/// Serves until `stop` ends, then finishes what has begun. A connection on which no request begins within `head_timeout` is closed.
pub async fn serve(listener: TcpListener, router: Router, head_timeout: Duration, stop: impl Future<Output = ()> + Send) {
    let mut make = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(READ_AHEAD);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(head_timeout);
    let (graceful, leaving) = (GracefulShutdown::new(), Stop::new());
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    tokio::pin!(stop);
    loop {
        let (place, stream, address) = tokio::select! {
            () = &mut stop => break,
            taken = take(&listener, &places) => match taken {
                Some(taken) => taken,
                None => continue,
            },
        };
        let calls = Calls::new();
        let service = match make.call(address).await {
            Ok(service) => TowerToHyperService::new(calls.counted(service)),
            Err(never) => never_happens(never),
        };
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let watched = graceful.watch(connection);
        let left = leaving.said();
        tokio::spawn(async move {
            tokio::select! {
                // A client that goes away in the middle is no news.
                _ = watched => {}
                // Which version of HTTP a client speaks is waited for without a limit, and so is a first request over HTTP/2.
                () = calls.missing(head_timeout) => {}
                // Half a head, or a client that does not heed that we leave, is nothing to wait for.
                () = async { left.await; calls.over(QUIET).await } => {}
            }
            drop(place);
        });
    }
    drop(listener);
    leaving.say();
    graceful.shutdown().await;
}

type Taken = (tokio::sync::OwnedSemaphorePermit, TcpStream, SocketAddr);

/// The next connection, once there is a place for it.
async fn take(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Taken> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are small and whole: nothing is won by waiting for more to send.
            let _ = stream.set_nodelay(true);
            Some((place, stream, address))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(REST).await;
            None
        }
    }
}

fn never_happens(never: Infallible) -> ! {
    match never {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// A frame of settings that changes none.
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

    async fn sent(address: SocketAddr, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Reads until the other side closes, in whatever way.
    async fn closed(mut stream: TcpStream) {
        let end = async { while stream.read(&mut [0; 256]).await.is_ok_and(|read| read > 0) {} };
        tokio::time::timeout(Duration::from_secs(20), end).await.expect("it is not closed");
    }

    #[tokio::test]
    async fn a_connection_on_which_no_request_begins_is_closed_and_one_that_waits_for_its_answer_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (told, wait) = (Arc::clone(&asked), Arc::clone(&go));
        let slow = async move || {
            told.notify_one();
            wait.notified().await;
            "done"
        };
        let router = Router::new().route("/slow", get(slow));
        let serving = tokio::spawn(serve(listener, router, Duration::from_millis(50), std::future::pending()));
        let mut waiting = sent(address, b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        asked.notified().await;
        let settled = [PREFACE, SETTINGS].concat();
        for bytes in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nHost", PREFACE, &settled] {
            closed(sent(address, bytes).await).await;
        }
        go.notify_one();
        let mut answer = String::new();
        waiting.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 4") && answer.ends_with("done"),
            "{answer}"
        );
        serving.abort();
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused_before_it_is_read_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "done"));
        let serving = tokio::spawn(serve(listener, router, HEAD_TIMEOUT, std::future::pending()));
        let head = |length| format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: {}", "x".repeat(length));
        let answered = async |mut stream: TcpStream| {
            let mut answer = String::new();
            // A client that is still sending may be cut off while it reads.
            let _ = stream.read_to_string(&mut answer).await;
            answer.split(' ').nth(1).map(str::to_owned)
        };
        let whole = sent(address, (head(READ_AHEAD / 2) + "\r\n\r\n").as_bytes()).await;
        assert_eq!(answered(whole).await.as_deref(), Some("200"));
        let endless = sent(address, head(READ_AHEAD).as_bytes()).await;
        assert_eq!(answered(endless).await.as_deref(), Some("431"));
        serving.abort();
    }
}
