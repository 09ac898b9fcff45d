//! Ducat, the program: reads the command line and the configuration, and runs one verb.
//!
//! - `cli`: the command line. `config`: the settings. `telemetry`: logs.
//! - one verb a file: `serve`, `sandbox`, `migrate`, `keys`, `verify`, `doctor`; `openapi` and `settings` only print.
//! - verbs that call a running gateway: `orders`, `events`, `listen`, `trigger`, `capture`, `refund`, `cancel`. `gateway`: how they call it.
//!   `major`: amounts as people write them.
//! - `wiring`: puts store, engine and credentials together. `first_start`: what an empty folder gets.
//! - `system`: the real clock and the system's randomness. `files`: files that only their owner may read. `output`: tables.

mod cancel;
mod capture;
mod cli;
mod config;
mod doctor;
mod events;
mod files;
mod first_start;
mod gateway;
mod keys;
mod listen;
mod major;
mod migrate;
mod orders;
mod output;
mod refund;
mod sandbox;
mod serve;
mod signals;
mod system;
mod telemetry;
mod trigger;
mod verify;
mod wiring;

use clap::Parser;
use cli::{Arguments, Command};
use config::Config;
use std::process::ExitCode;

/// Requests of many callers make and drop small things on all threads at once. docs/decisions/0017-hot-path.md has the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a verb ends with when it comes to nothing: one text for a person.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The configuration or the command line is at fault, as in `sysexits.h`.
const EXIT_USAGE: u8 = 78;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What needs no configuration must not stumble over a mistake in it.
    match arguments.command {
        Command::Openapi => return output::say_json(&ducat_web::openapi()).unwrap_or(ExitCode::FAILURE),
        Command::Settings => return output::say(&config::example()),
        _ => {}
    }
    let config = match config::load(arguments.config.as_deref(), std::env::vars_os()) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("ducat: {mistakes}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    telemetry::start(&config, arguments.command.is_service());
    match run(arguments.command, config).await {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("ducat: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, config: Config) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => serve::run(config).await,
        Command::Sandbox => sandbox::run(config).await,
        Command::Migrate(asked) => migrate::run(&config, &asked).await,
        Command::Orders(asked) => orders::run(&config, asked).await,
        Command::Events(asked) => events::run(&config, asked).await,
        Command::Listen(asked) => listen::run(&config, asked).await,
        Command::Trigger(asked) => trigger::run(&config, asked).await,
        Command::Capture(asked) => capture::run(&config, asked).await,
        Command::Refund(asked) => refund::run(&config, asked).await,
        Command::Cancel(asked) => cancel::run(&config, asked).await,
        Command::Keys(verb) => keys::run(&config, verb).await,
        Command::Verify { form } => verify::run(&config, form.into()).await,
        Command::Doctor { form } => doctor::run(&config, form.into()).await,
        Command::Openapi => Ok(output::say_json(&ducat_web::openapi())?),
        Command::Settings => Ok(output::say(&config::example())),
    }
}
