//! A real server of our own: Valkey, or the Redis of an older Debian. It keeps nothing, and is started, stopped and killed at will.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server while it runs. Dropping it kills it.
pub struct Valkey {
    port: u16,
    more: Vec<String>,
    folder: tempfile::TempDir,
    child: Child,
}

impl Valkey {
    /// A server on a free port.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings of its own.
    pub fn start_with(more: &[&str]) -> Self {
        let port = ducat_test_servers::free_port();
        let folder = tempfile::tempdir().unwrap();
        let more: Vec<String> = more.iter().map(|&setting| setting.to_owned()).collect();
        let child = run(port, folder.path(), &more);
        Self { port, more, folder, child }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it: what it held is lost.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was, empty.
    pub fn start_again(&mut self) {
        self.child = run(self.port, self.folder.path(), &self.more);
    }

    /// It lives, and does nothing until it is told to go on.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap().success());
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(port: u16, folder: &Path, more: &[String]) -> Child {
    let port_text = port.to_string();
    let log = folder.join("log");
    let mut settings = vec!["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"];
    settings.push(folder.to_str().unwrap());
    let begin = |program: &str| {
        let file = std::fs::File::create(&log).unwrap();
        Command::new(program).args(&settings).args(more).stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn()
    };
    let child = begin("valkey-server").or_else(|_| begin("redis-server")).expect("valkey-server or redis-server: tests/install");
    let begun = Instant::now();
    while !answers(port) {
        assert!(begun.elapsed() < PATIENCE, "it does not start:\n{}", std::fs::read_to_string(&log).unwrap());
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn answers(port: u16) -> bool {
    use std::io::Read;
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut first = [0];
    // `+PONG`, or `-NOAUTH …`: it is there.
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut first).is_ok()
}
