//! Who else is busy on the database server: merchants hear of nothing that is newer than the oldest transaction that writes there.

use super::check::Check;
use ducat_store::{OpenTransaction, Store};
use std::time::Duration;

const NAME: &str = "open transactions";
/// Ducat's own transactions last for milliseconds. One that has been open for so long keeps merchants waiting noticeably.
const LONG: Duration = Duration::from_secs(10);

pub(super) async fn look(store: &Store) -> Vec<Check> {
    match store.open_transactions(LONG).await {
        Ok(open) if open.is_empty() => vec![Check::ok(NAME, "none is open for long on this server")],
        Ok(open) => open.iter().map(judged).collect(),
        Err(e) => vec![Check::warn(NAME, e.to_string(), "Whether somebody holds events back on this server cannot be seen.")],
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
