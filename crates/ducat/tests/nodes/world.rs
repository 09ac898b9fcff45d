//! The PSP, the database, and nodes that know both.

use crate::support::http::Http;
use crate::support::process::{PATIENCE, Program, Running};
use ducat_test_servers::free_port;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The shop's key; the same at every node.
pub const KEY: &str = "dk_test_nodes_nodes_nodes_nodes_nodes";
/// The nodes' key to the PSP.
const STRIPE_KEY: &str = "sk_test_nodes";
/// How long a node goes on after SIGTERM: longer than HAProxy needs to see that it is not ready.
const DRAIN_MS: u64 = 2_000;

/// The PSP, and where everything lies.
pub struct World {
    pub http: Http,
    sandbox: String,
    /// The database that the nodes share.
    database: String,
    folder: TempDir,
    _sandbox: Running,
}

/// One node.
pub struct Node {
    pub url: String,
    pub program: Program,
    pub running: Running,
}

impl World {
    pub async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let http = Http::new(Duration::from_secs(20));
        let port = free_port();
        let program = Program::in_folder(folder.path()).with("DUCAT_SANDBOX_PORT", port);
        let sandbox = format!("http://127.0.0.1:{port}");
        let mut running = program.start("sandbox", &["sandbox"]);
        running.until_ready(&http, &format!("{sandbox}/_sandbox/state")).await;
        let database = tokio::task::spawn_blocking(ducat_test_servers::database).await.unwrap();
        Self { http, sandbox, database, folder, _sandbox: running }
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs SQL in the nodes' database, as somebody who may do everything.
    pub fn in_database(&self, sql: String) -> tokio::task::JoinHandle<()> {
        let name = self.database.rsplit('/').next().unwrap().to_owned();
        tokio::task::spawn_blocking(move || ducat_test_servers::server().run_sql(&name, &sql))
    }

    /// A node of this name at this port, which knows no PSP yet.
    pub fn program(&self, name: &str, port: u16) -> Program {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        Program::in_folder(&folder)
            .with("DUCAT_LISTEN", format!("127.0.0.1:{port}"))
            .with("DUCAT_DATABASE_URL", &self.database)
            .with("DUCAT_BOOTSTRAP_API_KEY", KEY)
            .with("DUCAT_MASTER_KEY", "5a".repeat(32))
            .with("DUCAT_DRAIN_MS", DRAIN_MS)
            .with("DUCAT_LOG", "warn,ducat_cache=info,ducat::serve=info")
    }

    /// What the program needs to find the PSP.
    pub fn with_psp(&self, program: Program) -> Program {
        program.with("DUCAT_SANDBOX", "off").with("DUCAT_STRIPE_API_KEY", STRIPE_KEY).with("DUCAT_STRIPE_API_BASE", &self.sandbox)
    }

    /// Starts a node of this name.
    pub async fn node(&self, name: &str, settings: impl FnOnce(Program) -> Program) -> Node {
        let port = free_port();
        let program = settings(self.with_psp(self.program(name, port)));
        let running = program.start(name, &["serve"]);
        let mut node = Node { url: format!("http://127.0.0.1:{port}"), program, running };
        node.running.until_ready(&self.http, &format!("{}/readyz", node.url)).await;
        node
    }

    /// From now on the PSP tells this node what becomes of payments. The node is started again: it reads the secret only then.
    pub async fn psp_tells(&self, node: &mut Node) {
        let accounts = self.http.get(&format!("{}/v1/psp_accounts", node.url), Some(KEY)).await.unwrap().json();
        let url = accounts["data"][0]["webhook_url"].as_str().unwrap_or_else(|| panic!("{accounts}")).to_owned();
        let fields = [("url".to_owned(), url), ("enabled_events[0]".to_owned(), "*".to_owned())];
        let endpoints = format!("{}/v1/webhook_endpoints", self.sandbox);
        let endpoint = self.http.post_form(&endpoints, Some(STRIPE_KEY), &fields).await.unwrap().json();
        let secret = endpoint["secret"].as_str().unwrap_or_else(|| panic!("{endpoint}"));
        node.program = node.program.clone().with("DUCAT_STRIPE_WEBHOOK_SECRET", secret);
        node.running.kill();
        node.come_back(&self.http).await;
    }

    /// The orders of which the PSP has told that they are paid, and was answered with 200.
    pub async fn heard_as_paid(&self) -> BTreeSet<String> {
        let (mut orders, mut last) = (BTreeSet::new(), String::new());
        loop {
            let wanted = "type=checkout.session.completed&delivery_success=true&limit=100";
            let page =
                self.http.get(&format!("{}/v1/events?{wanted}{last}", self.sandbox), Some(STRIPE_KEY)).await.unwrap().json();
            let events = page["data"].as_array().unwrap_or_else(|| panic!("{page}"));
            let order = |event: &Value| event["data"]["object"]["metadata"]["ducat_order"].as_str().unwrap().to_owned();
            orders.extend(events.iter().map(order));
            match events.last() {
                Some(event) if page["has_more"] == true => last = format!("&starting_after={}", event["id"].as_str().unwrap()),
                _ => return orders,
            }
        }
    }

    /// Makes something go wrong at the PSP. Gives the rule's id.
    pub async fn fault(&self, rule: Value) -> String {
        let made =
            self.http.post_json(&format!("{}/_sandbox/faults", self.sandbox), STRIPE_KEY, None, &rule).await.unwrap().json();
        made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// Waits until it has gone wrong as often as the rule says.
    pub async fn until_used(&self, rule: &str) {
        let begun = Instant::now();
        loop {
            let rules = self.http.get(&format!("{}/_sandbox/faults", self.sandbox), Some(STRIPE_KEY)).await.unwrap().json();
            let all = rules["data"].as_array().unwrap_or_else(|| panic!("{rules}"));
            if !all.iter().any(|kept| kept["id"] == rule && kept["count"] != 0) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it did not happen: {rules}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the node's readiness says of the cache.
    pub async fn cache_of(&self, node: &Node) -> String {
        let ready = self.http.get(&format!("{}/readyz", node.url), None).await.unwrap();
        ready.json()["cache"].as_str().unwrap().to_owned()
    }

    /// Waits until it says this.
    pub async fn until_cache(&self, node: &Node, state: &str) {
        let begun = Instant::now();
        while self.cache_of(node).await != state {
            assert!(begun.elapsed() < PATIENCE, "{} does not become {state}:\n{}", node.url, node.running.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A figure of the node, summed over those of its labels that hold this text.
    pub async fn figure(&self, node: &Node, name: &str, label: &str) -> u64 {
        let figures = self.http.get(&format!("{}/metrics", node.url), None).await.unwrap().text();
        let lines = figures.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

impl Node {
    /// Ends it as a deployment does, and checks that it ends well.
    pub async fn leave(&mut self) {
        self.running.signal("TERM");
        let status = self.running.ended().await;
        assert!(status.success(), "{status}\n{}", self.running.said());
    }

    /// Starts it again.
    pub async fn come_back(&mut self, http: &Http) {
        self.running = self.program.start("again", &["serve"]);
        self.running.until_ready(http, &format!("{}/readyz", self.url)).await;
    }
}
