//! How far it is, on one line of the terminal; one line for each row where nobody looks.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Back to the beginning of the line, which is emptied (ECMA-48, EL).
const CLEAR_LINE: &str = "\r\x1b[K";
const WIDTH: usize = 30;

/// A bar over a known number of steps.
#[derive(Debug)]
pub struct Bar {
    steps: usize,
    done: Cell<usize>,
    begun: Instant,
    watched: bool,
}

impl Bar {
    /// Nothing is done yet.
    pub fn new(steps: usize) -> Self {
        Self { steps, done: Cell::new(0), begun: Instant::now(), watched: std::io::stderr().is_terminal() }
    }

    /// Shows what is under way.
    pub fn show(&self, what: &str) {
        if self.watched {
            eprint!("{CLEAR_LINE}{}", line(self.done.get(), self.steps, self.begun.elapsed().as_secs(), what));
            let _ = std::io::stderr().flush();
        }
    }

    /// So many are done.
    pub fn set(&self, done: usize, what: &str) {
        self.done.set(done);
        self.show(what);
    }

    /// One step more is done.
    pub fn step(&self, what: &str) {
        self.done.set(self.done.get() + 1);
        if self.watched {
            self.show(what);
        } else {
            eprintln!("{}/{} {what}", self.done.get(), self.steps);
        }
    }

    /// Leaves the terminal as it was.
    pub fn end(&self) {
        if self.watched {
            eprint!("{CLEAR_LINE}");
        }
    }
}

fn line(done: usize, steps: usize, seconds: u64, what: &str) -> String {
    let full = (WIDTH * done / steps.max(1)).min(WIDTH);
    let left = (done > 0).then(|| seconds * (steps.saturating_sub(done) as u64) / done as u64);
    let left = left.map_or_else(String::new, |left| format!(", about {}:{:02} left", left / 60, left % 60));
    format!("[{}{}] {done}/{steps}{left}  {what}", "#".repeat(full), " ".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_and_says_how_long_it_will_take() {
        assert_eq!(line(0, 4, 5, "a"), format!("[{}] 0/4  a", " ".repeat(30)));
        assert_eq!(line(1, 4, 40, "b"), format!("[{}{}] 1/4, about 2:00 left  b", "#".repeat(7), " ".repeat(23)));
        assert!(line(4, 4, 40, "c").starts_with(&format!("[{}]", "#".repeat(30))));
    }
}
