//! The figures that the design promises, each with the least that will do and the aim, and what the lines of a run say of them.

use crate::disk::Disk;
use crate::drain;
use crate::histogram::Spread;
use crate::load::Measured;
use crate::measure::Line;
use serde::{Deserialize, Serialize};

const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Thousandths of R, or of another figure.
    Ratio,
    /// Nanoseconds.
    Time,
    /// Bytes.
    Bytes,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The larger.
    More,
    /// The smaller.
    Less,
}

/// A figure with its limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
    /// The least that will do, and what is aimed at; none where it is only shown.
    pub limits: Option<(i64, i64)>,
    /// What was measured, or why it was not.
    pub value: Result<i64, String>,
}

/// How a figure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The aim is reached.
    Aim,
    /// It will do.
    Enough,
    /// It will not do.
    Missed,
    /// It was not measured.
    Unknown,
    /// It stands beside another one, to be compared.
    Shown,
}

impl Figure {
    /// How it stands.
    pub fn verdict(&self) -> Verdict {
        let reaches = |value: i64, limit: i64| match self.better {
            Better::More => value >= limit,
            Better::Less => value <= limit,
        };
        match (&self.value, self.limits) {
            (_, None) => Verdict::Shown,
            (Err(_), _) => Verdict::Unknown,
            (Ok(value), Some((_, aim))) if reaches(*value, aim) => Verdict::Aim,
            (Ok(value), Some((at_least, _))) if reaches(*value, at_least) => Verdict::Enough,
            (Ok(_), Some(_)) => Verdict::Missed,
        }
    }
}

/// What is known beside the lines.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Beside {
    /// Why there are no lines of a database; by the beginning of their names.
    pub refusals: Vec<(String, String)>,
    /// The size of the release binary.
    pub binary: Option<i64>,
    /// What long runs have shown.
    pub long: Vec<LongRun>,
}

/// What a long run has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LongRun {
    /// On which database.
    pub database: String,
    /// Memory at its end in thousandths of the memory after ten thousand payments.
    pub growth: i64,
    /// From the start to the first answer with all its orders in the database, in nanoseconds.
    pub start: i64,
}

/// The middle one; the lower of the two middle ones, where the number is even. None of nothing.
pub fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// All figures on one disk.
pub fn all(lines: &[Line], disk: Disk, beside: &Beside) -> Vec<Figure> {
    let view = View { lines, disk, beside };
    let mut figures = Vec::new();
    for (row, title, at_least, aim) in [
        ("postgres-32", "payments/s, PostgreSQL, 32 in flight", 800, 1_200),
        ("postgres-256", "payments/s, PostgreSQL, 256 in flight", 1_500, 2_500),
        ("sqlite-32", "payments/s, SQLite, 32 in flight", 600, 1_000),
        ("sqlite-256", "payments/s, SQLite, 256 in flight", 1_500, 2_500),
    ] {
        figures.push(figure(title, Unit::Ratio, Better::More, (at_least, aim), view.ratio(row)));
    }
    let not_yet = |value: Option<i64>, why: &str| value.ok_or_else(|| why.to_owned());
    for (database, name) in DATABASES {
        let balances = view.against(&format!("{database}-256"), &format!("{database}-256-summed"));
        figures.push(figure(&format!("running balances on ÷ off, {name}"), Unit::Ratio, Better::More, (800, 950), balances));
    }
    for (row, name) in [("postgres-32", "PostgreSQL"), ("sqlite-32", "SQLite")] {
        let cpu = view.middle(row, |line| i64::try_from(line.cpu.gateway.saturating_sub(line.cpu.writer)).ok());
        let title = format!("own CPU per payment without the database, {name}, 32 in flight");
        figures.push(figure(&title, Unit::Time, Better::Less, (150 * MICRO, 80 * MICRO), cpu));
        let own = |line: &Line| Some(line.cpu.gateway.saturating_sub(line.cpu.writer));
        let of_textbook = view.in_bare_payments(row, own);
        figures.push(shown(format!("the same ÷ the textbook's payment, {name}"), Unit::Ratio, Better::Less, of_textbook));
    }
    figures.extend(creates(
        &view,
        &Creates {
            row: "idle",
            create: "create, idle, p50 without the PSP",
            message: "a message, idle, p50",
            took: |spread| spread.p50,
            waits_for: 2,
            limits: |sync| (sync + 300 * MICRO, sync + 100 * MICRO),
        },
    ));
    figures.extend(creates(
        &view,
        &Creates {
            row: "half",
            create: "create at half of capacity, p99 without the PSP",
            message: "a message at half of capacity, p99",
            took: |spread| spread.p99,
            waits_for: 3,
            limits: |sync| (3 * sync + 5 * MILLI, 2 * sync + 2 * MILLI),
        },
    ));
    for (database, name) in DATABASES {
        let drained = |line: &Line| Some(line.drained?.per_kilosecond / drain::EVENTS);
        let drain = view.against_textbook(&format!("{database}-drain"), drained);
        let title = format!("outbox drain ÷ events produced at R, {name}");
        figures.push(figure(&title, Unit::Ratio, Better::More, (2_000, 5_000), drain));
        let delivered = |line: &Line| Some(line.deliveries? / drain::EVENTS);
        let value = view.against_textbook(&format!("{database}-deliver"), delivered);
        figures.push(shown(format!("delivered over HTTP ÷ events produced at R, {name}"), Unit::Ratio, Better::More, value));
    }
    for (database, name) in DATABASES {
        let bytes = view.middle(&format!("{database}-256"), |line| i64::try_from(line.bytes_per_payment).ok());
        figures.push(figure(&format!("database bytes per payment, {name}"), Unit::Bytes, Better::Less, (3_000, 2_000), bytes));
        let at_rest = view.middle(&format!("{database}-256"), |line| i64::try_from(line.bytes_at_rest?).ok());
        figures.push(shown(format!("the same, once it is over and archived, {name}"), Unit::Bytes, Better::Less, at_rest));
    }
    for (database, name) in DATABASES {
        let run = beside.long.iter().find(|run| run.database == database);
        let growth = not_yet(run.map(|run| run.growth), "no long run yet");
        let title = format!("memory after a million payments ÷ after ten thousand, {name}");
        figures.push(figure(&title, Unit::Ratio, Better::Less, (1_500, 1_100), growth));
        let start = not_yet(run.map(|run| run.start), "no long run yet");
        let title = format!("start to first answer with a million orders, {name}");
        figures.push(figure(&title, Unit::Time, Better::Less, (2 * SECOND, 300 * MILLI), start));
    }
    let binary = not_yet(beside.binary, "no binary");
    figures.push(figure("release binary", Unit::Bytes, Better::Less, (60_000_000, 30_000_000), binary));
    figures
}

const DATABASES: [(&str, &str); 2] = [("postgres", "PostgreSQL"), ("sqlite", "SQLite")];

fn figure(name: &str, unit: Unit, better: Better, limits: (i64, i64), value: Result<i64, String>) -> Figure {
    Figure { name: name.to_owned(), unit, better, limits: Some(limits), value }
}

/// A figure that nothing was asked of.
fn shown(name: String, unit: Unit, better: Better, value: Result<i64, String>) -> Figure {
    Figure { name, unit, better, limits: None, value }
}

/// A row's creates, and its messages beside them: a create commits twice, before and after the PSP is told, a message once.
struct Creates {
    row: &'static str,
    /// What the figures are called.
    create: &'static str,
    message: &'static str,
    /// Which of the times counts.
    took: fn(&Spread) -> u64,
    /// For how many syncs a create waits by then; the rest is work.
    waits_for: u64,
    /// At the most, and aimed at, by the time of a sync: those of one commit.
    limits: fn(i64) -> (i64, i64),
}

fn creates(view: &View<'_>, of: &Creates) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (database, name) in DATABASES {
        let row = format!("{database}-{}", of.row);
        let sync = view.middle(&row, |line| i64::try_from(line.sync).ok()).unwrap_or(0);
        let create = view.time(&row, |took| (of.took)(&took.own_create));
        figures.push(figure(&format!("{}, {name}", of.create), Unit::Time, Better::Less, (of.limits)(sync), create));
        let work = view.in_bare_payments(&row, |line| {
            Some((of.took)(&line.measured.as_ref()?.own_create).saturating_sub(of.waits_for * line.sync))
        });
        let title = format!("the same less {} syncs ÷ the textbook's payment, {name}", of.waits_for);
        figures.push(shown(title, Unit::Ratio, Better::Less, work));
        let message = view.time(&row, |took| (of.took)(&took.webhook));
        figures.push(shown(format!("{}, {name}", of.message), Unit::Time, Better::Less, message));
    }
    figures
}

struct View<'a> {
    lines: &'a [Line],
    disk: Disk,
    beside: &'a Beside,
}

impl View<'_> {
    fn of<'b>(&'b self, row: &'b str) -> impl Iterator<Item = &'b Line> {
        self.lines.iter().filter(move |line| line.disk == self.disk && line.row == row)
    }

    /// The median of a row over all rounds.
    fn middle(&self, row: &str, what: impl Fn(&Line) -> Option<i64>) -> Result<i64, String> {
        median(self.of(row).filter_map(what).collect()).ok_or_else(|| self.why_not(row))
    }

    /// The median of a time that a row's payments took.
    fn time(&self, row: &str, which: impl Fn(&Measured) -> u64) -> Result<i64, String> {
        self.middle(row, |line| i64::try_from(which(line.measured.as_ref()?)).ok())
    }

    /// The median of what a row did, each time in thousandths of what the bare SQL had done a moment before.
    fn ratio(&self, row: &str) -> Result<i64, String> {
        self.against_textbook(row, |line| Some(line.per_kilosecond))
    }

    /// The median of what one row did, each time in thousandths of what another did in the same round.
    fn against(&self, row: &str, other: &str) -> Result<i64, String> {
        let found = self.middle(row, |line| {
            let other = self.of(other).find(|other| other.round == line.round)?;
            ratio(line.per_kilosecond, other.per_kilosecond)
        });
        found.map_err(|_| self.why_not(other))
    }

    fn against_textbook(&self, row: &str, what: impl Fn(&Line) -> Option<u64>) -> Result<i64, String> {
        self.middle(row, |line| ratio(what(line)?, line.bare))
    }

    /// The median of a time of a row, each time in thousandths of the server's processor time for the bare SQL that ran a moment before: that says how
    /// fast the processor was.
    fn in_bare_payments(&self, row: &str, time: impl Fn(&Line) -> Option<u64>) -> Result<i64, String> {
        self.middle(row, |line| {
            let bare = self.of("textbook").find(|bare| bare.round == line.round && bare.per_kilosecond == line.bare)?;
            ratio(time(line)?, bare.cpu.database)
        })
    }

    fn why_not(&self, row: &str) -> String {
        let refusal = self.beside.refusals.iter().find(|(beginning, _)| row.starts_with(beginning.as_str()));
        refusal.map_or_else(|| "not measured".to_owned(), |(_, why)| why.clone())
    }
}

/// One number in thousandths of another.
pub fn ratio(one: u64, other: u64) -> Option<i64> {
    let permille = u128::from(one) * 1000 / u128::from(other.max(1));
    (other > 0).then(|| i64::try_from(permille).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Cpu;
    use crate::outbox::Drained;

    fn line(row: &str, disk: Disk, round: u32, per_kilosecond: u64) -> Line {
        compared(row, disk, (round, 1_000_000), per_kilosecond)
    }

    fn compared(row: &str, disk: Disk, (round, bare): (u32, u64), per_kilosecond: u64) -> Line {
        Line {
            row: row.into(),
            disk,
            round,
            sync: 2_100_000,
            per_kilosecond,
            bare,
            measured: None,
            cpu: Cpu { gateway: 200_000, writer: 90_000, ..Cpu::default() },
            others: 0,
            memory: (0, 0),
            bytes_per_payment: 2_500,
            bytes_at_rest: Some(2_000),
            deliveries: Some(3_000_000),
            drained: Some(Drained { per_kilosecond: 6_000_000, ..Drained::default() }),
            ready: 0,
        }
    }

    fn named<'a>(figures: &'a [Figure], name: &str) -> &'a Figure {
        figures.iter().find(|figure| figure.name.contains(name)).expect("a figure of this name")
    }

    #[test]
    fn a_row_is_compared_with_the_bare_sql_that_ran_before_it() {
        let lines = [
            compared("sqlite-32", Disk::Emulated, (1, 1_000_000), 900_000),
            compared("sqlite-32", Disk::Emulated, (2, 2_000_000), 1_000_000),
            compared("sqlite-32", Disk::Emulated, (3, 1_000_000), 700_000),
            compared("sqlite-32", Disk::Memory, (1, 1), 1_000_000),
        ];
        let figures = all(&lines, Disk::Emulated, &Beside::default());
        let figure = named(&figures, "SQLite, 32 in flight");
        assert_eq!(figure.value, Ok(700), "the median of 900, 500 and 700");
        assert_eq!(figure.verdict(), Verdict::Enough);
    }

    #[test]
    fn a_payment_s_three_events_count_as_one_payment_s_worth() {
        let lines = [line("textbook", Disk::Emulated, 1, 1_000_000), line("postgres-drain", Disk::Emulated, 1, 1)];
        let figures = all(&lines, Disk::Emulated, &Beside::default());
        assert_eq!(named(&figures, "outbox drain ÷ events produced at R, PostgreSQL").value, Ok(2_000));
    }

    #[test]
    fn what_goes_over_http_is_shown_beside_the_outbox_and_not_judged() {
        let lines = [
            line("textbook", Disk::Emulated, 1, 1_000_000),
            line("sqlite-drain", Disk::Emulated, 1, 1),
            line("sqlite-deliver", Disk::Emulated, 1, 1),
        ];
        let figures = all(&lines, Disk::Emulated, &Beside::default());
        let of = |name: &str| (named(&figures, name).value.clone(), named(&figures, name).verdict());
        assert_eq!(of("outbox drain ÷ events produced at R, SQLite"), (Ok(2_000), Verdict::Enough));
        assert_eq!(of("delivered over HTTP ÷ events produced at R, SQLite"), (Ok(1_000), Verdict::Shown));
    }

    #[test]
    fn balances_are_judged_by_the_rows_with_and_without_them_of_one_round() {
        let row = |name: &str, round, rate| line(name, Disk::Emulated, round, rate);
        let lines = [
            row("sqlite-256", 1, 900_000),
            row("sqlite-256-summed", 1, 1_000_000),
            row("sqlite-256", 2, 3_000_000),
            row("sqlite-256-summed", 2, 2_000_000),
            row("sqlite-256", 3, 3_000_000),
            row("postgres-256", 1, 1_000_000),
        ];
        let figures = all(&lines, Disk::Emulated, &Beside::default());
        let of = |name: &str| named(&figures, &format!("balances on ÷ off, {name}")).value.clone();
        assert_eq!((of("SQLite"), of("PostgreSQL")), (Ok(900), Err("not measured".into())));
    }

    #[test]
    fn what_was_refused_says_why_and_is_no_success() {
        let beside = Beside { refusals: vec![("postgres".into(), "not yet".into())], ..Beside::default() };
        let figures = all(&[], Disk::Emulated, &beside);
        let figure = named(&figures, "PostgreSQL, 256");
        assert_eq!((figure.value.clone(), figure.verdict()), (Err("not yet".into()), Verdict::Unknown));
        assert_eq!(named(&figures, "memory").verdict(), Verdict::Unknown);
        let long = vec![LongRun { database: "sqlite".into(), growth: 1_200, start: 1 }];
        let figures = all(&[], Disk::Emulated, &Beside { long, ..Beside::default() });
        let verdict = |name: &str| named(&figures, name).verdict();
        assert_eq!(
            (verdict("thousand, SQLite"), verdict("orders, SQLite"), verdict("orders, PostgreSQL")),
            (Verdict::Enough, Verdict::Aim, Verdict::Unknown)
        );
    }

    #[test]
    fn the_database_s_own_thread_is_not_the_gateway_s_own_work() {
        let figures = all(&[line("sqlite-32", Disk::Emulated, 1, 1)], Disk::Emulated, &Beside::default());
        let figure = named(&figures, "own CPU per payment without the database, SQLite");
        assert_eq!((figure.value.clone(), figure.verdict()), (Ok(110_000), Verdict::Enough));
    }

    #[test]
    fn own_work_is_compared_with_the_bare_sql_that_ran_before_it() {
        let bare = |rate, database| Line {
            cpu: Cpu { database, ..Cpu::default() },
            ..compared("textbook", Disk::Emulated, (1, rate), rate)
        };
        let lines = [
            bare(1_000_000, 110_000),
            compared("sqlite-32", Disk::Emulated, (1, 1_000_000), 1),
            bare(500_000, 220_000),
            compared("postgres-32", Disk::Emulated, (1, 500_000), 1),
        ];
        let figures = all(&lines, Disk::Emulated, &Beside::default());
        let of = |name: &str| named(&figures, &format!("the same ÷ the textbook's payment, {name}")).value.clone();
        assert_eq!((of("SQLite"), of("PostgreSQL")), (Ok(1_000), Ok(500)));
    }

    #[test]
    fn what_a_create_takes_beside_its_syncs_is_compared_with_the_bare_sql_too() {
        let own_create = Spread { p50: 6_200_000, p99: 16_300_000, ..Spread::default() };
        let took = |row| Line {
            measured: Some(Measured { own_create, ..Measured::default() }),
            ..compared(row, Disk::Emulated, (1, 500_000), 1)
        };
        let bare = Line {
            cpu: Cpu { database: 1_000_000, ..Cpu::default() },
            ..compared("textbook", Disk::Emulated, (1, 500_000), 500_000)
        };
        let figures = all(&[bare, took("sqlite-idle"), took("sqlite-half")], Disk::Emulated, &Beside::default());
        let of = |name: &str| named(&figures, name).value.clone();
        assert_eq!(of("less 2 syncs ÷ the textbook's payment, SQLite"), Ok(2_000), "6.2 ms less two syncs of 2.1");
        assert_eq!(of("less 3 syncs ÷ the textbook's payment, SQLite"), Ok(10_000));
    }

    #[test]
    fn what_is_left_when_a_payment_is_over_is_shown_beside_what_it_takes_before() {
        let figures = all(&[line("sqlite-256", Disk::Emulated, 1, 1)], Disk::Emulated, &Beside::default());
        let of = |name: &str| (named(&figures, name).value.clone(), named(&figures, name).verdict());
        assert_eq!(of("database bytes per payment, SQLite"), (Ok(2_500), Verdict::Enough));
        assert_eq!(of("once it is over and archived, SQLite"), (Ok(2_000), Verdict::Shown));
    }

    #[test]
    fn less_is_better_where_it_is_and_limits_count() {
        let at = |value: i64| {
            let beside = Beside { binary: Some(value), ..Beside::default() };
            named(&all(&[], Disk::Emulated, &beside), "binary").verdict()
        };
        assert_eq!(
            [at(30_000_000), at(30_000_001), at(60_000_000), at(60_000_001)],
            [Verdict::Aim, Verdict::Enough, Verdict::Enough, Verdict::Missed]
        );
    }

    #[test]
    fn the_middle_of_an_even_number_is_the_lower_one() {
        assert_eq!(
            [median(vec![]), median(vec![4]), median(vec![4, 1]), median(vec![3, 1, 2])],
            [None, Some(4), Some(1), Some(2)]
        );
    }
}
