//! The database: whether it answers, and whether a commit survives a power cut.

use super::check::Check;
use super::{files, link, neighbours};
use crate::config::{Config, Database};
use crate::wiring::{self, Unopened};
use ducat_store::{Durability, OpenError, ReadError, Unready};

/// Older libraries have a flaw in WAL that can damage a file when several connections write.
const LEAST_LIBRARY: [u32; 3] = [3, 51, 3];
/// Older servers lack what the schema is made of.
const LEAST_SERVER: i64 = 150_000;

/// The check of whether it answers.
const NAME: &str = "database";
/// What is to be done first where it has no folder.
const NO_FOLDER: &str = "See to the data folder above first.";
/// What is to be done about a database that a later version has migrated.
const NEWER: &str = "Run the version that has migrated it, or a later one: this one does not know all that is kept there.";

pub(super) async fn look(config: &Config) -> Vec<Check> {
    let database = wiring::database(config);
    let advice = match &database {
        Database::Sqlite(_) => {
            "Look at the file's owner and at the disk; a copy of the file and its -wal is the first thing to make."
        }
        Database::Postgres(_) => {
            "Look at whether the server runs, and at the name, password, host and database in DUCAT_DATABASE_URL."
        }
    };
    match wiring::is_empty(config).await {
        // To open it would make it: the doctor only looks.
        Ok(true) => {
            let mut checks = vec![nothing_yet(&database, config)];
            checks.extend(wiring::durability_of_nothing(config).await.into_iter().flat_map(|found| durability(found, advice)));
            return checks;
        }
        Ok(false) => {}
        Err(e) => return vec![unopened(&e, advice)],
    }
    let store = match wiring::look_at_store(config).await {
        Ok(store) => store,
        Err(e) => return vec![unopened(&e, advice)],
    };
    let mut checks = match store.ready().await {
        Ok(()) => vec![Check::ok(NAME, format!("{database} answers"))],
        Err(e @ Unready::Newer { .. }) => vec![Check::fail(NAME, e.to_string(), NEWER)],
        Err(e) => vec![Check::fail(NAME, e.to_string(), advice)],
    };
    checks.extend(durability(store.durability().await, advice));
    checks.push(rules(store.rules().await));
    // Whoever only looks goes by the database.
    if let Err(e) = store.clone().with_balances(config.balances).prove_balances().await {
        checks.push(Check::fail("balances", e.to_string(), "Set what the database says, or change it for all nodes as it says."));
    }
    if let Database::Postgres(_) = database {
        checks.extend(link::look(&store).await);
        checks.extend(neighbours::look(&store).await);
    }
    checks
}

/// What is to be done about what was found; `silent` where the database does not answer as one does.
fn unopened(why: &Unopened, silent: &'static str) -> Check {
    let advice = match why {
        Unopened::Folder(_) => NO_FOLDER,
        Unopened::Older { .. } => {
            "It is well, and waits for its migrations: `ducat migrate` makes them, when every node has stopped and there is a backup."
        }
        Unopened::Refused { why: OpenError::Newer { .. }, .. } => NEWER,
        Unopened::Refused { why: OpenError::Foreign, .. } => {
            "Name a database of Ducat's own in database_url: an empty one will do."
        }
        Unopened::Refused { why: OpenError::Database(_) | OpenError::Writer(_), .. } => silent,
        // Those say themselves who has to do what.
        Unopened::Refused { .. } => "It answers. Do what is said above, and run `ducat doctor` again.",
    };
    Check::fail(NAME, why.to_string(), advice)
}

fn nothing_yet(database: &Database, config: &Config) -> Check {
    match database {
        Database::Sqlite(_) if files::unmakeable(&config.data_dir).is_some() => {
            Check::fail(NAME, format!("{database} is not there yet, and cannot be made"), NO_FOLDER)
        }
        Database::Sqlite(_) => Check::ok(NAME, format!("{database} is not there yet; `ducat serve` makes it")),
        Database::Postgres(_) => {
            Check::ok(NAME, format!("{database} answers, and there is nothing in it yet; `ducat serve` makes the tables"))
        }
    }
}

fn durability(found: Result<Durability, ReadError>, advice: &'static str) -> Vec<Check> {
    found.map_or_else(|e| vec![Check::fail("durability", e.to_string(), advice)], |found| settings(&found))
}

fn settings(found: &Durability) -> Vec<Check> {
    match found {
        Durability::Sqlite { journal_mode, synchronous, foreign_keys, library } => {
            of_the_file(journal_mode, *synchronous, *foreign_keys, library)
        }
        Durability::Postgres { synchronous_commit, fsync, full_page_writes, version } => {
            vec![
                commits(synchronous_commit),
                switched_on("fsync", fsync),
                switched_on("full page writes", full_page_writes),
                release(*version),
            ]
        }
    }
}

fn of_the_file(journal_mode: &str, synchronous: i64, foreign_keys: bool, library: &str) -> Vec<Check> {
    let advice = "This is set at every opening: the disk or file system does not allow it. Put the data folder on a local disk.";
    let judge = |name, good: bool, detail: String| if good { Check::ok(name, detail) } else { Check::fail(name, detail, advice) };
    let version: Vec<u32> = library.split('.').filter_map(|part| part.parse().ok()).collect();
    vec![
        judge("journal mode", journal_mode.eq_ignore_ascii_case("wal"), format!("{journal_mode} (wanted: wal)")),
        judge("synchronous", synchronous >= 2, format!("{synchronous} (wanted: 2, FULL)")),
        judge("foreign keys", foreign_keys, if foreign_keys { "enforced".into() } else { "not enforced".to_owned() }),
        judge("database library", version[..] >= LEAST_LIBRARY[..], format!("SQLite {library} (wanted: 3.51.3 or later)")),
    ]
}

/// When a commit is answered: once the server's disk has it, or a standby too.
fn commits(synchronous_commit: &str) -> Check {
    const NAME: &str = "synchronous commit";
    let detail = format!("{synchronous_commit} (wanted: on, remote_write or remote_apply)");
    match synchronous_commit {
        "on" | "remote_write" | "remote_apply" => Check::ok(NAME, detail),
        "local" => Check::warn(
            NAME,
            detail,
            "A standby that takes over may lack what was answered. Where there is one, set synchronous_commit = on for Ducat's role.",
        ),
        _ => Check::fail(
            NAME,
            detail,
            "What was answered is lost when the server breaks off. Set synchronous_commit = on for Ducat's role: ALTER ROLE … SET.",
        ),
    }
}

/// The rules are in the database itself: whoever may change tables can take them away.
fn rules(wrong: Result<Vec<String>, ReadError>) -> Check {
    const NAME: &str = "database rules";
    match wrong {
        Ok(wrong) if wrong.is_empty() => Check::ok(NAME, "as the migrations make them"),
        Ok(wrong) => Check::fail(
            NAME,
            wrong.join("; "),
            "Somebody has changed what guards the books. Bring it back from a database that is sound, then run `ducat verify`.",
        ),
        Err(e) => Check::fail(NAME, e.to_string(), "Look at the database above."),
    }
}

fn switched_on(name: &'static str, value: &str) -> Check {
    let detail = format!("{value} (wanted: on)");
    match value {
        "on" => Check::ok(name, detail),
        _ => Check::fail(name, detail, "A power cut may destroy the database. Switch it on in the server's configuration."),
    }
}

fn release(version: i64) -> Check {
    const NAME: &str = "database server";
    let detail = format!("PostgreSQL {}.{} (wanted: 15 or later)", version / 10_000, version % 10_000);
    match version {
        LEAST_SERVER.. => Check::ok(NAME, detail),
        _ => Check::fail(NAME, detail, "Bring the server to a later version: pg_upgrade, or a copy into a new one."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn file(journal_mode: &str, synchronous: i64, foreign_keys: bool, library: &str) -> Durability {
        Durability::Sqlite { journal_mode: journal_mode.into(), synchronous, foreign_keys, library: library.into() }
    }

    fn server(synchronous_commit: &str, disk: &str, version: i64) -> Durability {
        let (fsync, full_page_writes) = (disk.into(), disk.into());
        Durability::Postgres { synchronous_commit: synchronous_commit.into(), fsync, full_page_writes, version }
    }

    #[test]
    fn what_would_lose_a_commit_is_a_failure() {
        let well = |found: &Durability| settings(found).iter().all(|check| check.state == State::Ok);
        let ill = |found: &Durability| settings(found).iter().all(|c| c.state == State::Fail && c.advice.is_some());
        assert!(well(&file("wal", 2, true, "3.52.0")));
        assert!(ill(&file("delete", 1, false, "3.51.2")));
        for enough in ["on", "remote_write", "remote_apply"] {
            assert!(well(&server(enough, "on", 150_000)), "{enough}");
        }
        assert!(ill(&server("off", "off", 149_999)));
        assert!(ill(&server("", "", 90_624)));
    }

    #[test]
    fn a_commit_that_does_not_wait_for_a_standby_is_a_warning() {
        let states: Vec<State> = settings(&server("local", "on", 180_001)).iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Warn, State::Ok, State::Ok, State::Ok]);
        assert_eq!(settings(&server("on", "on", 180_001))[3].detail, "PostgreSQL 18.1 (wanted: 15 or later)");
    }
}
