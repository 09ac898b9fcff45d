//! Logs: to standard error, filtered by `log`, for people or for programs.

use crate::config::{Config, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The thread of `ducat-store` that alone writes to the database.
const DATABASE_WRITER: &str = "ducat-writer";

/// The driver of PostgreSQL logs what it sends, customers and sealed credentials among it: of that nothing, whatever the filter says.
const QUIET: &str = "tokio_postgres=warn";

/// Starts logging. A verb that answers at once (no service) only warns, so that its answer stands alone.
pub fn start(config: &Config, service: bool) {
    let wanted = if service || config.log != "info" { config.log.as_str() } else { "warn" };
    // The filter was tried when the configuration was read.
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = QUIET.parse().map_or_else(|_| EnvFilter::new("warn"), |quiet| filter.add_directive(quiet));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Pretty => lines.compact().with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // What a panic says may quote data: the log gets the place, and the text only where debugging is on.
        tracing::error!(%place, "a part of the program panicked");
        tracing::debug!(panic = %panic, "what it said");
        // Nobody knows what a writer that broke off has left behind. A restart looks; going on would answer callers with nothing.
        if std::thread::current().name() == Some(DATABASE_WRITER) {
            std::process::abort();
        }
    }));
}
