//! Answers on standard output: tables for people, JSON for programs.
//!
//! - `table`: columns and colours. `words`: amounts, moments and states as people read them.

mod table;
mod words;

pub use table::{Cell, Tone, paint, table};
pub use words::{amount, moment, tone_of};

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

/// Prints a text at once, although more is to come. Says whether anybody still reads.
pub fn say_on(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

/// Prints JSON, indented.
pub fn say_json(value: &impl Serialize) -> Result<ExitCode, serde_json::Error> {
    Ok(say(&serde_json::to_string_pretty(value)?))
}
