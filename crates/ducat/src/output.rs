//! Answers on standard output: tables for people, JSON for programs.

use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints a text with a line's end. A reader who closed the pipe (`| head`) is no failure.
pub fn say(text: &str) -> ExitCode {
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Prints JSON, indented.
pub fn say_json(value: &impl Serialize) -> Result<ExitCode, serde_json::Error> {
    Ok(say(&serde_json::to_string_pretty(value)?))
}

/// Rows under a head, each column as wide as its widest cell.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&head).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&head).chain(rows).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_its_columns_up() {
        let rows = [["one".to_owned(), "2".to_owned()], ["é".to_owned(), "three".to_owned()]];
        assert_eq!(table(["NAME", "N"], &rows), "NAME  N\none   2\né     three");
    }
}
