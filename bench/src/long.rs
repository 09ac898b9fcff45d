//! The long run: a million payments at a fixed high rate, and whether memory and latency stay flat; then how long a start takes with all
//! of them in the database.

use crate::bar::Bar;
use crate::chart;
use crate::disk::{Disk, Disks};
use crate::figures::{LongRun, ratio};
use crate::gateway::{self, Balances, Running, Start};
use crate::histogram::Spread;
use crate::load::{self, Pace, Plan, Progress};
use crate::postgres;
use crate::row::{Database, MANY};
use crate::{Failure, books, drive, facts, processes, sqlite};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// What is driven.
#[derive(Debug, Args)]
pub struct Long {
    /// How many payments.
    #[arg(long, default_value_t = 1_000_000)]
    pub payments: u64,
    /// Payments a second. Without it, seven tenths of what the gateway does flat out.
    #[arg(long)]
    pub rate: Option<u64>,
    /// Where they are kept. PostgreSQL is a server of our own.
    #[arg(long, value_enum, default_value = "sqlite")]
    pub database: Database,
    /// On which disk.
    #[arg(long, value_enum, default_value = "memory")]
    pub disk: Disk,
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
}

/// The database, on a server.
const DATABASE: &str = "ducat";
/// How often the gateway is looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// After how many payments memory is taken for the beginning.
const BEGINNING: u64 = 10_000;
/// How long it is driven flat out to find a rate, and which share of that rate is held, in tenths.
const TRIAL: Duration = Duration::from_secs(5);
const TENTHS: u64 = 7;
/// No run takes longer.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// What was seen at a moment.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the beginning.
    pub seconds: u64,
    /// Payments so far.
    pub payments: u64,
    /// The gateway's memory in bytes.
    pub memory: u64,
    /// Creates since the sample before, without the PSP's time.
    pub own_create: Spread,
    /// Whole payments since then.
    pub whole: Spread,
}

/// What a long run has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// When, and of which commit.
    pub date: String,
    /// Which commit.
    pub commit: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// On which disk.
    pub disk: Disk,
    /// How many payments there were.
    pub payments: u64,
    /// Payments a second.
    pub rate: u64,
    /// The gateway's memory after ten thousand payments, and at the end, in bytes.
    pub memory: (u64, u64),
    /// The slowest hundredth of whole payments, in nanoseconds: the median over the first tenth of the samples and over the last.
    pub p99: (u64, u64),
    /// From start to first answer with all payments in the database, in nanoseconds.
    pub start: u64,
    /// What a payment takes in the database, in bytes.
    pub bytes_per_payment: u64,
    /// Every sample.
    pub samples: Vec<Sample>,
}

impl Told {
    /// Memory at the end in thousandths of the beginning's.
    pub fn memory_growth(&self) -> Option<i64> {
        ratio(self.memory.1, self.memory.0)
    }

    /// What the figures need of it.
    pub fn said(&self) -> Option<LongRun> {
        let (growth, start) = (self.memory_growth()?, i64::try_from(self.start).ok()?);
        Some(LongRun { database: self.database.clone(), growth, start })
    }
}

/// Drives, shows, and writes down.
pub async fn run(asked: &Long) -> Result<(), Failure> {
    let disks = Disks::new(&asked.memory, &asked.plain).await?;
    let stub = gateway::start_stub().await?;
    let server = match asked.database {
        Database::Sqlite => None,
        Database::Postgres => Some(postgres::start(&disks.folder(asked.disk).join("postgres"), disks.preload(asked.disk)).await?),
    };
    let database_url = match &server {
        Some(server) => Some(server.fresh(DATABASE).await?),
        None => None,
    };
    let start = Start {
        binary: drive::binary(asked.gateway.clone())?,
        folder: disks.folder(asked.disk).join("gateway"),
        database_url,
        stub: stub.address.clone(),
        preload: disks.preload(asked.disk).map(Path::to_owned),
        balances: Balances::Kept,
    };
    let (gateway, _) = gateway::start(&start).await?;
    let (rate, tried) = match asked.rate {
        Some(rate) => (rate, 0),
        None => trial(&gateway).await?,
    };
    let (samples, beginning) = hold(&gateway, rate, asked.payments).await?;
    let end = processes::memory(gateway.pid).0;
    gateway.end().await?;
    verify(&start).await?;
    let size = match &server {
        None => sqlite::size(&start.folder)?,
        Some(server) => server.size(DATABASE).await?,
    };
    let (again, ready) = gateway::start(&start).await?;
    again.end().await?;
    if let Some(server) = server {
        server.end().await?;
    }
    let facts = facts::gather(&asked.plain).await;
    let told = Told {
        date: facts.date,
        commit: facts.commit,
        database: asked.database.to_string(),
        disk: asked.disk,
        payments: asked.payments,
        rate,
        memory: (beginning, end),
        p99: ends(&samples),
        start: u64::try_from(ready.as_nanos())?,
        bytes_per_payment: size / (asked.payments + tried).max(1),
        samples,
    };
    println!("{}", text(&told));
    if let Some(folder) = &asked.results {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(file(asked.database, "json")), serde_json::to_string_pretty(&told)? + "\n")?;
        std::fs::write(folder.join(file(asked.database, "svg")), plot(&told))?;
    }
    Ok(())
}

fn file(database: Database, ending: &str) -> String {
    format!("long-{database}.{ending}")
}

/// What earlier long runs have left behind.
pub fn latest(folder: &Path) -> Vec<Told> {
    let read = |database| serde_json::from_slice(&std::fs::read(folder.join(file(database, "json"))).ok()?).ok();
    [Database::Postgres, Database::Sqlite].into_iter().filter_map(read).collect()
}

/// Which rate can be held, a share of what is done flat out; and how many payments that took.
async fn trial(gateway: &Running) -> Result<(u64, u64), Failure> {
    let target = Rc::new(gateway::target(&[gateway]).await?);
    let plan = Plan { pace: Pace::FlatOut, in_flight: MANY, warm_up: TRIAL, measure: TRIAL, most: u64::MAX };
    let (measured, (), ()) = load::drive(target, plan, || (), |_| ()).await?;
    Ok(((measured.per_kilosecond() * TENTHS / 10_000).max(1), measured.all))
}

/// Holds the rate. Gives the samples, and the memory after the first ten thousand.
async fn hold(gateway: &Running, rate: u64, payments: u64) -> Result<(Vec<Sample>, u64), Failure> {
    let before = books::received(&gateway.address).await?;
    let target = Rc::new(gateway::target(&[gateway]).await?);
    let plan = Plan {
        pace: Pace::Fixed { per_second: rate },
        in_flight: MANY,
        warm_up: Duration::ZERO,
        measure: LONGEST,
        most: payments,
    };
    let watch = Watch {
        pid: gateway.pid,
        begun: Instant::now(),
        bar: Bar::new(usize::try_from(payments)?),
        beginning: RefCell::default(),
        samples: RefCell::default(),
    };
    let (measured, (), ()) = load::drive(target, plan, || (), |progress| watch.look(progress)).await?;
    watch.bar.end();
    books::prove(&gateway.address, before, measured.amount).await?;
    if measured.all != payments {
        return Err(format!("only {} payments were made", measured.all).into());
    }
    let beginning = watch.beginning.take().ok_or("the run was too short to have a beginning")?;
    Ok((watch.samples.take(), beginning))
}

struct Watch {
    pid: u32,
    begun: Instant,
    bar: Bar,
    /// Memory after the first ten thousand.
    beginning: RefCell<Option<u64>>,
    samples: RefCell<Vec<Sample>>,
}

impl Watch {
    fn look(&self, progress: Progress<'_>) {
        let payments = progress.payments();
        self.bar.set(usize::try_from(payments).unwrap_or(usize::MAX), "payments");
        if payments >= BEGINNING {
            self.beginning.borrow_mut().get_or_insert_with(|| processes::memory(self.pid).0);
        }
        let mut samples = self.samples.borrow_mut();
        let due = SAMPLE_EVERY * u32::try_from(samples.len() + 1).unwrap_or(u32::MAX);
        if self.begun.elapsed() >= due {
            let (own_create, whole) = progress.take_interval();
            let seconds = self.begun.elapsed().as_secs();
            samples.push(Sample { seconds, payments, memory: processes::memory(self.pid).0, own_create, whole });
        }
    }
}

/// Every invariant over the whole database, by the gateway's own verb.
async fn verify(start: &Start) -> Result<(), Failure> {
    eprintln!("ducat verify …");
    let mut command = Command::new(&start.binary);
    gateway::settings(&mut command, start);
    let out = command.args(["verify", "--json"]).output().await?;
    match out.status.success() {
        true => Ok(()),
        false => Err(format!("ducat verify: {}", String::from_utf8_lossy(&out.stdout)).into()),
    }
}

/// The median p99 over the first tenth of the samples, and over the last.
fn ends(samples: &[Sample]) -> (u64, u64) {
    let tenth = (samples.len() / 10).max(1);
    let middle = |samples: &[Sample]| {
        let mut times: Vec<_> = samples.iter().map(|sample| sample.whole.p99).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(0)
    };
    (middle(&samples[..tenth.min(samples.len())]), middle(&samples[samples.len().saturating_sub(tenth)..]))
}

/// Memory and latency over all samples.
fn plot(told: &Told) -> String {
    let line = |title, value: fn(&Sample) -> u64| chart::Line { title, values: told.samples.iter().map(value).collect() };
    let lines = [
        line("memory of the gateway, MB", |sample| sample.memory / 1_000_000),
        line("p50 of a whole payment, µs", |sample| sample.whole.p50 / 1_000),
        line("p99 of a whole payment, µs", |sample| sample.whole.p99 / 1_000),
    ];
    let title = format!("{} payments at {} a second, {}", told.payments, told.rate, told.database);
    let end = told.samples.last().map_or(0, |sample| sample.seconds);
    chart::picture(&title, &lines, "0 s", &format!("{end} s"))
}

/// How many of the samples are shown.
const SHOWN: usize = 12;

/// The long run, in Markdown.
pub fn text(told: &Told) -> String {
    use crate::table::thousandths;
    let ms = |nanos: u64| thousandths(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX), 1);
    let mut text = format!(
        "\n## Long run\n\n{} payments at {} a second, {}, disk: {} ({}, commit {}). Memory after ten thousand {} MB, at the end {} MB (× {}). \
         p99 of a whole payment: {} ms in the first tenth, {} ms in the last. A start with all of them in the database: {} ms. {} bytes a payment. `ducat verify` holds.\n\n",
        told.payments,
        told.rate,
        told.database,
        told.disk.name(),
        told.date,
        told.commit,
        told.memory.0 / 1_000_000,
        told.memory.1 / 1_000_000,
        told.memory_growth().map_or_else(String::new, |growth| thousandths(growth, 2)),
        ms(told.p99.0),
        ms(told.p99.1),
        told.start / 1_000_000,
        told.bytes_per_payment,
    );
    text.push_str(
        "| after, s | payments | memory, MB | create p50 / p99, ms | whole p50 / p99 / p99.9, ms |\n|---|---|---|---|---|\n",
    );
    let step = told.samples.len().div_ceil(SHOWN).max(1);
    for sample in told.samples.iter().skip(step - 1).step_by(step) {
        text.push_str(&format!(
            "| {} | {} | {} | {} / {} | {} / {} / {} |\n",
            sample.seconds,
            sample.payments,
            sample.memory / 1_000_000,
            ms(sample.own_create.p50),
            ms(sample.own_create.p99),
            ms(sample.whole.p50),
            ms(sample.whole.p99),
            ms(sample.whole.p999),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(p99: u64) -> Sample {
        let whole = Spread { p99, ..Spread::default() };
        Sample { seconds: 0, payments: 0, memory: 0, own_create: Spread::default(), whole }
    }

    #[test]
    fn the_ends_are_the_first_and_the_last_tenth() {
        let samples: Vec<_> = (1..=30).map(sample).collect();
        assert_eq!(ends(&samples), (2, 29));
        assert_eq!(ends(&samples[..3]), (1, 3));
        assert_eq!(ends(&[]), (0, 0));
    }
}
