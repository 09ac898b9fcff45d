//! The requests of one connection: whether there was any, and how many are under way.

use axum::body::Body;
use axum::response::Response;
use http_body_util::BodyExt;
use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tower_service::Service;

/// The requests of one connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Calls(Arc<watch::Sender<Count>>);

#[derive(Clone, Copy, Default)]
struct Count {
    any: bool,
    under_way: usize,
}

/// A request that is under way until this is dropped.
struct Call(Calls);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| count.under_way -= 1);
    }
}

impl Calls {
    /// There was none yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Count::default())))
    }

    /// The same service, whose requests are counted.
    pub fn counted<S>(&self, service: S) -> Counted<S> {
        Counted { service, calls: self.clone() }
    }

    /// Ends when no request has begun within this time; else never.
    pub async fn missing(&self, limit: Duration) {
        let mut count = self.0.subscribe();
        if tokio::time::timeout(limit, count.wait_for(|count| count.any)).await.is_ok() {
            pending::<()>().await;
        }
    }

    /// Ends when none has been under way for this long.
    pub async fn over(&self, quiet: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // We hold the sender, so waiting ends only by the news.
            let _ = count.wait_for(|count| count.under_way == 0).await;
            if tokio::time::timeout(quiet, count.changed()).await.is_err() {
                return;
            }
        }
    }

    fn begin(&self) -> Call {
        self.0.send_modify(|count| *count = Count { any: true, under_way: count.under_way + 1 });
        Call(self.clone())
    }
}

/// A service whose requests are counted.
#[derive(Clone)]
pub(super) struct Counted<S> {
    service: S,
    calls: Calls,
}

impl<S, Request> Service<Request> for Counted<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (call, answer) = (self.calls.begin(), self.service.call(request));
        Box::pin(async move { Ok(answer.await?.map(|body| until_sent(body, call))) })
    }
}

/// The request is under way until its answer has been handed over for sending.
fn until_sent(body: Body, call: Call) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _ = &call;
        frame
    }))
}
