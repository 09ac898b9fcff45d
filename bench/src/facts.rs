//! On what was measured: the machine, and the versions of what ran on it.

use crate::postgres::said;
use crate::sqlite;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tokio::process::Command;

/// The machine and what ran on it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// When, in UTC.
    pub date: String,
    /// Which commit of this repository; with a mark where files were changed since.
    pub commit: String,
    /// The processor's name.
    pub cpu: String,
    /// How many there are.
    pub cores: usize,
    /// Memory in MiB.
    pub memory: u64,
    /// The kernel's version.
    pub kernel: String,
    /// What lies under the folder of the plain disk: device and file system.
    pub disk: String,
    /// PostgreSQL's version.
    pub postgres: String,
    /// The version of SQLite that is built in.
    pub sqlite: String,
    /// Rust's version.
    pub rust: String,
}

/// Gathers what can be told without a server.
pub async fn gather(plain: &Path) -> Facts {
    let info = read("/proc/cpuinfo");
    let field =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.split_once(':').map(|(_, value)| value.trim()));
    let memory = read("/proc/meminfo");
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    let plain = plain.display().to_string();
    let disk = tell("df", &["--output=source,fstype", &plain]).await;
    Facts {
        date: tell("date", &["-u", "+%Y-%m-%d %H:%M"]).await,
        commit: tell("git", &["describe", "--always", "--dirty", "--abbrev=12"]).await,
        cpu: field("model name").unwrap_or_default().to_owned(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory: kib.unwrap_or(0) / 1024,
        kernel: tell("uname", &["-r"]).await,
        disk: disk.lines().last().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
        postgres: String::new(),
        sqlite: sqlite::version(),
        rust: tell("rustc", &["--version"]).await,
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

async fn tell(program: &str, arguments: &[&str]) -> String {
    said(Command::new(program).args(arguments)).await.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}
