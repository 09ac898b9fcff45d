//! A PostgreSQL server of our own, in a folder that is thrown away: as it comes, with commits that wait for the disk.

use crate::Failure;
use crate::disk;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How it differs from a server as it comes. Commits wait for the disk; the rest gives it room for the load.
const SETTINGS: &[&str] = &[
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "max_connections=200",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
];
/// Who runs it: the server refuses to run as root.
const USER: &str = "postgres";
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running server, killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Its first process.
    pub pid: u32,
}

/// Makes a database cluster in the folder and starts a server on it.
pub async fn start(folder: &Path, preload: Option<&Path>) -> Result<Server, Failure> {
    let bin = binaries().await?;
    disk::open_folder(folder)?;
    if runs_as_root() {
        done(Command::new("chown").arg(USER).arg(folder)).await?;
    }
    let data = folder.join("data");
    let mut init = as_user(&bin.join("initdb"));
    done(init.arg("-D").arg(&data).args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])).await?;
    let port = ducat_test_servers::free_port();
    let mut command = as_user(&bin.join("postgres"));
    command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    let log = std::fs::File::create(folder.join("log"))?;
    let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true).spawn()?;
    let pid = child.id().ok_or("PostgreSQL has ended")?;
    let server = Server { child, bin, folder: folder.to_owned(), port, pid };
    server.wait().await?;
    // Otherwise the emulated disk would miss its syncs.
    let method = server.ask("postgres", "SHOW wal_sync_method").await?;
    if method != "fdatasync" {
        return Err(format!("wal_sync_method is {method}, and the emulated disk expects fdatasync").into());
    }
    if preload.is_some_and(|library| !disk::is_loaded(pid, library)) {
        return Err("PostgreSQL runs without the emulated disk".into());
    }
    Ok(server)
}

impl Server {
    async fn wait(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.ask("postgres", "SELECT 1").await.is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("PostgreSQL does not start: {}", self.folder.join("log").display()).into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// One of its programs, told where the server is.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string()).env("PGUSER", USER).stdin(Stdio::null());
        command.kill_on_drop(true);
        command
    }

    /// Runs SQL, and gives back the single value that it says.
    pub async fn ask(&self, database: &str, sql: &str) -> Result<String, Failure> {
        let out = said(self.program("psql").args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql])).await?;
        Ok(out.trim().to_owned())
    }

    /// An empty database of this name, and its address.
    pub async fn fresh(&self, name: &str) -> Result<String, Failure> {
        self.ask("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        self.ask("postgres", &format!("CREATE DATABASE {name}")).await?;
        Ok(format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port))
    }

    /// The size of a database in bytes, once everything is written.
    pub async fn size(&self, database: &str) -> Result<u64, Failure> {
        self.ask("postgres", "CHECKPOINT").await?;
        Ok(self.ask("postgres", &format!("SELECT pg_database_size('{database}')")).await?.parse()?)
    }

    /// Its version.
    pub async fn version(&self) -> Result<String, Failure> {
        self.ask("postgres", "SHOW server_version").await
    }

    /// Ends it, and removes its data.
    pub async fn end(mut self) -> Result<(), Failure> {
        // SIGINT is its fast shutdown.
        done(Command::new("kill").args(["-INT", &self.pid.to_string()])).await?;
        tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        Ok(std::fs::remove_dir_all(&self.folder)?)
    }
}

/// Where PostgreSQL's programs are: the newest that is installed.
async fn binaries() -> Result<PathBuf, Failure> {
    const DEBIAN: &str = "/usr/lib/postgresql";
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    if let Some(version) = newest {
        return Ok(PathBuf::from(format!("{DEBIAN}/{version}/bin")));
    }
    let told = said(Command::new("pg_config").arg("--bindir")).await;
    told.map(|folder| folder.trim().into()).map_err(|_| "PostgreSQL is not installed".into())
}

fn runs_as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn as_user(program: &Path) -> Command {
    if !runs_as_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]).arg(program);
    command
}

async fn done(command: &mut Command) -> Result<(), Failure> {
    said(command).await.map(drop)
}

/// What a program says; what it says of a failure is the failure.
pub async fn said(command: &mut Command) -> Result<String, Failure> {
    let out = command.output().await.map_err(|e| format!("{:?}: {e}", command.as_std().get_program()))?;
    if !out.status.success() {
        let why = String::from_utf8_lossy(&out.stderr);
        return Err(format!("{:?}: {}", command.as_std().get_program(), why.trim()).into());
    }
    Ok(String::from_utf8(out.stdout)?)
}
