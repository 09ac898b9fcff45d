//! The whole comparison: rounds that go through every row on every disk, one after the other, so that a mood of the machine meets all of
//! them; then the table and the plot.

use crate::bar::Bar;
use crate::disk::{Disk, Disks};
use crate::figures::Beside;
use crate::measure::{Bench, Line, Place, Spans};
use crate::results::{self, Results};
use crate::row::{self, Database, Row};
use crate::{Failure, drive, facts, gateway, long, postgres, table};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// What is compared.
#[derive(Debug, Args)]
pub struct Whole {
    /// One round on the emulated disk, of short rows: a minute or two.
    #[arg(long)]
    pub quick: bool,
    /// Only this row, with what it needs. Several times for several.
    #[arg(long = "only", value_name = "ROW")]
    pub only: Vec<String>,
    /// Only on this disk. Several times for several.
    #[arg(long = "disk", value_name = "DISK")]
    pub disks: Vec<Disk>,
    /// How many rounds.
    #[arg(long)]
    pub rounds: Option<u32>,
    /// Seconds that each row is measured.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// The gateway's binary; beside this program, where none is named.
    #[arg(long, value_name = "FILE")]
    pub gateway: Option<PathBuf>,
    /// Where memory is a file system.
    #[arg(long, value_name = "FOLDER", default_value = "/dev/shm")]
    pub memory: PathBuf,
    /// Where data lies on this machine's own disk. PostgreSQL's user must be able to reach it.
    #[arg(long, value_name = "FOLDER", default_value = "/var/tmp")]
    pub plain: PathBuf,
    /// Where the results go. Without it, they are only shown.
    #[arg(long, value_name = "FOLDER")]
    pub results: Option<PathBuf>,
    /// A page that shows the figures and the plot, in its place for them.
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
}

/// A whole run: medians need three rounds at least.
const ROUNDS: u32 = 3;
const SECONDS: u64 = 4;
const WARM_UP: u64 = 2;
const QUICK_SECONDS: u64 = 2;
const QUICK_WARM_UP: u64 = 1;

/// Compares, shows, and writes down.
pub async fn run(asked: &Whole) -> Result<(), Failure> {
    let rows = row::of_a_round(&row::chosen(&asked.only)?);
    let disks = match (asked.disks.is_empty(), asked.quick) {
        (false, _) => asked.disks.clone(),
        (true, true) => vec![Disk::Emulated],
        (true, false) => vec![Disk::Emulated, Disk::Memory, Disk::Plain],
    };
    let rounds = asked.rounds.unwrap_or(if asked.quick { 1 } else { ROUNDS });
    let seconds = asked.seconds.unwrap_or(if asked.quick { QUICK_SECONDS } else { SECONDS });
    let warm_up = if asked.quick { QUICK_WARM_UP } else { WARM_UP };
    let bench = Bench {
        binary: drive::binary(asked.gateway.clone())?,
        stub: gateway::start_stub().await?,
        disks: Disks::new(&asked.memory, &asked.plain).await?,
        spans: Spans { warm_up: Duration::from_secs(warm_up), measure: Duration::from_secs(seconds) },
    };
    let mut facts = facts::gather(&asked.plain).await;
    let mut run =
        Run { bench: &bench, bar: Bar::new(rows.len() * disks.len() * rounds as usize), lines: Vec::new(), refusals: Vec::new() };
    for round in 1..=rounds {
        for disk in &disks {
            facts.postgres = run.round(*disk, round, &rows).await?;
        }
    }
    run.bar.end();
    let long = asked.results.as_deref().map_or_else(Vec::new, long::latest);
    let binary = i64::try_from(std::fs::metadata(&bench.binary)?.len()).ok();
    let beside = Beside { refusals: run.refusals, binary, long: long.iter().filter_map(long::Told::said).collect() };
    let results = Results { facts, rounds, seconds, warm_up, lines: run.lines, beside };
    println!("{}", table::page(&results, &long));
    if let Some(folder) = &asked.results {
        results::write(&results, folder)?;
    }
    asked.page.as_deref().map_or(Ok(()), |page| results::show_in(&results, page))
}

struct Run<'a> {
    bench: &'a Bench,
    bar: Bar,
    lines: Vec<Line>,
    /// Databases that could not be measured, and why.
    refusals: Vec<(String, String)>,
}

impl Run<'_> {
    /// Every row on a disk, beside one server. Says the server's version.
    async fn round(&mut self, disk: Disk, round: u32, rows: &[Row]) -> Result<String, Failure> {
        let disks = &self.bench.disks;
        let server = postgres::start(&disks.folder(disk).join("postgres"), disks.preload(disk)).await?;
        let version = server.version().await?;
        let mut lines: Vec<Line> = Vec::new();
        for row in rows {
            let what = format!("{row}, {}, round {round}", disk.name());
            if row.database().is_some_and(|database| self.is_refused(database)) {
                self.bar.step(&what);
                continue;
            }
            self.bar.show(&what);
            let place = Place { disk, round, server: &server, before: &lines };
            match self.bench.measure(*row, &place, || self.bar.show(&what)).await {
                Ok(line) => {
                    self.bar.step(&format!("{what}: {} payments/s", line.per_kilosecond / 1000));
                    lines.push(line);
                }
                // The gateway may be built without it; what is inside is always there.
                Err(error)
                    if row.database() == Some(Database::Postgres)
                        && lines.iter().all(|line| !line.row.starts_with("postgres")) =>
                {
                    self.bar.step(&format!("{what}: {error}"));
                    self.refusals.push((Database::Postgres.to_string(), last_line(&error.to_string())));
                }
                Err(error) => return Err(format!("{what}: {error}").into()),
            }
        }
        server.end().await?;
        self.lines.append(&mut lines);
        Ok(version)
    }

    fn is_refused(&self, database: Database) -> bool {
        self.refusals.iter().any(|(refused, _)| *refused == database.to_string())
    }
}

fn last_line(text: &str) -> String {
    text.trim().lines().last().unwrap_or_default().trim().replace('|', "/")
}
