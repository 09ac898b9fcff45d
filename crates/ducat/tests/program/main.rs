//! The real program, as a person or a script meets it.
//!
//! - `start`: an empty folder, a second start, a real account. `stop`: signals, ports, panics. `verbs`: keys, verify, doctor, settings.
//! - `calls`: orders, events, cancel, refund, and every way in which a gateway cannot be called. `listen`: forwarding to a `receiver`.
//!   `trigger`: every event on its list. `server`: everything kept in PostgreSQL.

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod listen;
mod receiver;
mod server;
mod start;
mod stop;
mod trigger;
mod verbs;

use ducat_test_servers::free_port;
use std::time::Duration;
use support::http::Http;
use support::process::{Program, Running};

/// A gateway in an empty folder with its sandbox, on free ports.
struct Gateway {
    program: Program,
    running: Running,
    url: String,
    http: Http,
    _folder: tempfile::TempDir,
}

impl Gateway {
    async fn start() -> Self {
        Self::start_with(|program| program).await
    }

    async fn start_with(settings: impl FnOnce(Program) -> Program) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let program = Program::in_folder(folder.path())
            .with("DUCAT_LISTEN", format!("127.0.0.1:{port}"))
            .with("DUCAT_SANDBOX_PORT", free_port());
        let program = settings(program);
        let http = Http::new(Duration::from_secs(10));
        let url = format!("http://127.0.0.1:{port}");
        let mut running = program.start("gateway", &["serve"]);
        running.until_ready(&http, &format!("{url}/readyz")).await;
        running.until_said("Create an order").await;
        Self { program, running, url, http, _folder: folder }
    }

    /// The key that the banner shows.
    fn key(&self) -> String {
        let said = self.running.said();
        let line = said.lines().find(|line| line.trim_start().starts_with("API key")).unwrap();
        line.split_whitespace().nth(2).unwrap().to_owned()
    }

    /// Where its sandbox is.
    fn sandbox(&self) -> String {
        let said = self.running.said();
        let line = said.lines().find_map(|line| line.trim().strip_prefix("Sandbox").map(str::to_owned)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    }

    /// What the API answers to a program of the merchant.
    async fn asked(&self, path: &str) -> serde_json::Value {
        self.http.get(&format!("{}{path}", self.url), Some(&self.key())).await.unwrap().json()
    }

    /// An order as a shop makes it.
    async fn order(&self, wish: serde_json::Value) -> serde_json::Value {
        let url = format!("{}/v1/payment_orders", self.url);
        self.http.post_json(&url, &self.key(), None, &wish).await.unwrap().json()
    }

    /// What a verb says when it does what it is asked to do.
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.program.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        text(&output.stdout)
    }

    async fn stop(&mut self) {
        self.running.signal("TERM");
        let status = self.running.ended().await;
        assert!(status.success(), "{status}\n{}", self.running.said());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
