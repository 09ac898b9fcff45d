//! Figures about this node, for Prometheus.

use crate::app::App;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ducat_cache::Cache;
use ducat_engine::Engine;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Where the bars of the histogram end, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Message {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Try {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Share {
    of: &'static str,
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    messages: Family<Message, Counter>,
    limited: Family<Share, Counter>,
    degraded: Gauge,
    cache_failures: Counter,
    streams: Gauge,
    job_lateness: Gauge,
    tries: Family<Try, Counter>,
    failing: Gauge,
    delivery_lateness: Gauge,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    /// Nothing has been counted yet.
    pub fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("ducat"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            messages: Family::default(),
            limited: Family::default(),
            degraded: Gauge::default(),
            cache_failures: Counter::default(),
            streams: Gauge::default(),
            job_lateness: Gauge::default(),
            tries: Family::default(),
            failing: Gauge::default(),
            delivery_lateness: Gauge::default(),
        };
        let registry = &mut all.registry;
        registry.register("http_requests", "Requests answered", all.requests.clone());
        let what = "From the head of the request to the head of the answer";
        registry.register_with_unit("http_request_duration", what, Unit::Seconds, all.durations.clone());
        registry.register("psp_messages", "Messages of PSPs, by what became of them", all.messages.clone());
        registry.register(
            "rate_limited",
            "Calls refused because their key or address had used up its share",
            all.limited.clone(),
        );
        let what = "1 while the shared cache does not answer and this node counts for itself; 0 otherwise";
        registry.register("cache_degraded", what, all.degraded.clone());
        registry.register("cache_failures", "How often the shared cache did not answer", all.cache_failures.clone());
        registry.register("live_streams", "Live streams that are open now", all.streams.clone());
        let what = "How long the job that is due first has been due; 0 where none is";
        registry.register_with_unit("job_lateness", what, Unit::Seconds, all.job_lateness.clone());
        registry.register("webhook_tries", "Tries of deliveries to merchants, by whether they arrived", all.tries.clone());
        registry.register("webhook_endpoints_failing", "Endpoints whose last try failed", all.failing.clone());
        let what = "How long the delivery that is due first has been due, of endpoints that do not fail; 0 where none is";
        registry.register_with_unit("webhook_lateness", what, Unit::Seconds, all.delivery_lateness.clone());
        all
    }

    /// Looks at what merchants are told, and when.
    async fn look_at_webhooks(&self, engine: &Engine) {
        let (arrived, missed) = engine.tries_counted();
        for (outcome, count) in [("arrived", arrived), ("missed", missed)] {
            self.tries.get_or_create(&Try { outcome }).inner().store(count, Ordering::Relaxed);
        }
        let Ok(endpoints) = engine.store().endpoints_at_work().await else { return };
        let (failing, well): (Vec<_>, Vec<_>) = endpoints.iter().partition(|e| e.endpoint.failing_since.is_some());
        self.failing.set(i64::try_from(failing.len()).unwrap_or(i64::MAX));
        let late = well.iter().filter_map(|e| e.due_at).min().map_or(0, |at| engine.now().since(at).as_secs());
        self.delivery_lateness.set(i64::try_from(late).unwrap_or(i64::MAX));
    }

    /// A request was answered.
    pub fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        // A method that nobody knows is the caller's invention, and would be a label of its own.
        let known = [Method::GET, Method::POST, Method::DELETE, Method::HEAD].contains(method);
        let method = if known { method.to_string() } else { "other".to_owned() };
        let request = Request { method, route: route.to_owned(), status: status.as_u16() };
        self.requests.get_or_create(&request).inc();
        self.durations.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// A PSP's message came.
    pub fn message(&self, outcome: &'static str) {
        self.messages.get_or_create(&Message { outcome }).inc();
    }

    /// A call was refused, of a `key` or an `address`.
    pub fn limited(&self, of: &'static str) {
        self.limited.get_or_create(&Share { of }).inc();
    }

    /// Looks at what nodes share.
    fn look_at_cache(&self, cache: &Cache) {
        self.degraded.set(i64::from(cache.state() == ducat_cache::State::Degraded));
        self.cache_failures.inner().store(cache.failures(), Ordering::Relaxed);
    }

    /// A live stream was opened; it is counted until what comes back is dropped.
    pub fn stream_opened(&self) -> OpenStream {
        self.streams.inc();
        OpenStream(self.streams.clone())
    }
}

/// A live stream that is open.
pub(crate) struct OpenStream(Gauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// `GET /metrics`
pub(crate) async fn show(State(app): State<App>) -> Response {
    let due = app.engine.store().next_job_at().await.ok().flatten();
    let lateness = due.map_or(0, |at| app.engine.now().since(at).as_secs());
    app.metrics.job_lateness.set(i64::try_from(lateness).unwrap_or(i64::MAX));
    app.metrics.look_at_webhooks(&app.engine).await;
    app.metrics.look_at_cache(app.engine.cache());
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = encode(&mut text, &app.metrics.registry);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}
