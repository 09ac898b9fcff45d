//! The real program in an empty folder: started, watched, ended gently or at once.

use super::http::Http;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long a verb may take that ends by itself: some wait for a PSP, or for a database that does not answer.
const VERB_AT_MOST: Duration = Duration::from_secs(120);

/// The program, ready to be run in a folder with settings from the environment.
#[derive(Clone, Debug)]
pub struct Program {
    pub folder: PathBuf,
    settings: BTreeMap<String, String>,
}

/// The program while it runs. Dropping it ends it at once.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Program {
    pub fn in_folder(folder: &Path) -> Self {
        // Nobody stands before a gateway of a test who would have to see that it ends.
        Self { folder: folder.to_owned(), settings: BTreeMap::new() }.with("DUCAT_DRAIN_MS", 0)
    }

    /// With this setting too.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.insert(name.to_owned(), value.to_string());
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ducat"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DUCAT_")) {
            command.env_remove(name);
        }
        command.current_dir(&self.folder).args(arguments).envs(&self.settings).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let number = child.id();
        let (end, ended) = mpsc::channel();
        std::thread::spawn(move || end.send(child.wait_with_output()));
        ended.recv_timeout(VERB_AT_MOST).map(Result::unwrap).unwrap_or_else(|_| {
            // It may end at this very moment.
            let _ = Command::new("kill").args(["-KILL", &number.to_string()]).status();
            panic!("{arguments:?} does not end within {VERB_AT_MOST:?}");
        })
    }

    /// Starts it. What it says on either stream is appended to `{name}.log` in its folder.
    pub fn start(&self, name: &str, arguments: &[&str]) -> Running {
        self.start_at(name, self.command(arguments))
    }

    /// The same with somebody at the keyboard.
    pub fn start_with_keyboard(&self, name: &str, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        self.start_at(name, command)
    }

    fn start_at(&self, name: &str, mut command: Command) -> Running {
        let log = self.folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Running { child, log }
    }
}

impl Running {
    /// Waits until this address answers 200.
    pub async fn until_ready(&mut self, http: &Http, url: &str) {
        let begun = Instant::now();
        while !http.get(url, None).await.is_ok_and(|answer| answer.status == 200) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended with {status}:\n{}", self.said());
            }
            assert!(begun.elapsed() < PATIENCE, "{url} does not answer:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it has said this.
    pub async fn until_said(&mut self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let said = self.said();
            if said.contains(text) {
                return said;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended with {status}:\n{said}");
            }
            assert!(begun.elapsed() < PATIENCE, "it does not say {text:?}:\n{said}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Presses Enter.
    pub fn press_enter(&mut self) {
        self.child.stdin.as_mut().expect("a keyboard").write_all(b"\n").unwrap();
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// SIGKILL: it gets no chance to do anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
