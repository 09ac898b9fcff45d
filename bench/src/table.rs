//! Results as a page to read: the figures with their limits, every row, the machine.

use crate::disk::Disk;
use crate::figures::{Beside, Figure, Unit, Verdict, all, median, ratio};
use crate::long::{self, Told};
use crate::measure::Line;
use crate::results::Results;
use crate::row::ALL;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The page, in Markdown.
pub fn page(results: &Results, long: &[Told]) -> String {
    let mut page =
        String::from("# Benchmarks: the latest run\n\nHow to read this: [docs/benchmarks.md](../../docs/benchmarks.md).\n");
    page.push_str(&judged(&results.lines, &results.beside));
    for disk in DISKS {
        page.push_str(&rows(&results.lines, disk));
    }
    long.iter().for_each(|told| page.push_str(&long::text(told)));
    page.push_str(&machine(results));
    page
}

const DISKS: [Disk; 3] = [Disk::Emulated, Disk::Memory, Disk::Plain];

/// The figures: judged on the emulated disk, and beside it what the others show.
pub fn judged(lines: &[Line], beside: &Beside) -> String {
    let columns: Vec<_> = DISKS.into_iter().filter(|disk| lines.iter().any(|line| line.disk == *disk)).collect();
    let figures: Vec<Vec<Figure>> = columns.iter().map(|disk| all(lines, *disk, beside)).collect();
    let mut text = String::from(
        "\n## Figures\n\nR is what the bare SQL does in the same round on the same disk. Medians of all rounds.\n\n| | at least | aim |",
    );
    columns.iter().for_each(|disk| put(&mut text, format_args!(" {} |", disk.name())));
    text.push_str(" |\n|---|---|---|");
    columns.iter().for_each(|_| text.push_str("---|"));
    text.push_str("---|\n");
    let Some(first) = figures.first() else { return text };
    for (index, figure) in first.iter().enumerate() {
        let limit = |value| shown(figure, value);
        let (at_least, aim) = figure.limits.map_or_else(Default::default, |(at_least, aim)| (limit(at_least), limit(aim)));
        put(&mut text, format_args!("| {} | {at_least} | {aim} |", figure.name));
        for column in &figures {
            let cell = column[index].value.as_ref().map_or_else(|_| "–".to_owned(), |value| shown(figure, *value));
            put(&mut text, format_args!(" {cell} |"));
        }
        put(&mut text, format_args!(" {} |\n", verdict(figure.verdict())));
    }
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for figure in first {
        if let Err(why) = &figure.value {
            missing.entry(why).or_default().push(&figure.name);
        }
    }
    missing.iter().enumerate().for_each(|(index, (why, names))| {
        let gap = if index == 0 { "\n" } else { "" };
        put(&mut text, format_args!("{gap}- {why}: {}\n", names.join("; ")));
    });
    text
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Aim => "✓ aim",
        Verdict::Enough => "✓",
        Verdict::Missed => "✗",
        Verdict::Unknown => "?",
        Verdict::Shown => "",
    }
}

/// A value of a figure, as people read it.
pub fn shown(figure: &Figure, value: i64) -> String {
    match figure.unit {
        Unit::Ratio => {
            let of = if figure.name.starts_with("payments/s") { " R" } else { "" };
            format!("{}{of}", thousandths(value, 2))
        }
        Unit::Time if value >= 1_000_000_000 => format!("{} s", thousandths(value / 1_000_000, 1)),
        Unit::Time if value >= 1_000_000 => format!("{} ms", thousandths(value / 1_000, 2)),
        Unit::Time => format!("{} µs", value / 1_000),
        Unit::Bytes if value >= 1_000_000 => format!("{} MB", thousandths(value / 1_000, 1)),
        Unit::Bytes => format!("{} KB", thousandths(value, 2)),
    }
}

/// Thousandths with so many decimals, rounded towards the worse for what must be large.
pub fn thousandths(value: i64, decimals: usize) -> String {
    let text = format!("{:03}", value % 1000);
    format!("{}.{}", value / 1000, &text[..decimals.min(3)])
}

/// Every row on a disk.
fn rows(lines: &[Line], disk: Disk) -> String {
    let on: Vec<_> = lines.iter().filter(|line| line.disk == disk).collect();
    if on.is_empty() {
        return String::new();
    }
    let mut text = format!("\n## Disk: {}\n\n", disk.name());
    text.push_str("`others` is how many processors something else on the machine used meanwhile. CPU is µs for each payment: gateway (of it the writer's thread of SQLite) / PostgreSQL / stub / generator. Latencies are p50 / p99 / p99.9 in ms; create is without the PSP's own time.\n\n");
    text.push_str("| row | payments/s | R | sync, ms | others | CPU | create | webhook | whole | memory, MB | bytes each |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
    for row in ALL {
        let name = row.to_string();
        let of: Vec<_> = on.iter().filter(|line| line.row == name).copied().collect();
        if let Some(line) = middle_line(&of) {
            text.push_str(&row_of(line, &of));
        }
    }
    text.push_str(&left(&on));
    text
}

/// How events left the outbox, and how they arrived.
fn left(on: &[&Line]) -> String {
    let mut text = String::new();
    for row in ALL {
        let name = row.to_string();
        let mut of: Vec<_> = on.iter().filter(|line| line.row == name).filter_map(|line| events(line)).collect();
        of.sort_unstable_by_key(|(per_kilosecond, _)| *per_kilosecond);
        let Some((per_kilosecond, cpu)) = of.len().checked_sub(1).and_then(|last| of.get(last / 2)) else { continue };
        put(&mut text, format_args!("| {name} | {} | {cpu} |\n", per_kilosecond / 1_000));
    }
    if text.is_empty() {
        return text;
    }
    format!(
        "\nCPU is µs for each event: engine (of it the writer's thread of SQLite) / PostgreSQL.\n\n| row | events/s | CPU |\n|---|---|---|\n{text}"
    )
}

/// What a line tells of events: how many in a thousand seconds, and what each cost.
fn events(line: &Line) -> Option<(u64, String)> {
    let drained = line.drained.map(|drained| {
        let cpu = [drained.engine, drained.writer, drained.database].map(|nanos| nanos / 1_000);
        (drained.per_kilosecond, format!("{} ({}) / {}", cpu[0], cpu[1], cpu[2]))
    });
    drained.or_else(|| Some((line.deliveries?, String::new())))
}

/// The line whose rate is the median: its other numbers belong together.
fn middle_line<'a>(lines: &[&'a Line]) -> Option<&'a Line> {
    let rate = median(lines.iter().map(|line| i64::try_from(line.per_kilosecond).unwrap_or(i64::MAX)).collect())?;
    lines.iter().find(|line| i64::try_from(line.per_kilosecond) == Ok(rate)).copied()
}

fn row_of(line: &Line, rounds: &[&Line]) -> String {
    let against = rounds.iter().filter_map(|line| ratio(line.per_kilosecond, line.bare));
    let ratio = median(against.collect()).map_or_else(String::new, |ratio| thousandths(ratio, 2));
    let sync = thousandths(i64::try_from(line.sync / 1_000).unwrap_or(i64::MAX), 2);
    let others = thousandths(i64::try_from(line.others).unwrap_or(i64::MAX), 2);
    let mut text = format!("| {} | {} | {ratio} | {sync} | {others} |", line.row, line.per_kilosecond / 1_000);
    match &line.measured {
        None => put(&mut text, format_args!(" 0 (0) / {} / 0 / – | | | | | |\n", line.cpu.database / 1_000)),
        Some(measured) => {
            let micros = |nanos: u64| nanos / 1_000;
            let cpu = line.cpu;
            put(
                &mut text,
                format_args!(
                    " {} ({}) / {} / {} / {} |",
                    micros(cpu.gateway),
                    micros(cpu.writer),
                    micros(cpu.database),
                    micros(cpu.stub),
                    micros(cpu.generator)
                ),
            );
            for spread in [measured.own_create, measured.webhook, measured.whole] {
                let ms = |nanos: u64| thousandths(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX), 1);
                put(&mut text, format_args!(" {} / {} / {} |", ms(spread.p50), ms(spread.p99), ms(spread.p999)));
            }
            put(&mut text, format_args!(" {} | {} |\n", line.memory.1 / 1_000_000, line.bytes_per_payment));
        }
    }
    text
}

fn machine(results: &Results) -> String {
    let facts = &results.facts;
    let mut text = String::from("\n## Machine\n\n");
    let memory = format!("{} MiB", facts.memory);
    let cpu = format!("{} × {}", facts.cores, facts.cpu);
    for (name, what) in [
        ("when", &facts.date),
        ("commit", &facts.commit),
        ("processors", &cpu),
        ("memory", &memory),
        ("kernel", &facts.kernel),
        ("disk", &facts.disk),
        ("PostgreSQL", &facts.postgres),
        ("SQLite", &facts.sqlite),
        ("Rust", &facts.rust),
    ] {
        put(&mut text, format_args!("- {name}: {what}\n"));
    }
    put(&mut text, format_args!("- rounds: {}, of {} s a row after {} s\n", results.rounds, results.seconds, results.warm_up));
    text
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing into a text cannot fail.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Better;

    fn figure(unit: Unit, name: &str) -> Figure {
        Figure { name: name.into(), unit, better: Better::More, limits: None, value: Ok(0) }
    }

    #[test]
    fn values_are_shown_as_people_read_them() {
        assert_eq!(shown(&figure(Unit::Ratio, "payments/s, SQLite"), 1_234), "1.23 R");
        assert_eq!(shown(&figure(Unit::Ratio, "memory"), 1_049), "1.04");
        assert_eq!(shown(&figure(Unit::Time, "t"), 151_999), "151 µs");
        assert_eq!(shown(&figure(Unit::Time, "t"), 2_309_000), "2.30 ms");
        assert_eq!(shown(&figure(Unit::Time, "t"), 2_000_000_000), "2.0 s");
        assert_eq!(shown(&figure(Unit::Bytes, "b"), 2_512), "2.51 KB");
        assert_eq!(shown(&figure(Unit::Bytes, "b"), 21_450_000), "21.4 MB");
    }

    #[test]
    fn a_figure_that_was_not_measured_says_why_in_its_cell() {
        let beside = Beside { refusals: vec![("postgres".into(), "not yet".into())], binary: Some(1), ..Beside::default() };
        let line = crate::measure::nothing(7);
        let text = judged(&[Line { disk: Disk::Emulated, row: "textbook".into(), ..line }], &beside);
        assert!(text.contains("| payments/s, PostgreSQL, 32 in flight | 0.80 R | 1.20 R | – | ? |"), "{text}");
        assert!(
            text.contains("- not yet: payments/s, PostgreSQL, 32 in flight; payments/s, PostgreSQL, 256 in flight; "),
            "{text}"
        );
        assert!(text.contains("| release binary | 60.0 MB | 30.0 MB | 0.00 KB | ✓ aim |"), "{text}");
    }
}
