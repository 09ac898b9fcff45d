//! Who else is busy on the database server: merchants hear of nothing that is newer than the oldest transaction that writes there. And what
//! keeps Ducat's own transactions from their end: a standby that is gone.

use super::check::Check;
use ducat_store::{HiddenSessions, OpenTransaction, ReadError, Store, WaitingCommits};
use std::time::Duration;

const NAME: &str = "open transactions";
/// Ducat's own transactions last for milliseconds. One that has been open for so long keeps merchants waiting noticeably.
const LONG: Duration = Duration::from_secs(10);

/// A standby that is well has a commit within milliseconds.
const LATE: Duration = Duration::from_secs(2);

pub(super) async fn look(store: &Store) -> Vec<Check> {
    match seen(store).await {
        Ok(checks) if checks.is_empty() => vec![Check::ok(NAME, "none is open for long on this server")],
        Ok(checks) => checks,
        Err(e) => vec![Check::warn(NAME, e.to_string(), "Whether somebody holds events back on this server cannot be seen.")],
    }
}

async fn seen(store: &Store) -> Result<Vec<Check>, ReadError> {
    let mut checks: Vec<Check> = store.waiting_commits(LATE).await?.iter().map(late).collect();
    checks.extend(store.open_transactions(LONG).await?.iter().map(judged));
    checks.extend(store.hidden_sessions().await?.iter().map(unseen));
    Ok(checks)
}

/// Whoever ends such a process has it answer that it is committed, which it then is on one server alone.
fn late(waiting: &WaitingCommits) -> Check {
    let WaitingCommits { count, seconds, standbys } = waiting;
    let have = if *count == 1 { "commit has" } else { "commits have" };
    Check::fail(
        "synchronous standby",
        format!(
            "{count} {have} been waiting for a synchronous standby for {seconds} s (synchronous_standby_names = {standbys:?})"
        ),
        "See whether the standby runs and follows this server (pg_stat_replication): until one does, nothing is committed. Leave the processes \
         that wait alone, for what they have written would be answered without the standby.",
    )
}

/// What cannot be seen is not well.
fn unseen(hidden: &HiddenSessions) -> Check {
    let HiddenSessions { count, roles, user } = hidden;
    let sessions = if *count == 1 { "session" } else { "sessions" };
    Check::warn(
        NAME,
        format!("in {count} {sessions} of other roles ({roles}) cannot be seen: {user} may not see since when theirs are open"),
        format!(
            "Whoever writes for long there holds events back unnoticed. Let a superuser run GRANT pg_read_all_stats TO {};",
            quoted(user)
        ),
    )
}

/// A role's name as SQL has it, which may hold anything.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    match name.starts_with(plain) && name.chars().all(|c| plain(c) || c.is_ascii_digit()) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

fn judged(open: &OpenTransaction) -> Check {
    let who = match (&open.prepared, open.pid) {
        (Some(name), _) => format!("the prepared transaction {name:?}"),
        (None, Some(pid)) if open.application.is_empty() => format!("process {pid}"),
        (None, Some(pid)) => format!("process {pid} ({})", open.application),
        (None, None) => "somebody".to_owned(),
    };
    let since = match open.seconds {
        Some(seconds) => format!("for {seconds} s"),
        None => "for long (the server shows only pg_read_all_stats how long)".to_owned(),
    };
    let does = match (open.writes, open.is_idle) {
        (true, false) => "has been writing",
        (true, true) => "has written, and waits with its transaction open,",
        (false, _) => "is idle in a transaction",
    };
    let detail = format!("{who} {does} {since} in database {}", open.database);
    Check::warn(NAME, detail, advice(open))
}

fn advice(open: &OpenTransaction) -> String {
    let harm = if open.writes {
        "Until it ends, no newer event of any order is listed or delivered to webhook endpoints; payments go on."
    } else {
        "It keeps what it has read or locked, and old rows cannot be cleared away until it ends."
    };
    let end = match (&open.prepared, open.pid) {
        (Some(name), _) => format!("end it in its own database with ROLLBACK PREPARED '{}'", name.replace('\'', "''")),
        (None, Some(pid)) => format!("end it with SELECT pg_terminate_backend({pid})"),
        (None, None) => "end it".to_owned(),
    };
    let ever = if open.is_idle && open.prepared.is_none() {
        " idle_in_transaction_session_timeout ends such by itself."
    } else {
        " Give Ducat a server of its own where others write for long."
    };
    format!("{harm} Ask whoever runs it, or {end}.{ever}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::State;

    fn open() -> OpenTransaction {
        OpenTransaction {
            pid: Some(4711),
            prepared: None,
            application: "nightly".into(),
            database: "reports".into(),
            seconds: Some(300),
            writes: true,
            is_idle: false,
        }
    }

    #[test]
    fn a_long_transaction_is_named_with_what_to_do() {
        let check = judged(&open());
        assert_eq!(check.state, State::Warn);
        assert_eq!(check.detail, "process 4711 (nightly) has been writing for 300 s in database reports");
        let advice = check.advice.unwrap();
        assert!(advice.contains("no newer event") && advice.contains("pg_terminate_backend(4711)"), "{advice}");
    }

    #[test]
    fn commits_that_wait_for_a_standby_are_a_failure_and_nobody_is_told_to_end_them() {
        let check = late(&WaitingCommits { count: 3, seconds: 42, standbys: "*".into() });
        assert_eq!(check.state, State::Fail);
        let said = "3 commits have been waiting for a synchronous standby for 42 s (synchronous_standby_names = \"*\")";
        assert_eq!(check.detail, said);
        let advice = check.advice.unwrap();
        assert!(advice.contains("whether the standby runs") && !advice.contains("pg_terminate_backend"), "{advice}");
    }

    #[test]
    fn what_cannot_be_seen_is_a_warning_with_the_right_that_is_missing() {
        let check = unseen(&HiddenSessions { count: 1, roles: "nightly".into(), user: "Shop".into() });
        assert_eq!(check.state, State::Warn);
        assert_eq!(
            check.detail,
            "in 1 session of other roles (nightly) cannot be seen: Shop may not see since when theirs are open"
        );
        assert!(check.advice.unwrap().ends_with("GRANT pg_read_all_stats TO \"Shop\";"));
        assert_eq!((quoted("ducat_1"), quoted("1d"), quoted("a\"b")), ("ducat_1".into(), "\"1d\"".into(), "\"a\"\"b\"".into()));
    }

    #[test]
    fn one_that_is_idle_one_that_is_hidden_and_one_that_is_prepared_are_told_apart() {
        let idle = judged(&OpenTransaction { writes: false, is_idle: true, application: String::new(), ..open() });
        assert_eq!(idle.detail, "process 4711 is idle in a transaction for 300 s in database reports");
        assert!(idle.advice.unwrap().contains("idle_in_transaction_session_timeout"));
        let hidden = judged(&OpenTransaction { seconds: None, ..open() });
        assert!(hidden.detail.contains("pg_read_all_stats"), "{}", hidden.detail);
        let prepared = OpenTransaction { pid: None, prepared: Some("it's".into()), is_idle: true, ..open() };
        let prepared = judged(&prepared);
        assert!(prepared.detail.starts_with("the prepared transaction \"it's\" has written"), "{}", prepared.detail);
        assert!(prepared.advice.unwrap().contains("ROLLBACK PREPARED 'it''s'"));
    }
}
