//! PgBouncer in transaction mode, which gives each transaction whichever connection is free.

use crate::free_port;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many connections to the server it has: fewer than a gateway has to it.
const CONNECTIONS: u32 = 3;
/// How long it may take to start.
const START: Duration = Duration::from_secs(30);

/// A pooler that runs until it is dropped.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Pooler {
    /// A pooler before the server of this address.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn before(url: &str) -> Self {
        Self::ignoring(url, "extra_float_digits")
    }

    /// One that takes settings at the start of a connection, and forgets them.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn dropping_options(url: &str) -> Self {
        Self::ignoring(url, "extra_float_digits,options")
    }

    fn ignoring(url: &str, parameters: &str) -> Self {
        let server = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).expect("a server on loopback");
        let port_of_server = server.rsplit(':').next().expect("its port");
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={port_of_server} user=ducat\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = {CONNECTIONS}\nmax_client_conn = 200\n\
             ignore_startup_parameters = {parameters}\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("its settings");
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0");
        let mut command = Command::new("pgbouncer");
        if is_root {
            // It refuses to run as root.
            let open = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status();
            assert!(open.is_ok_and(|status| status.success()));
            command = Command::new("setpriv");
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "pgbouncer"]);
        }
        let process = command.arg("-q").arg(&file).stdin(Stdio::null()).spawn().expect("pgbouncer: tests/install installs it");
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < START, "PgBouncer does not answer at port {port} within {START:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, port, _folder: folder }
    }

    /// The same database, through the pooler.
    pub fn url(&self, url: &str) -> String {
        format!("postgres://ducat@127.0.0.1:{}/{}", self.port, url.rsplit('/').next().expect("a database"))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
