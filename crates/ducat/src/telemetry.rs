//! Logs: to standard error, filtered by `log`, for people or for programs.

use crate::config::{Config, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;

/// The thread of `ducat-store` that alone writes to the database.
const DATABASE_WRITER: &str = "ducat-writer";

/// The driver of PostgreSQL logs what it sends, customers and sealed credentials among it.
const DRIVER: &str = "tokio_postgres";

/// Starts logging. A verb that answers at once (no service) only warns, so that its answer stands alone.
pub fn start(config: &Config, service: bool) {
    let wanted = if service || config.log != "info" { config.log.as_str() } else { "warn" };
    let filter = filter(wanted);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Pretty if std::io::stderr().is_terminal() => lines.compact().with_ansi(true).init(),
        LogFormat::Pretty => lines.compact().with_ansi(false).fmt_fields(plain()).init(),
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

/// Fields without colours: `what happened name=value`. The library's own way is the same, but goes through its colours for each of them.
fn plain() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    let fields = debug_fn(|out, field, value| match field.name() {
        "message" => write!(out, "{value:?}"),
        // From which file of a library a line came: the library leaves that out, too.
        name if name.starts_with("log.") => Ok(()),
        name => write!(out, "{name}={value:?}"),
    });
    fields.delimited(" ")
}

/// The filter that is wanted, but for what the database's driver would tell of data: that is logged for nobody.
fn filter(wanted: &str) -> EnvFilter {
    let others: Vec<&str> = wanted.split(',').filter(|part| !part.trim_start().starts_with(DRIVER)).collect();
    let text = format!("{},{DRIVER}=warn", others.join(","));
    // The filter was tried when the configuration was read.
    EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new("warn"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    /// What was written.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_without_colours_is_what_the_library_writes() {
        let (ours, theirs) = (Lines::default(), Lines::default());
        let (our_end, their_end) = (ours.clone(), theirs.clone());
        let lines = || tracing_subscriber::fmt().without_time().compact().with_ansi(false);
        let told = || {
            let span = tracing::info_span!("request", id = %"req_1", path = "/v1");
            let _within = span.enter();
            tracing::info!(status = 201_u16, why = ?Some("x"), text = "a \"b\"", "answered");
        };
        tracing::subscriber::with_default(lines().with_writer(move || their_end.clone()).finish(), told);
        tracing::subscriber::with_default(lines().fmt_fields(plain()).with_writer(move || our_end.clone()).finish(), told);
        let text = |lines: &Lines| String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text(&ours), text(&theirs));
        assert!(text(&ours).contains("answered status=201 why=Some(\"x\")"), "{}", text(&ours));
    }

    #[test]
    fn no_filter_makes_the_driver_tell_of_data() {
        assert_eq!(filter("trace").to_string(), "tokio_postgres=warn,trace");
        for wanted in ["tokio_postgres=trace", "info, tokio_postgres::query=debug", "tokio_postgres"] {
            let made = filter(wanted).to_string();
            assert!(made.contains("tokio_postgres=warn") && !made.contains("debug") && !made.contains("trace"), "{made}");
        }
    }
}
