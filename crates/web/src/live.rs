//! Live status: server-sent events that tell how an order stands, now and after every change.

use crate::app::App;
use crate::metrics::OpenStream;
use crate::problem::{Problem, catalogue as kinds};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use ducat_domain::PaymentOrderId;
use ducat_domain::payments::OrderStatus;
use ducat_engine::payments::{self, PaymentOrderView};
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;

/// How often an open stream looks for itself: changes of other nodes are not announced on this one.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How often a silent stream shows that it lives, so that proxies keep it.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What one message of the stream says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Told {
    status: &'static str,
    version: u32,
}

impl Told {
    fn of(order: &PaymentOrderView) -> Self {
        Self { status: order.status, version: order.version }
    }

    fn is_last(&self) -> bool {
        OrderStatus::ALL.iter().any(|s| s.as_str() == self.status && s.is_terminal())
    }

    fn event(&self) -> Event {
        // Two plain fields always serialise.
        let data = serde_json::to_string(self).unwrap_or_default();
        Event::default().event("status").id(self.version.to_string()).data(data)
    }
}

/// Answers with the stream of an order that the caller may see, and that stands at `order` now. A browser that comes again and has
/// seen the last word already is told to stay away (204).
pub(crate) fn watch(app: &App, id: PaymentOrderId, order: &PaymentOrderView, headers: &HeaderMap) -> Result<Response, Problem> {
    let now = Told::of(order);
    let seen = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u32>().ok());
    if now.is_last() && seen == Some(now.version) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let busy = |_| Problem::new(&kinds::BUSY, "Too many live streams are open. Ask again now and then instead.").retry_after(5);
    let permit = app.streams.clone().try_acquire_owned().map_err(busy)?;
    let watcher = Watcher {
        changes: app.engine.changes(),
        ends_at: Instant::now() + app.settings.limits.stream_lifetime,
        app: app.clone(),
        id,
        // The order was read before the changes were subscribed to: look once more before waiting.
        look_now: true,
        first: (seen != Some(now.version)).then_some(now),
        told: seen.unwrap_or_default(),
        ended: false,
        _permit: permit,
        _open: app.metrics.stream_opened(),
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?.event();
        Some((Ok::<_, Infallible>(event), watcher))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // Proxies of the nginx kind would otherwise keep the stream until it ends.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// One open stream.
struct Watcher {
    app: App,
    id: PaymentOrderId,
    changes: Receiver<PaymentOrderId>,
    first: Option<Told>,
    told: u32,
    look_now: bool,
    ended: bool,
    ends_at: Instant,
    _permit: OwnedSemaphorePermit,
    _open: OpenStream,
}

impl Watcher {
    /// The next thing to tell; nothing once the order has ended, the node stops, or the stream has lived long enough.
    async fn next(&mut self) -> Option<Told> {
        if let Some(first) = self.first.take() {
            return Some(self.note(first));
        }
        while !self.ended {
            if !std::mem::take(&mut self.look_now) {
                self.wait().await?;
            }
            let told = Told::of(&payments::checkout(&self.app.engine, self.id).await.ok()?.order);
            if told.version != self.told {
                return Some(self.note(told));
            }
        }
        None
    }

    fn note(&mut self, told: Told) -> Told {
        self.told = told.version;
        self.ended = told.is_last();
        told
    }

    /// Waits until there is a reason to look. Nothing where the stream is to end.
    async fn wait(&mut self) -> Option<()> {
        let look_at = Instant::now() + LOOK_EVERY;
        loop {
            tokio::select! {
                () = self.app.draining.begun() => return None,
                () = tokio::time::sleep_until(self.ends_at) => return None,
                () = tokio::time::sleep_until(look_at) => return Some(()),
                change = self.changes.recv() => match change {
                    Ok(id) if id != self.id => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return Some(()),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}
