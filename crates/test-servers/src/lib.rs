//! Only for tests: a PostgreSQL server that lives as long as the test's process, and databases in it; a pooler before it; and free ports for
//! other servers.
//!
//! The server is started by the first test that asks for it. It belongs to a shell that waits for its standard input to close, which it
//! does however the test's process ends; the shell then ends the server and removes its files.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

mod pooler;
mod port;

pub use pooler::Pooler;
pub use port::free_port;

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);
/// How long a program may take that is run beside it, such as `initdb` or `psql`.
const PROGRAM: Duration = Duration::from_secs(120);
/// The user that runs the server where the tests run as root, which PostgreSQL refuses.
const USER: &str = "postgres";

/// Settings of a server whose data nobody needs tomorrow.
const SETTINGS: &str = "-c fsync=off -c full_page_writes=off -c max_connections=400 -c shared_buffers=128MB -c listen_addresses=127.0.0.1 \
     -c max_prepared_transactions=10 -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0";

/// Settings of a server that others follow.
pub const FOLLOWED: &str = "-c fsync=off -c max_connections=200 -c shared_buffers=64MB -c listen_addresses=127.0.0.1 -c autovacuum=off \
     -c wal_level=replica -c max_wal_senders=4 -c hot_standby=on";

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where it listens on loopback.
    pub port: u16,
    /// Its own folder.
    pub folder: PathBuf,
    // Its standard input is the rope by which the server hangs.
    _keeper: Child,
}

/// The server of this process.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(SETTINGS))
}

/// The address of a new, empty database.
pub fn database() -> String {
    server().database("template0")
}

/// The address of a new database that is like the one that `make` makes once, at the address that it is given.
pub fn database_like(make: impl FnOnce(&str)) -> String {
    static MODEL: OnceLock<String> = OnceLock::new();
    let server = server();
    let model = MODEL.get_or_init(|| {
        let url = server.database("template0");
        make(&url);
        url.rsplit('/').next().expect("a name").to_owned()
    });
    server.database(model)
}

impl Server {
    /// Starts a server with these settings.
    pub fn start(settings: &str) -> Self {
        let folder = folder();
        run(as_user(&programs().join("initdb")).arg("-D").arg(folder.join("data")).args([
            "--username=ducat",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]));
        Self::run(folder, settings)
    }

    /// Starts a server that follows this one, with the settings of [`FOLLOWED`]; from now on this one commits nothing that the other does
    /// not have.
    pub fn follower(&self) -> Self {
        let folder = folder();
        let port = self.port.to_string();
        run(as_user(&programs().join("pg_basebackup")).arg("-D").arg(folder.join("data")).args([
            "-h",
            "127.0.0.1",
            "-U",
            "ducat",
            "-p",
            &port,
            "--write-recovery-conf",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-sync",
        ]));
        let follower = Self::run(folder, FOLLOWED);
        self.run_sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.run_sql("postgres", "SELECT pg_reload_conf()");
        follower
    }

    /// It leads from now on.
    pub fn promote(&self) {
        self.run_sql("postgres", "SELECT pg_promote()");
    }

    /// Ends the server as a power cut does: all of its processes at once.
    pub fn kill(&self) {
        let pid = self.pid();
        let script = format!("kill -STOP {pid}; pkill -KILL -P {pid}; kill -KILL {pid}");
        run(Command::new("sh").args(["-c", &script]));
    }

    /// Stops all of the server's processes without ending them: it takes connections, and answers nothing any more.
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    /// It goes on where it was frozen.
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, signal: &str) {
        let pid = self.pid();
        // The first first: it must not begin another one meanwhile.
        run(Command::new("sh").args(["-c", &format!("kill -{signal} {pid}; pkill -{signal} -P {pid}")]));
    }

    /// The number of its first process.
    fn pid(&self) -> String {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("its number");
        pid.lines().next().expect("its number").to_owned()
    }

    fn run(folder: PathBuf, settings: &str) -> Self {
        let port = free_port();
        let server = as_user(&programs().join("postgres"));
        let words: Vec<String> =
            std::iter::once(server.get_program()).chain(server.get_args()).map(|w| w.to_string_lossy().into_owned()).collect();
        let shown = folder.display();
        let script = format!(
            "{} -D {shown}/data -p {port} -k {shown} {settings} >{shown}/log 2>&1 & server=$!; read _; kill -QUIT $server 2>/dev/null; kill -CONT $server 2>/dev/null; wait; rm -rf {shown}",
            words.join(" ")
        );
        let keeper = Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().expect("sh");
        let server = Self { port, folder, _keeper: keeper };
        let begun = Instant::now();
        while !server.answers() {
            let log = || std::fs::read_to_string(server.folder.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < START, "PostgreSQL does not answer at port {port} within {START:?}: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Its address, with the name of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://ducat@127.0.0.1:{}/{database}", self.port)
    }

    /// The address of a new database, made like another one.
    pub fn database(&self, like: &str) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("d{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.run_sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {like} STRATEGY FILE_COPY"));
        self.url(&name)
    }

    /// Runs SQL as somebody who may do everything.
    pub fn run_sql(&self, database: &str, sql: &str) {
        let mut psql = Command::new(programs().join("psql"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &self.url(database)]);
        let out = answer(&mut psql, sql);
        assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
    }

    fn answers(&self) -> bool {
        let port = self.port.to_string();
        let knock = Command::new(programs().join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
        knock.is_ok_and(|status| status.success())
    }
}

/// Where the server's programs lie: the newest version there is, 15 at the least.
pub fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let numbers = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    match numbers.filter(|version| *version >= 15).max() {
        Some(version) => PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")),
        None => panic!("PostgreSQL 15 or later is needed for the tests: tests/install installs it"),
    }
}

/// A new folder that the server's user may write.
fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("ducat-postgres-").tempdir().expect("a folder").keep();
    if is_root() {
        run(Command::new("chown").arg(USER).arg(&folder));
    }
    folder
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0")
}

fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let out = answer(command, "");
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// What a program says that is given this as its input.
///
/// # Panics
/// Where it cannot be run, or has not ended after two minutes; then it is killed.
pub fn answer(command: &mut Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (pid, input, mut ear) = (child.id().to_string(), input.to_owned(), child.stdin.take().expect("its input"));
    let (tell, hear) = mpsc::channel();
    std::thread::spawn(move || {
        // Whoever ends before it has read everything says why.
        drop(ear.write_all(input.as_bytes()));
        drop(ear);
        drop(tell.send(child.wait_with_output()));
    });
    if let Ok(out) = hear.recv_timeout(PROGRAM) {
        return out.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    }
    drop(Command::new("kill").args(["-KILL", &pid]).status());
    panic!("waited in vain until this ended, for {PROGRAM:?}: {command:?}")
}
