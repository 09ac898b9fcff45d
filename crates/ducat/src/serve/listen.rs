//! Taking connections: only so many at once, and none that keeps us waiting for its request.

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
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How many connections may be open at once; the next ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// The rest after a connection could not be taken, such as for want of file handles.
const REST: Duration = Duration::from_millis(100);

/// Serves until `stop` ends, then finishes what has begun.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()> + Send) {
    let mut make = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIMEOUT);
    let graceful = GracefulShutdown::new();
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
        let service = match make.call(address).await {
            Ok(service) => TowerToHyperService::new(service),
            Err(never) => never_happens(never),
        };
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away in the middle is no news.
            let _ = watched.await;
            drop(place);
        });
    }
    drop(listener);
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
