//! Carries the engine's requests into the sandbox without a socket, and loses them on demand.

use crate::TestClock;
use ducat_connectors::{HttpMethod, HttpReply, Reply, SendFailure};
use ducat_domain::Clock;
use ducat_engine::psp::{Outgoing, Transport};
use ducat_sandbox::{Request, Sandbox};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The way to the sandbox.
pub struct SandboxTransport {
    sandbox: Arc<Sandbox>,
    clock: Arc<TestClock>,
    down: AtomicBool,
    hangs: AtomicBool,
    hung: Notify,
    sent: AtomicU64,
}

impl SandboxTransport {
    /// A way that works.
    pub fn new(sandbox: Arc<Sandbox>, clock: Arc<TestClock>) -> Self {
        Self {
            sandbox,
            clock,
            down: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            hung: Notify::new(),
            sent: AtomicU64::new(0),
        }
    }

    /// Whether connections are refused from now on.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Whether requests arrive and are never answered from now on.
    pub fn set_hanging(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }

    /// Waits until a request hangs.
    pub async fn hung(&self) {
        self.hung.notified().await;
    }

    /// How many requests were carried.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn carry(&self, outgoing: &Outgoing) -> Reply {
        if self.down.load(Ordering::Relaxed) {
            return Err(SendFailure::NotSent("connection refused".into()));
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let target = outgoing.url.splitn(4, '/').nth(3).map_or_else(|| "/".to_owned(), |path| format!("/{path}"));
        let method = match outgoing.method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
        };
        let mut request = Request::new(method, &target);
        request.headers = outgoing.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        request.body.clone_from(&outgoing.body);
        let reply = self.sandbox.handle(&request);
        let late = Duration::from_millis(reply.delay_ms);
        self.clock.advance(late.min(outgoing.timeout));
        if reply.dropped || late >= outgoing.timeout {
            return Err(SendFailure::Lost("no answer".into()));
        }
        let mut body = reply.body;
        if let Some(cut) = reply.cut_at.filter(|cut| *cut < body.len()) {
            body.truncate(cut);
            return Err(SendFailure::Lost("half an answer".into()));
        }
        let headers = reply.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        Ok(HttpReply { status: reply.status, headers, body })
    }
}

impl Transport for SandboxTransport {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let reply = self.carry(&request);
            if self.hangs.load(Ordering::Relaxed) {
                self.hung.notify_one();
                std::future::pending::<()>().await;
            }
            reply
        })
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // Whatever can go on now goes on before time does.
            tokio::task::yield_now().await;
            self.clock.advance(span);
        })
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.clock.now().as_micros().unsigned_abs())
    }
}
