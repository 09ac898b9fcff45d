//! The plot: what each row does as a multiple of the bare SQL, with the marks that it must reach and those that it aims at. Colours fit
//! light and dark pages.

use crate::disk::Disk;
use crate::figures::{median, ratio};
use crate::measure::Line;
use std::fmt::Write;

/// What a row must reach, and what it aims at, in thousandths of R.
type Marks = (i64, i64);

/// Rows of the plot: name, title, what it must reach, what it aims at.
const BARS: [(&str, &str, Option<Marks>); 7] = [
    ("textbook", "bare SQL (R)", None),
    ("sqlite-32", "SQLite, 32 in flight", Some((600, 1_000))),
    ("sqlite-256", "SQLite, 256 in flight", Some((1_500, 2_500))),
    ("postgres-32", "PostgreSQL, 32 in flight", Some((800, 1_200))),
    ("postgres-256", "PostgreSQL, 256 in flight", Some((1_500, 2_500))),
    ("postgres-32-2-nodes", "2 nodes, 32 in flight", None),
    ("postgres-256-2-nodes", "2 nodes, 256 in flight", None),
];
const DISKS: [(Disk, &str); 3] = [(Disk::Emulated, "judged"), (Disk::Memory, "memory"), (Disk::Plain, "plain")];

/// Pixels.
const LEFT: i64 = 190;
const WIDTH: i64 = 760;
const RIGHT: i64 = 70;
const TOP: i64 = 64;
const BAR: i64 = 11;
const GAP: i64 = 14;

/// The plot as SVG.
pub fn picture(lines: &[Line]) -> String {
    let groups: Vec<_> = BARS.iter().map(|bar| (bar, DISKS.map(|(disk, class)| (class, value(lines, bar.0, disk))))).collect();
    let groups: Vec<_> = groups.into_iter().filter(|(_, values)| values.iter().any(|(_, value)| value.is_some())).collect();
    let limits = groups.iter().filter_map(|(bar, _)| bar.2.map(|(_, aim)| aim));
    let largest = groups.iter().flat_map(|(_, values)| values.iter().filter_map(|(_, value)| *value)).chain(limits).max();
    let scale = Scale { largest: largest.unwrap_or(1_000).max(1_000) };
    let group = 3 * BAR + GAP;
    let height = TOP + i64::try_from(groups.len()).unwrap_or(0) * group + 40;
    let mut svg = head(height);
    for (index, (bar, values)) in groups.iter().enumerate() {
        let y = TOP + i64::try_from(index).unwrap_or(0) * group;
        put(&mut svg, format_args!(r#"<text class="name" x="{}" y="{}">{}</text>"#, LEFT - 10, y + 2 * BAR, bar.1));
        for (line, (class, value)) in (0_i64..).zip(values) {
            let Some(value) = value else { continue };
            let (y, x) = (y + line * BAR, scale.x(*value));
            put(
                &mut svg,
                format_args!(r#"<rect class="{class}" x="{LEFT}" y="{y}" width="{}" height="{}"/>"#, (x - LEFT).max(1), BAR - 2),
            );
            put(
                &mut svg,
                format_args!(
                    r#"<text class="value" x="{}" y="{}">{}</text>"#,
                    x + 4,
                    y + BAR - 2,
                    crate::table::thousandths(*value, 2)
                ),
            );
        }
        if let Some((at_least, aim)) = bar.2 {
            for (class, limit) in [("least", at_least), ("aim", aim)] {
                let x = scale.x(limit);
                put(
                    &mut svg,
                    format_args!(r#"<line class="{class}" x1="{x}" x2="{x}" y1="{}" y2="{}"/>"#, y - 4, y + 3 * BAR + 2),
                );
            }
        }
    }
    put(
        &mut svg,
        format_args!(
            r#"<text class="note" x="{LEFT}" y="{}">payments/s ÷ R. Thick mark: at least. Dashed mark: aim. Both hold for the emulated disk.</text>"#,
            height - 14
        ),
    );
    svg.push_str("</svg>\n");
    svg
}

struct Scale {
    largest: i64,
}

impl Scale {
    fn x(&self, permille: i64) -> i64 {
        LEFT + (WIDTH - LEFT - RIGHT) * permille / self.largest
    }
}

fn value(lines: &[Line], row: &str, disk: Disk) -> Option<i64> {
    let of = lines.iter().filter(|line| line.disk == disk && line.row == row);
    median(of.filter_map(|line| ratio(line.per_kilosecond, line.bare)).collect())
}

fn head(height: i64) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" role="img" aria-label="Full payments a second as multiples of the bare SQL of the same payment">"#
    );
    svg.push_str(
        "<style>text{fill:#24292f}.name{font-size:13px;text-anchor:end}.value,.note{font-size:10px}.head{font-size:15px;font-weight:600}\
         .judged{fill:#1f6feb}.memory{fill:#8b949e}.plain{fill:#bf8700}.least{stroke:#24292f;stroke-width:3}.aim{stroke:#24292f;stroke-width:1.5;stroke-dasharray:3 2}\
         @media(prefers-color-scheme:dark){text{fill:#e6edf3}.judged{fill:#58a6ff}.plain{fill:#d29922}.least,.aim{stroke:#e6edf3}}</style>",
    );
    put(
        &mut svg,
        format_args!(r#"<text class="head" x="12" y="24">Full payments a second, as multiples of the bare SQL</text>"#),
    );
    for (index, (disk, class)) in (0_i64..).zip(DISKS) {
        let x = LEFT + index * 170;
        put(
            &mut svg,
            format_args!(
                r#"<rect class="{class}" x="{x}" y="38" width="11" height="11"/><text class="value" x="{}" y="47">{}</text>"#,
                x + 16,
                disk.name()
            ),
        );
    }
    svg
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing into a text cannot fail.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: &str, per_kilosecond: u64) -> Line {
        Line { row: row.into(), disk: Disk::Emulated, round: 1, bare: 1_000, ..crate::measure::nothing(per_kilosecond) }
    }

    #[test]
    fn bars_are_as_long_as_their_ratio_and_rows_without_lines_are_left_out() {
        let svg = picture(&[line("textbook", 1_000), line("sqlite-32", 2_500)]);
        assert!(svg.contains(r#"<rect class="judged" x="190" y="64" width="200""#), "{svg}");
        assert!(svg.contains(r#"width="500""#) && svg.contains(">2.50</text>"), "{svg}");
        assert!(!svg.contains("PostgreSQL"), "{svg}");
        assert_eq!(svg.matches("<line ").count(), 2);
    }

    #[test]
    fn every_row_of_the_plot_is_a_row() {
        let known: Vec<_> = crate::row::ALL.iter().map(ToString::to_string).collect();
        assert!(BARS.iter().all(|(name, ..)| known.iter().any(|row| row == name)));
    }
}
