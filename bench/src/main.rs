//! Measures a gateway from outside: full payments over HTTP, beside the bare SQL of the same payment, so that every figure is a ratio.
//!
//! - `stub`: a PSP that answers at once. `pay`: one payment. `pace`, `load`: many of them. `histogram`: how long they took.
//! - `gateway`, `postgres`: what is started. `sqlite`: the file of the database inside. `processes`: what it used. `books`: whether it is all there. `disk`: where data lies.
//! - `textbook`: the bare SQL. `row`: what is compared. `measure`: one row. `rest`: what is left of it months later. `whole`: all of them, in rounds.
//! - `deliver`: how quickly events arrive over HTTP. `drain`: how quickly they leave the outbox, which is `outbox`, in a process of its own.
//! - `long`: a million payments.
//! - `figures`: what the design promises. `facts`: the machine. `results`, `table`, `plot`, `chart`, `bar`: how it is shown.
//! - `sign`, `http`: how a PSP signs, and as much of HTTP as this needs.

mod bar;
mod books;
mod chart;
mod deliver;
mod disk;
mod drain;
mod drive;
mod facts;
mod figures;
mod gateway;
mod histogram;
mod http;
mod load;
mod long;
mod measure;
mod outbox;
mod pace;
mod pay;
mod plot;
mod postgres;
mod processes;
mod rest;
mod results;
mod row;
mod sign;
mod sqlite;
mod stub;
mod table;
mod textbook;
mod whole;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What went wrong, for a person to read.
pub type Failure = Box<dyn std::error::Error>;

/// Measures a gateway.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive one gateway and show what it did: for profiling, and for a quick look.
    Drive(drive::Drive),
    /// Compare every row with the bare SQL, and show how the figures stand.
    Run(whole::Whole),
    /// Drive a million payments at a fixed rate, and show whether memory and latency stay flat.
    Long(long::Long),
    /// Write the tables and the plot of the latest run again, with the long runs that came after it.
    Show {
        /// Where the results are.
        #[arg(long, value_name = "FOLDER")]
        results: std::path::PathBuf,
        /// A page that shows them, in its place for them.
        #[arg(long, value_name = "FILE")]
        page: Option<std::path::PathBuf>,
    },
    /// Measure how long a sync takes, with a file that is thrown away.
    Sync {
        /// The file.
        file: std::path::PathBuf,
    },
    /// Drain the outbox that a gateway has left behind, to receivers in this process that answer at once.
    Outbox(outbox::Outbox),
    /// The PSP that answers at once, alone.
    Stub {
        /// Its port; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

/// The gateway's, because a part of it runs here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Command::Outbox(asked) = &arguments.command {
        return outbox::run(asked).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS);
    }
    // One thread: the generator shares the processors with what it measures.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            outcome = run(arguments.command) => outcome,
            // What was started is ended and what was written is removed when it is dropped.
            stopped = stopped() => stopped,
        }
    });
    outcome.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Drive(asked) => drive::run(&asked).await,
        Command::Run(asked) => whole::run(&asked).await,
        Command::Long(asked) => long::run(&asked).await,
        Command::Show { results, page } => results::show(&results, page.as_deref()),
        Command::Sync { file } => disk::measure_sync(&file).map(|time| println!("{}", time.as_nanos())),
        Command::Stub { port } => stub::serve(port).await,
        // It takes more threads than there are here.
        Command::Outbox(asked) => outbox::run(&asked),
    }
}

/// Ends when somebody wants the program to end.
async fn stopped() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        heard = tokio::signal::ctrl_c() => heard?,
        _ = term.recv() => {}
    }
    Err("stopped".into())
}

fn failed(error: &Failure) -> ExitCode {
    eprintln!("bench: {error}");
    ExitCode::FAILURE
}
