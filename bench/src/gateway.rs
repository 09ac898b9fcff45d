//! The gateway that is measured: the release binary, in a process of its own, with an account at the stub.

use crate::Failure;
use crate::disk;
use crate::http::Connection;
use crate::pay::Target;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A key and a secret for gateways that live for minutes and hear only loopback.
const API_KEY: &str = "dk_bench_00000000000000000000000000000000";
const WEBHOOK_SECRET: &str = "whsec_bench_0000000000000000";
/// What encrypts credentials in their databases.
pub const MASTER_KEY: [u8; 32] = [0; 32];
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is asked whether it is ready. The start is measured to this.
const ASK_EVERY: Duration = Duration::from_millis(1);
/// More than any measurement asks for.
const NO_LIMIT: &str = "1000000";

/// A running gateway or stub, killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// `host:port`.
    pub address: String,
    /// Its process.
    pub pid: u32,
}

/// Whether a gateway keeps running balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Balances {
    /// With every payment.
    Kept,
    /// No: whoever asks has the journal summed.
    Summed,
}

/// How a gateway is to be started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The binary.
    pub binary: PathBuf,
    /// Where it keeps its key, its log and, with SQLite, its database.
    pub folder: PathBuf,
    /// `sqlite` where none is named: `postgres://…`.
    pub database_url: Option<String>,
    /// The stub's `host:port`.
    pub stub: String,
    /// A library that is loaded before all others.
    pub preload: Option<PathBuf>,
    /// Whether it keeps balances.
    pub balances: Balances,
}

/// Starts a stub of this program's own.
pub async fn start_stub() -> Result<Running, Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["stub", "--port", "0"])
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let out = child.stdout.take().ok_or("the stub has no output")?;
    let mut address = String::new();
    BufReader::new(out).read_line(&mut address).await?;
    let pid = child.id().ok_or("the stub has ended")?;
    Ok(Running { child, address: address.trim().to_owned(), pid })
}

/// Starts a gateway on a free port. Says how long it took until it was ready.
pub async fn start(how: &Start) -> Result<(Running, Duration), Failure> {
    std::fs::create_dir_all(&how.folder)?;
    let address = format!("127.0.0.1:{}", ducat_test_servers::free_port());
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log(&how.folder))?;
    let mut command = Command::new(&how.binary);
    settings(&mut command, how);
    command.arg("serve").env("DUCAT_LISTEN", &address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    if let Some(library) = &how.preload {
        command.env("LD_PRELOAD", library);
    }
    let begun = Instant::now();
    let child = command.spawn()?;
    let pid = child.id().ok_or("the gateway has ended")?;
    let mut running = Running { child, address, pid };
    while !is_ready(&running.address).await {
        if let Some(status) = running.child.try_wait()? {
            return Err(format!("the gateway has ended ({status}): {}", last_words(&how.folder)).into());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("the gateway is not ready after {PATIENCE:?}: {}", last_words(&how.folder)).into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    let took = begun.elapsed();
    if how.preload.as_ref().is_some_and(|library| !disk::is_loaded(pid, library)) {
        return Err("the gateway runs without the emulated disk: is it linked statically?".into());
    }
    Ok((running, took))
}

/// The settings of a gateway, for any of its verbs. Nothing of this process's own settings reaches it.
pub fn settings(command: &mut Command, how: &Start) {
    command
        .current_dir(&how.folder)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(|name| !name.starts_with("DUCAT_"))))
        .env("DUCAT_DATA_DIR", &how.folder)
        .env("DUCAT_SANDBOX", "off")
        .env("DUCAT_STRIPE_API_KEY", "sk_test_bench")
        .env("DUCAT_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .env("DUCAT_STRIPE_API_BASE", format!("http://{}", how.stub))
        .env("DUCAT_BOOTSTRAP_API_KEY", API_KEY)
        .env("DUCAT_MASTER_KEY", hex::encode(MASTER_KEY))
        .env("DUCAT_RATE_LIMIT_PER_SECOND", NO_LIMIT)
        .env("DUCAT_RATE_LIMIT_BURST", NO_LIMIT)
        // No load balancer has to see that it goes.
        .env("DUCAT_DRAIN_MS", "0")
        // The receivers of webhooks are here.
        .env("DUCAT_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8");
    if how.balances == Balances::Summed {
        command.env("DUCAT_BALANCES", "summed");
    }
    if let Some(url) = &how.database_url {
        command.env("DUCAT_DATABASE_URL", url);
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// The end of a gateway's log.
pub fn last_words(folder: &Path) -> String {
    const LINES: usize = 5;
    let text = std::fs::read(log(folder)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().rev().take(LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

impl Running {
    /// Lets it finish what it has begun, and ends it.
    pub async fn end(mut self) -> Result<(), Failure> {
        Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        if status.success() { Ok(()) } else { Err(format!("it ended with {status}").into()) }
    }
}

async fn is_ready(address: &str) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    let answer = connection.ask(b"GET /readyz HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

/// What is driven: these nodes, which keep their payments in one database.
pub async fn target(nodes: &[&Running]) -> Result<Target, Failure> {
    let first = nodes.first().ok_or("no gateway runs")?;
    let accounts = get(&first.address, "/v1/psp_accounts").await?;
    let url = accounts["data"][0]["webhook_url"].as_str().ok_or("the gateway has no account at a PSP")?;
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).ok_or("an address without a path")?;
    Ok(Target {
        nodes: nodes.iter().map(|node| node.address.clone()).collect(),
        key: API_KEY.to_owned(),
        webhook_path: format!("/{}", path.1),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
    })
}

/// Asks a node's API.
pub async fn get(address: &str, path: &str) -> Result<Value, Failure> {
    let mut connection = Connection::open(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {API_KEY}\r\n\r\n");
    read(&mut connection, path, &request).await
}

/// Tells a node's API something.
pub async fn post(address: &str, path: &str, body: &str) -> Result<Value, Failure> {
    let mut connection = Connection::open(address).await?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {API_KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    read(&mut connection, path, &request).await
}

async fn read(connection: &mut Connection, path: &str, request: &str) -> Result<Value, Failure> {
    let answer = connection.ask(request.as_bytes()).await?;
    if !(200..300).contains(&answer.status()) {
        return Err(format!("{path}: {}: {}", answer.first_line, String::from_utf8_lossy(answer.body)).into());
    }
    Ok(serde_json::from_slice(answer.body)?)
}
