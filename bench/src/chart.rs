//! A small chart of lines over time, as SVG: each line with a scale of its own, for what must stay flat. Colours fit light and dark pages.

use std::fmt::Write;

/// Pixels.
const WIDTH: u64 = 760;
const LEFT: u64 = 24;
const RIGHT: u64 = 24;
const PLOT: u64 = 110;
const HEAD: u64 = 40;
const GAP: u64 = 34;

/// A line.
pub struct Line<'a> {
    /// What it is, with its unit.
    pub title: &'a str,
    /// Its values, over the same moments as those of all others.
    pub values: Vec<u64>,
}

/// The lines below each other, each from zero to its largest value.
pub fn picture(title: &str, lines: &[Line<'_>], from: &str, to: &str) -> String {
    let height = HEAD + lines.iter().map(|_| PLOT + GAP).sum::<u64>() + 12;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" role="img" aria-label="{title}"><style>text{{fill:#24292f;font-size:11px}}.head{{font-size:15px;font-weight:600}}polyline{{fill:none;stroke:#1f6feb;stroke-width:1.8}}line{{stroke:#8b949e;stroke-width:1}}@media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}polyline{{stroke:#58a6ff}}}}</style><text class="head" x="12" y="24">{title}</text>"#
    );
    for (index, line) in (0_u64..).zip(lines) {
        let bottom = HEAD + index * (PLOT + GAP) + PLOT;
        let most = line.values.iter().copied().max().unwrap_or(0).max(1);
        put(&mut svg, format_args!(r#"<text x="{LEFT}" y="{}">{}; at the most {most}</text>"#, bottom - PLOT + 4, line.title));
        put(
            &mut svg,
            format_args!(r#"<line x1="{LEFT}" x2="{}" y1="{bottom}" y2="{bottom}"/><polyline points=""#, WIDTH - RIGHT),
        );
        let last = u64::try_from(line.values.len()).unwrap_or(1).saturating_sub(1).max(1);
        for (at, value) in (0_u64..).zip(&line.values) {
            let x = LEFT + (WIDTH - LEFT - RIGHT) * at / last;
            put(&mut svg, format_args!("{x},{} ", bottom - (PLOT - 16) * value / most));
        }
        svg.push_str(r#""/>"#);
        put(
            &mut svg,
            format_args!(
                r#"<text x="{LEFT}" y="{0}">{from}</text><text x="{1}" y="{0}" text-anchor="end">{to}</text>"#,
                bottom + 14,
                WIDTH - RIGHT
            ),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing into a text cannot fail.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_at_the_left_ends_at_the_right_and_its_largest_value_is_highest() {
        let svg = picture("t", &[Line { title: "MB", values: vec![5, 10, 0] }], "0", "9");
        assert!(svg.contains(r#"points="24,103 380,56 736,150 ""#), "{svg}");
        assert!(svg.contains("MB; at the most 10"));
    }

    #[test]
    fn nothing_to_show_is_still_a_picture() {
        assert!(picture("t", &[Line { title: "MB", values: vec![] }], "", "").ends_with("</svg>\n"));
    }
}
