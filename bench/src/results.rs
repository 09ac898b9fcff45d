//! What a run leaves behind: `latest` as JSON, Markdown and a plot.

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
    std::fs::write(folder.join("latest.json"), json(results)?)?;
    std::fs::write(folder.join("latest.md"), table::page(results, &long))?;
    std::fs::write(folder.join("latest.svg"), plot::picture(&results.lines))?;
    Ok(())
}

/// As JSON, a line for each row.
fn json(results: &Results) -> Result<String, Failure> {
    let rows = results.lines.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?.join(",\n");
    let around = serde_json::to_string(&Results { lines: Vec::new(), ..results.clone() })?;
    Ok(around.replacen("\"lines\":[]", &format!("\"lines\":[\n{rows}\n]"), 1) + "\n")
}

/// What a run left in the folder, shown again with the long runs that came after it.
pub fn show(folder: &Path, page: Option<&Path>) -> Result<(), Failure> {
    let latest = folder.join("latest.json");
    let text = std::fs::read(&latest).map_err(|e| format!("{}: {e}", latest.display()))?;
    let mut results: Results = serde_json::from_slice(&text)?;
    results.beside.long = long::latest(folder).iter().filter_map(long::Told::said).collect();
    write(&results, folder)?;
    page.map_or(Ok(()), |page| show_in(&results, page))
}

/// Between these lines of a page stands what the latest run has shown.
const BEGIN: &str = "<!-- bench: what stands here is written by `make bench` -->";
const END: &str = "<!-- /bench -->";

/// Writes the figures and the plot into a page that has a place for them.
pub fn show_in(results: &Results, page: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(page).map_err(|e| format!("{}: {e}", page.display()))?;
    let text = with(&text, &short(results)).ok_or_else(|| format!("{} has no place for the results", page.display()))?;
    Ok(std::fs::write(page, text)?)
}

/// What a page shows of a run: when and where, the plot, the figures.
fn short(results: &Results) -> String {
    let facts = &results.facts;
    format!(
        "{}, commit {}, {} × {}, PostgreSQL {}, SQLite {}; [every row](bench/results/latest.md).\n\n![Full payments a second as multiples of the bare SQL](bench/results/latest.svg)\n{}",
        facts.date,
        facts.commit,
        facts.cores,
        facts.cpu,
        facts.postgres,
        facts.sqlite,
        table::judged(&results.lines, &results.beside).replacen("\n## Figures\n", "", 1),
    )
}

/// The page with this in its place.
fn with(page: &str, shown: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", shown.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_place_for_results_changes_however_often() {
        let page = format!("# A\n\n{BEGIN}\nold\n{END}\n\n# B\n");
        let once = with(&page, "new\n").expect("a place");
        assert_eq!(once, format!("# A\n\n{BEGIN}\n\nnew\n\n{END}\n\n# B\n"));
        assert_eq!(with(&once, "new").expect("a place"), once);
        assert_eq!(with("# A\n", "new"), None);
    }

    #[test]
    fn the_readme_has_a_place_for_results() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        assert!(with(&std::fs::read_to_string(readme).expect("the README"), "new").is_some());
    }
}
