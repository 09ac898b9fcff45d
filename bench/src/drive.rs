//! Drives one gateway and shows what it did: for profiling, and for a quick look.

use crate::gateway::{self, Balances, Running, Start};
use crate::histogram::Spread;
use crate::load::{self, Measured, Pace, Plan};
use crate::{Failure, books, processes};
use clap::Args;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// What is driven, and how.
#[derive(Debug, Args)]
pub struct Drive {
    /// The gateway's binary; beside this program, where none is named.
    #[arg(long, value_name = "FILE")]
    pub gateway: Option<PathBuf>,
    /// Where its data lies.
    #[arg(long, value_name = "FOLDER", default_value = "/dev/shm/ducat-bench-drive")]
    pub folder: PathBuf,
    /// Another database than SQLite in that folder.
    #[arg(long, value_name = "postgres://…")]
    pub database_url: Option<String>,
    /// The database's process, whose processor time is to be shown with that of its children.
    #[arg(long, value_name = "PROCESS")]
    pub database_process: Option<u32>,
    /// How many payments are in flight.
    #[arg(long, default_value_t = 32)]
    pub in_flight: usize,
    /// Payments a second; flat out, where none are named.
    #[arg(long)]
    pub rate: Option<u64>,
    /// Seconds before anything is counted.
    #[arg(long, default_value_t = 2)]
    pub warm_up: u64,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// A library that the gateway loads before all others.
    #[arg(long, value_name = "FILE")]
    pub preload: Option<PathBuf>,
    /// Whether the gateway keeps running balances, or sums its journal whenever somebody asks.
    #[arg(long, default_value = "kept")]
    pub balances: Balances,
    /// Keep the data folder.
    #[arg(long)]
    pub keep: bool,
}

/// Processor time at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    gateway: Duration,
    writer: Duration,
    database: Duration,
    stub: Duration,
    generator: Duration,
}

fn used(gateway: u32, database: Option<u32>, stub: u32) -> Used {
    Used {
        gateway: processes::cpu(gateway),
        writer: processes::cpu_of_threads(gateway, "ducat-writer"),
        database: database.map_or(Duration::ZERO, processes::cpu_of_family),
        stub: processes::cpu(stub),
        generator: processes::cpu_of_threads(std::process::id(), ""),
    }
}

/// Starts stub and gateway, drives, shows.
pub async fn run(asked: &Drive) -> Result<(), Failure> {
    let stub = gateway::start_stub().await?;
    let start = Start {
        binary: binary(asked.gateway.clone())?,
        folder: asked.folder.clone(),
        database_url: asked.database_url.clone(),
        stub: stub.address.clone(),
        preload: asked.preload.clone(),
        balances: asked.balances,
    };
    let (gateway, took) = gateway::start(&start).await?;
    eprintln!("gateway: process {}, http://{}, ready after {} ms", gateway.pid, gateway.address, took.as_millis());
    let outcome = measure(asked, &gateway, &stub).await;
    gateway.end().await?;
    if !asked.keep {
        std::fs::remove_dir_all(&asked.folder)?;
    }
    outcome
}

async fn measure(asked: &Drive, gateway: &Running, stub: &Running) -> Result<(), Failure> {
    let target = Rc::new(gateway::target(&[gateway]).await?);
    let before = books::received(&gateway.address).await?;
    let plan = Plan {
        pace: asked.rate.map_or(Pace::FlatOut, |per_second| Pace::Fixed { per_second }),
        in_flight: asked.in_flight,
        warm_up: Duration::from_secs(asked.warm_up),
        measure: Duration::from_secs(asked.seconds),
        most: u64::MAX,
    };
    let edge = || used(gateway.pid, asked.database_process, stub.pid);
    let (measured, first, last) = load::drive(target, plan, edge, |_| ()).await?;
    books::prove(&gateway.address, before, measured.amount).await?;
    show(&measured, first, last);
    let (now, most) = processes::memory(gateway.pid);
    println!("memory       {} MiB, at the most {} MiB", now >> 20, most >> 20);
    println!("stub asked   {}", gateway::get(&stub.address, "/asked").await?);
    Ok(())
}

fn show(measured: &Measured, first: Used, last: Used) {
    println!("payments/s   {}", measured.per_kilosecond() / 1000);
    let each = |span: Duration| span.as_micros() / u128::from(measured.payments.max(1));
    println!("CPU, µs each");
    for (name, before, after) in [
        ("gateway", first.gateway, last.gateway),
        ("- its writer", first.writer, last.writer),
        ("database", first.database, last.database),
        ("stub", first.stub, last.stub),
        ("generator", first.generator, last.generator),
    ] {
        println!("{name:<13} {:>9}", each(after.saturating_sub(before)));
    }
    println!("ms            {:>9} {:>9} {:>9} {:>9} {:>9}", "p50", "p90", "p99", "p99.9", "max");
    for (name, spread) in [
        ("create", measured.create),
        ("without PSP", measured.own_create),
        ("webhook", measured.webhook),
        ("whole", measured.whole),
        ("begun late", measured.late),
    ] {
        println!("{name:<13} {}", in_ms(spread));
    }
}

fn in_ms(s: Spread) -> String {
    let columns =
        [s.p50, s.p90, s.p99, s.p999, s.max].map(|nanos| format!("{:>5}.{:03}", nanos / 1_000_000, nanos / 1000 % 1000));
    columns.join(" ")
}

/// The gateway's binary: the one that is named, or the one beside this program.
pub fn binary(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let path = match named {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("ducat"),
    };
    path.canonicalize().map_err(|e| format!("{}: {e} (build it with `make build`)", path.display()).into())
}
