//! The sandbox as a part of the program: `ducat sandbox` alone, or inside `ducat serve`. Its world is kept in the data folder, so that
//! a restart finds the same sessions and payments.

use crate::config::Config;
use crate::signals::{Stop, told_to_end};
use crate::system::{SystemChance, SystemClock};
use crate::{Failure, files, output, wiring};
use ducat_sandbox::{Sandbox, Settings};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How often the world is looked at; it is written only when it changed.
const SAVE_EVERY: Duration = Duration::from_secs(2);

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
    files::make_folder(&config.data_dir).map_err(|e| format!("{}: {e}", config.data_dir.display()))?;
    let path = config.data_dir.join("sandbox.json");
    load(&sandbox, &path)?;
    let serving = tokio::spawn(serve(listener, Arc::clone(&sandbox), stop.said()));
    let saving = tokio::spawn(keep(Arc::clone(&sandbox), path, stop.said()));
    Ok(Running { base, sandbox, tasks: vec![serving, saving] })
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

async fn serve(listener: TcpListener, sandbox: Arc<Sandbox>, stop: impl Future<Output = ()> + Send + 'static) {
    if let Err(error) = ducat_sandbox::serve(listener, sandbox, stop).await {
        tracing::error!(%error, "the sandbox ended");
    }
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

/// Writes the world down whenever it changed, and a last time at the end.
async fn keep(sandbox: Arc<Sandbox>, path: PathBuf, stop: impl Future<Output = ()> + Send) {
    tokio::pin!(stop);
    let mut written = Vec::new();
    loop {
        let last = tokio::select! {
            () = &mut stop => true,
            () = tokio::time::sleep(SAVE_EVERY) => false,
        };
        let (sandbox, path) = (Arc::clone(&sandbox), path.clone());
        // Writing down and syncing take their time: not on the threads that answer requests.
        let saved = tokio::task::spawn_blocking(move || save(&sandbox, &path, written)).await;
        match saved {
            Ok(world) if !last => written = world,
            _ => return,
        }
    }
}

/// Gives back what is on the disk now.
fn save(sandbox: &Sandbox, path: &Path, written: Vec<u8>) -> Vec<u8> {
    let world = sandbox.save();
    if world == written {
        return written;
    }
    match files::write_private(path, &world) {
        Ok(()) => world,
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "the sandbox cannot be written down");
            written
        }
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
