//! The baseline: the bare SQL of the same payment as a textbook would write it, statement by statement in three commits, driven by
//! `pgbench` with 32 clients. What it does in a second is R.

use crate::measure::others;
use crate::postgres::{Server, said};
use crate::{Failure, processes};
use std::time::{Duration, Instant};

const SCHEMA: &str = include_str!("../textbook/schema.sql");
const PAYMENT: &str = include_str!("../textbook/payment.sql");
/// How many clients there are.
const CLIENTS: &str = "32";
/// Between them they use as many threads of `pgbench`.
const THREADS: &str = "2";
const DATABASE: &str = "textbook";

/// What the bare SQL has shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bare {
    /// Payments in a thousand seconds.
    pub per_kilosecond: u64,
    /// Processor time of the server, in nanoseconds for each payment.
    pub database: u64,
    /// What others used of the machine, in thousandths of one processor.
    pub others: u64,
}

/// Drives it.
pub async fn run(server: &Server, warm_up: Duration, measure: Duration) -> Result<Bare, Failure> {
    server.fresh(DATABASE).await?;
    server.ask(DATABASE, SCHEMA).await?;
    let script = std::env::temp_dir().join(format!("ducat-bench-payment-{}.sql", std::process::id()));
    std::fs::write(&script, PAYMENT)?;
    let mut outcome = Ok(Bare::default());
    for span in [warm_up, measure].into_iter().filter(|span| !span.is_zero()) {
        let mut command = server.program("pgbench");
        // Prepared statements: the quickest that it has for this.
        command.args(["-n", "-M", "prepared", "-c", CLIENTS, "-j", THREADS, "-T", &span.as_secs().max(1).to_string()]);
        let (before, begun) = (Used::now(server), Instant::now());
        let text = said(command.arg("-f").arg(&script).arg(DATABASE)).await;
        let (after, window) = (Used::now(server), u64::try_from(begun.elapsed().as_nanos())?);
        outcome = text.and_then(|text| bare(&text, &before, &after, window));
    }
    std::fs::remove_file(&script)?;
    outcome
}

/// Processor time up to a moment.
struct Used {
    machine: Duration,
    server: Duration,
    /// This program and all that it has waited for.
    clients: Duration,
}

impl Used {
    fn now(server: &Server) -> Self {
        Self {
            machine: processes::cpu_of_machine(),
            server: processes::cpu_of_family(server.pid),
            clients: processes::cpu(std::process::id()),
        }
    }

    fn ours(&self) -> Duration {
        self.server + self.clients
    }
}

fn bare(text: &str, before: &Used, after: &Used, window: u64) -> Result<Bare, Failure> {
    let server = after.server.saturating_sub(before.server).as_nanos();
    let others = others(after.machine.saturating_sub(before.machine), after.ours().saturating_sub(before.ours()), window);
    Ok(Bare { per_kilosecond: per_kilosecond(text)?, database: u64::try_from(server / u128::from(payments(text)?))?, others })
}

/// `number of transactions actually processed: 7885`
fn payments(text: &str) -> Result<u64, Failure> {
    let number = text.lines().find_map(|line| line.strip_prefix("number of transactions actually processed: "));
    let number = number.and_then(|number| number.split('/').next()?.trim().parse().ok());
    number.filter(|number| *number > 0).ok_or_else(|| "pgbench has made no payment".into())
}

/// `tps = 1971.232344 (without initial connection time)`, in thousandths.
fn per_kilosecond(text: &str) -> Result<u64, Failure> {
    if !text.contains("number of failed transactions: 0 ") {
        return Err("some of pgbench's transactions failed".into());
    }
    let number = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()).ok_or("pgbench tells no rate")?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    Ok(whole.parse::<u64>()? * 1000 + part.parse::<u64>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_to_a_thousandth_and_failures_are_no_rate() {
        let good = "number of failed transactions: 0 (0.000%)\ntps = 1971.232344 (without initial connection time)\n";
        assert_eq!(payments("number of transactions actually processed: 7885\n").expect("some"), 7_885);
        assert!(payments("number of transactions actually processed: 0\n").is_err());
        assert_eq!(per_kilosecond(good).expect("a rate"), 1_971_232);
        assert!(per_kilosecond(&good.replace(": 0 ", ": 3 ")).is_err());
        assert!(per_kilosecond("number of failed transactions: 0 (0.000%)").is_err());
    }

    #[test]
    fn the_payment_is_three_commits_and_sixteen_statements() {
        let sql: Vec<_> = PAYMENT.lines().filter(|line| !line.starts_with("--") && !line.starts_with("\\set")).collect();
        let sql = sql.join("\n");
        assert_eq!(sql.matches("COMMIT;").count(), 3);
        assert_eq!(sql.matches(';').count() + sql.matches("\\gset").count(), 16);
        let count = |word: &str| sql.matches(word).count();
        assert_eq!((count("INSERT INTO"), count("UPDATE ")), (6, 4));
    }
}
