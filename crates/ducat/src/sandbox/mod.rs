//! The sandbox as a part of the program: `ducat sandbox` alone, or inside `ducat serve`. Its world is kept in the data folder, so that
//! a restart finds the same sessions and payments.
//!
//! - `keep`: writes the world down.

mod keep;

use crate::config::Config;
use crate::signals::{Stop, told_to_end};
use crate::system::{SystemChance, SystemClock};
use crate::{Failure, output, wiring};
use ducat_sandbox::{Sandbox, Settings};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A sandbox that runs.
pub struct Running {
    /// Where its API and its payment page are, for programs on this machine.
    pub base: String,
    sandbox: Arc<Sandbox>,
    tasks: Vec<JoinHandle<()>>,
}

/// Runs the sandbox alone until a signal ends it.
pub async fn run(config: Config) -> Result<ExitCode, Failure> {
    let stop = Stop::new();
    let running = start(&config, &stop).await?;
    output::say(&format!("The Stripe sandbox is at {}. Any sk_test_… key opens its own account.", running.base));
    let signal = told_to_end().await?;
    tracing::info!(signal, "stopping");
    stop.say();
    running.end(config.shutdown_timeout_ms).await;
    Ok(ExitCode::SUCCESS)
}

/// Starts it; it ends when `stop` is said.
pub async fn start(config: &Config, stop: &Stop) -> Result<Running, Failure> {
    let wanted = SocketAddr::new(config.sandbox_host, config.sandbox_port);
    let listener = bind(wanted, "DUCAT_SANDBOX_PORT").await?;
    let port = listener.local_addr()?.port();
    let base = format!("http://{}", SocketAddr::new(wiring::reachable(config.sandbox_host), port));
    let public_url = config.sandbox_public_url.clone().unwrap_or_else(|| base.clone());
    let sandbox = Sandbox::new(Arc::new(SystemClock), Arc::new(SystemChance), Settings { public_url });
    wiring::make_folder(config)?;
    let path = config.data_dir.join("sandbox.json");
    load(&sandbox, &path)?;
    // It is written down for the last time when the last request has been answered.
    let served = Stop::new();
    let (keeper, keeping) = keep::into_file(Arc::clone(&sandbox), path, served.said());
    let serving = tokio::spawn(serve(listener, Arc::clone(&sandbox), keeper, stop.clone(), served));
    let keeping = tokio::spawn(keeping);
    Ok(Running { base, sandbox, tasks: vec![serving, keeping] })
}

impl Running {
    /// Whether some account of the sandbox sends its messages to this address.
    pub fn knows(&self, url: &str) -> bool {
        holds(&self.sandbox.snapshot(), url)
    }

    /// Waits until it has ended and its world is written down, but not for ever.
    pub async fn end(self, patience: Duration) {
        for mut task in self.tasks {
            if tokio::time::timeout(patience, &mut task).await.is_err() {
                tracing::warn!("the sandbox did not end in time");
                task.abort();
            }
        }
    }
}

/// Listens, or says in one line why not and what to do.
pub async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use by another program: stop it, or choose another with {setting}").into()
        }
        _ => format!("cannot listen on {address}: {e}").into(),
    })
}

async fn serve(listener: TcpListener, sandbox: Arc<Sandbox>, keeper: Arc<keep::Ask>, stop: Stop, served: Stop) {
    if let Err(error) = ducat_sandbox::serve_kept(listener, sandbox, keeper, stop.said()).await {
        tracing::error!(%error, "the sandbox ended");
    }
    served.say();
}

fn load(sandbox: &Sandbox, path: &Path) -> Result<(), Failure> {
    match std::fs::read(path) {
        Ok(bytes) => sandbox
            .load(&bytes)
            .map_err(|e| format!("{}: {e}; remove the file to begin with an empty sandbox", path.display()).into()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(format!("{}: {e}", path.display()).into()),
    }
}

fn holds(world: &serde_json::Value, text: &str) -> bool {
    match world {
        serde_json::Value::String(one) => one == text,
        serde_json::Value::Array(all) => all.iter().any(|one| holds(one, text)),
        serde_json::Value::Object(all) => all.values().any(|one| holds(one, text)),
        _ => false,
    }
}
