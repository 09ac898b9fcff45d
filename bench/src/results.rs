//! What a run leaves behind: `<date>.json`, and `latest` as JSON, Markdown and a plot.

use crate::facts::Facts;
use crate::figures::Beside;
use crate::measure::Line;
use crate::{Failure, long, plot, table};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The machine.
    pub facts: Facts,
    /// How many rounds there were.
    pub rounds: u32,
    /// How long a row was measured, in seconds.
    pub seconds: u64,
    /// How long it ran before.
    pub warm_up: u64,
    /// Every row of every round on every disk.
    pub lines: Vec<Line>,
    /// What is known beside them.
    pub beside: Beside,
}

/// Writes everything into the folder.
pub fn write(results: &Results, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let long = long::latest(folder);
    let json = serde_json::to_string_pretty(results)? + "\n";
    let day = results.facts.date.split(' ').next().unwrap_or("undated");
    std::fs::write(folder.join(format!("{day}.json")), &json)?;
    std::fs::write(folder.join("latest.json"), &json)?;
    std::fs::write(folder.join("latest.md"), table::page(results, long.as_ref()))?;
    std::fs::write(folder.join("latest.svg"), plot::picture(&results.lines))?;
    Ok(())
}
