//! Configuration: `ducat.toml` in the working folder, then `DUCAT_*`; every mistake is told at once.
//!
//! - `settings`: the one table of settings. It makes [`Config`], the example file and what `ducat doctor` shows.
//! - `values`: what a setting may be; `database`: where everything is kept. `file`, `environment`: the two places it may come from.
//! - `mistakes`: what is wrong, where, and what was probably meant. `example`: the table as `ducat.example.toml`.

mod database;
mod environment;
mod example;
mod file;
mod mistakes;
mod rules;
mod settings;
mod values;

pub use database::Database;
pub use example::example;
pub use mistakes::Mistakes;
pub use settings::Config;
pub use values::{LogFormat, Toggle, api_key, balances, master_key, origin};

use settings::TABLE;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// The file that is read when none is named.
const FILE: &str = "ducat.toml";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A line of the file.
    File {
        /// The file as it was named.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment(name) => f.write_str(name),
        }
    }
}

/// A value as it was written, before anybody looked at it.
#[derive(Clone, Debug)]
struct Given {
    text: String,
    source: Source,
}

/// The values that were given, by the names of their settings.
type Gathered = BTreeMap<&'static str, Given>;

/// Reads the file (the named one must be there) and the environment.
pub fn load(named: Option<&Path>, environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Config, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut given = Gathered::new();
    let path = named.unwrap_or(Path::new(FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => file::gather(&path.display().to_string(), &text, &mut given, &mut mistakes),
        Err(e) if named.is_none() && e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => mistakes.add(format!("{}", path.display()), format!("cannot be read: {e}")),
    }
    environment::gather(environment, &mut given, &mut mistakes);
    let config = Config::read(&given, &mut mistakes);
    if let Some(config) = &config {
        rules::check(config, &mut mistakes);
    }
    config.filter(|_| mistakes.is_empty()).ok_or(mistakes)
}

#[cfg(test)]
mod tests;
