//! Tables: columns as wide as their widest cell, and a little colour where a person watches.

use std::io::IsTerminal;
use std::sync::OnceLock;

/// What a cell's colour says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Under way.
    Open,
    /// Not as somebody wished.
    Bad,
    /// Beside the point.
    Faint,
}

/// To which side a cell leans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Side {
    #[default]
    Left,
    Right,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    tone: Tone,
    side: Side,
}

impl Cell {
    /// A cell whose colour says something.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, side: Side::Left }
    }

    /// A cell that leans to the right, as numbers do.
    pub fn right(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, side: Side::Right }
    }

    fn padded(&self, width: usize, colours: Colours) -> String {
        let space = " ".repeat(width.saturating_sub(self.text.chars().count()));
        let text = colours.paint(&self.text, self.tone);
        match self.side {
            Side::Left => text + &space,
            Side::Right => space + &text,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colours {
    On,
    Off,
}

impl Colours {
    /// On a terminal whose owner has not said no (<https://no-color.org>).
    fn of_standard_output() -> Self {
        static FOUND: OnceLock<Colours> = OnceLock::new();
        *FOUND.get_or_init(|| {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            if std::io::stdout().is_terminal() && !refused && !dumb { Self::On } else { Self::Off }
        })
    }

    fn paint(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Open => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
        };
        if self == Self::Off || text.is_empty() { text.to_owned() } else { format!("\u{1b}[{code}m{text}\u{1b}[0m") }
    }
}

/// A text in the colour of its tone, where colours are used.
pub fn paint(text: &str, tone: Tone) -> String {
    Colours::of_standard_output().paint(text, tone)
}

/// Rows under a head, each column as wide as its widest cell.
pub fn table<const N: usize, C: Clone + Into<Cell>>(head: [&str; N], rows: &[[C; N]]) -> String {
    let rows: Vec<[Cell; N]> = rows.iter().map(|row| row.clone().map(Into::into)).collect();
    lay_out(head, &rows, Colours::of_standard_output())
}

fn lay_out<const N: usize>(head: [&str; N], rows: &[[Cell; N]], colours: Colours) -> String {
    let mut head = head.map(Cell::from);
    if let Some(first) = rows.first() {
        head.iter_mut().zip(first).for_each(|(title, cell)| title.side = cell.side);
    }
    let all = || std::iter::once(&head).chain(rows);
    let mut widths = [0; N];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    let line = |row: &[Cell; N]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| cell.padded(width, colours)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    all().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_its_columns_up() {
        let rows = [["one".to_owned(), "2".to_owned()], ["é".to_owned(), "three".to_owned()]];
        assert_eq!(table(["NAME", "N"], &rows), "NAME  N\none   2\né     three");
    }

    #[test]
    fn amounts_lean_to_the_right_and_colours_take_no_room() {
        let rows = [
            [Cell::right("4.99 EUR"), Cell::toned("paid", Tone::Good), "a".into()],
            [Cell::right("1000 JPY"), Cell::toned("x", Tone::Bad), "b".into()],
            [Cell::right("12345.00 EUR"), Cell::from(""), "c".into()],
        ];
        let plain = "      AMOUNT  STATE  ID\n    4.99 EUR  paid   a\n    1000 JPY  x      b\n12345.00 EUR         c";
        assert_eq!(lay_out(["AMOUNT", "STATE", "ID"], &rows, Colours::Off), plain);
        let coloured = lay_out(["AMOUNT", "STATE", "ID"], &rows, Colours::On);
        assert!(
            coloured.contains("\u{1b}[32mpaid\u{1b}[0m   a") && coloured.contains("\u{1b}[31mx\u{1b}[0m      b"),
            "{coloured}"
        );
    }
}
