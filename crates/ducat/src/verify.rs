//! `ducat verify`: every invariant over the whole database, and what breaks it.

use crate::cli::Audience;
use crate::config::Config;
use crate::{Failure, output, wiring};
use ducat_store::{VerifyProgress, VerifyReport};
use serde_json::json;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Checks, shows, and ends with 1 when something is broken.
pub async fn run(config: &Config, audience: Audience) -> Result<ExitCode, Failure> {
    let database = wiring::database(config);
    // What is empty would be made into a new database, over which everything holds.
    if wiring::is_empty(config).await? {
        return Err(format!("there is nothing to verify at {database}").into());
    }
    let store = wiring::look_at_store(config).await?;
    let report = if std::io::stderr().is_terminal() {
        eprintln!("Checking {database} …");
        let report = store.verify_watched(|progress| eprint!("{}", bar(progress))).await?;
        eprint!("{CLEAR_LINE}");
        report
    } else {
        store.verify().await?
    };
    let said = match audience {
        Audience::Person => output::say(&told(&report)),
        Audience::Program => output::say_json(&as_json(&report))?,
    };
    Ok(if report.findings.is_empty() { said } else { ExitCode::FAILURE })
}

/// Back to the beginning of the line, which is emptied (ECMA-48, EL).
const CLEAR_LINE: &str = "\r\x1b[K";
/// How wide the bar is, in characters.
const BAR: usize = 24;

/// The line that shows how far it is, in place of the one before.
fn bar(progress: VerifyProgress) -> String {
    let VerifyProgress { done, of, last } = progress;
    let full = BAR * done / of.max(1);
    let last: String = last.chars().take(40).collect();
    format!("{CLEAR_LINE}[{}{}] {done}/{of} {last}", "#".repeat(full), " ".repeat(BAR - full))
}

fn told(report: &VerifyReport) -> String {
    let rows: Vec<_> = report.checked.iter().map(|(what, rows)| [(*what).to_owned(), rows.to_string()]).collect();
    let mut text = output::table(["CHECKED", "ROWS"], &rows);
    if report.findings.is_empty() {
        text.push_str(&format!("\n\nAll {} invariants hold.", report.invariants));
        return text;
    }
    let rows: Vec<_> = report.findings.iter().map(|finding| [finding.invariant.to_owned(), finding.subject.clone()]).collect();
    text.push_str(&format!("\n\n{}", output::table(["BROKEN", "WHERE"], &rows)));
    let more = if report.left_off { " and more" } else { "" };
    text.push_str(&format!(
        "\n\n{} findings{more} in {} invariants. Do not mend by hand what the journal holds.",
        rows.len(),
        report.invariants
    ));
    text
}

fn as_json(report: &VerifyReport) -> serde_json::Value {
    json!({
        "ok": report.findings.is_empty(),
        "invariants": report.invariants,
        "checked": report.checked.iter().map(|(what, rows)| json!({ "what": what, "rows": rows })).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(|f| json!({ "invariant": f.invariant, "subject": f.subject })).collect::<Vec<_>>(),
        "left_off": report.left_off,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_store::Finding;

    #[test]
    fn the_bar_grows_to_its_end() {
        let at = |done| bar(VerifyProgress { done, of: 4, last: "balances are sums" });
        assert_eq!(at(1), format!("{CLEAR_LINE}[{}{}] 1/4 balances are sums", "#".repeat(6), " ".repeat(18)));
        assert!(at(4).contains(&format!("[{}]", "#".repeat(24))));
    }

    #[test]
    fn a_clean_report_counts_and_a_broken_one_names() {
        let clean = VerifyReport { checked: vec![("orders", 12)], invariants: 30, ..VerifyReport::default() };
        assert_eq!(told(&clean), "CHECKED  ROWS\norders   12\n\nAll 30 invariants hold.");
        let finding = Finding { invariant: "balances are sums", subject: "psp:1".into() };
        let broken = VerifyReport { findings: vec![finding], ..clean };
        assert!(told(&broken).contains("balances are sums  psp:1") && told(&broken).contains("\n\n1 findings in 30 invariants."));
        assert_eq!(as_json(&broken)["ok"], false);
        let more = VerifyReport { left_off: true, ..broken };
        assert!(told(&more).contains("1 findings and more in 30 invariants."));
        assert_eq!(as_json(&more)["left_off"], true);
    }
}
