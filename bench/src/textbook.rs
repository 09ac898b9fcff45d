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

/// Payments in a thousand seconds; and what others used of the machine, in thousandths of one processor.
pub async fn run(server: &Server, warm_up: Duration, measure: Duration) -> Result<(u64, u64), Failure> {
    server.fresh(DATABASE).await?;
    server.ask(DATABASE, SCHEMA).await?;
    let script = std::env::temp_dir().join(format!("ducat-bench-payment-{}.sql", std::process::id()));
    std::fs::write(&script, PAYMENT)?;
    let mut outcome = Ok((0, 0));
    for span in [warm_up, measure].into_iter().filter(|span| !span.is_zero()) {
        let mut command = server.program("pgbench");
        // Prepared statements: the quickest that it has for this.
        command.args(["-n", "-M", "prepared", "-c", CLIENTS, "-j", THREADS, "-T", &span.as_secs().max(1).to_string()]);
        let (before, begun) = (used(server), Instant::now());
        let text = said(command.arg("-f").arg(&script).arg(DATABASE)).await;
        let (after, window) = (used(server), begun.elapsed());
        let others =
            others(after.0.saturating_sub(before.0), after.1.saturating_sub(before.1), u64::try_from(window.as_nanos())?);
        outcome = text.and_then(|text| Ok((per_kilosecond(&text)?, others)));
    }
    std::fs::remove_file(&script)?;
    outcome
}

/// Processor time of the machine, and of it what the server and everything that this program has waited for used.
fn used(server: &Server) -> (Duration, Duration) {
    (processes::cpu_of_machine(), processes::cpu_of_family(server.pid) + processes::cpu(std::process::id()))
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
