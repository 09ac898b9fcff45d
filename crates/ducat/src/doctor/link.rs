//! What lies between this node and its database server: who can read along, which limits hold, and whether both have the same time.

use super::check::Check;
use crate::serve::DRIFT;
use crate::system::SystemClock;
use ducat_domain::{Clock, Timestamp};
use ducat_store::{Link, ReadError, Store};
use std::time::Duration;

/// As long as a claim on a delivery is good: from here on nodes take each other's work.
const DRIFT_FAIL: Duration = Duration::from_secs(30);

pub(super) async fn look(store: &Store) -> Vec<Check> {
    let before = SystemClock.now();
    let link = store.link().await;
    checks(link, before, SystemClock.now())
}

fn checks(link: Result<Option<Link>, ReadError>, before: Timestamp, after: Timestamp) -> Vec<Check> {
    match link {
        Ok(Some(link)) => {
            let clock = clock(link.drift(before, after));
            [Some(privacy(&link)), Some(limits(&link)), Some(clock), role(&link)].into_iter().flatten().collect()
        }
        Ok(None) => Vec::new(),
        Err(e) => {
            vec![Check::warn("database connection", e.to_string(), "How this node is connected to its server cannot be seen.")]
        }
    }
}

fn privacy(link: &Link) -> Check {
    const NAME: &str = "database connection";
    match (link.is_encrypted, link.is_local) {
        (true, _) => Check::ok(NAME, "encrypted"),
        (false, true) => Check::ok(NAME, "not encrypted, and does not leave this machine"),
        (false, false) => Check::warn(
            NAME,
            "plain text to another machine",
            "Whoever is on the way reads orders and customers along. Switch ssl on at the server, and add ?sslmode=require to the address of the database.",
        ),
    }
}

fn limits(link: &Link) -> Check {
    const NAME: &str = "database limits";
    match &link.unlimited {
        None => Check::ok(NAME, "statements, locks and idle transactions are limited"),
        Some(names) => Check::warn(
            NAME,
            format!("too high, or switched off: {names}"),
            format!(
                "The address of the database, the role or the pooler sets them. A node gives up an answer after {} seconds, but the server goes on with \
                 what nobody waits for, and with its locks. Wanted: statement_timeout = 5s, lock_timeout = 2s, idle_in_transaction_session_timeout = 10s.",
                link.answer.as_secs()
            ),
        ),
    }
}

fn clock(drift: Duration) -> Check {
    const NAME: &str = "database clock";
    let detail = format!("{}.{:03} s apart from this machine's", drift.as_secs(), drift.subsec_millis());
    let advice = "Let a time service (chrony, systemd-timesyncd) set both clocks, and those of all nodes: leases, expiry and signatures go by them.";
    match drift {
        off if off >= DRIFT_FAIL => Check::fail(NAME, detail, advice),
        off if off >= DRIFT => Check::warn(NAME, detail, advice),
        _ => Check::ok(NAME, "as this machine's"),
    }
}

/// Without the role there is no way to run with less than the owner's rights.
fn role(link: &Link) -> Option<Check> {
    (!link.has_role).then(|| {
        let detail = format!("there is no role ducat_app: {} runs with all rights on the tables, or may not make roles", link.user);
        let advice = "Let somebody who may make roles run CREATE ROLE ducat_app NOLOGIN, before the first `ducat migrate` where you can. \
                      On tables that are there already, docs/operations.md says what to grant.";
        Check::warn("database rights", detail, advice)
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn link() -> Link {
        Link {
            user: "ducat".into(),
            is_encrypted: false,
            is_local: true,
            has_role: true,
            unlimited: None,
            answer: Duration::from_secs(7),
            clock: Timestamp::from_seconds(100),
        }
    }

    fn told(link: Link) -> Vec<(&'static str, State, String)> {
        let now = Timestamp::from_seconds(100);
        checks(Ok(Some(link)), now, now).into_iter().map(|check| (check.name, check.state, check.detail)).collect()
    }

    #[test]
    fn plain_text_is_well_within_the_machine_and_a_warning_beyond_it() {
        assert!(told(link()).iter().all(|check| check.1 == State::Ok));
        assert_eq!(told(Link { is_local: false, ..link() })[0].1, State::Warn);
        assert_eq!(told(Link { is_local: false, is_encrypted: true, ..link() })[0].1, State::Ok);
    }

    #[test]
    fn a_limit_that_the_address_switches_off_is_named() {
        let told = told(Link { unlimited: Some("lock_timeout".into()), ..link() });
        assert_eq!((told[1].1, told[1].2.as_str()), (State::Warn, "too high, or switched off: lock_timeout"));
    }

    #[test]
    fn a_server_that_has_another_time_is_told_of_in_either_direction() {
        for (theirs, state) in [(100, State::Ok), (98, State::Warn), (103, State::Warn), (20, State::Fail), (200, State::Fail)] {
            assert_eq!(told(Link { clock: Timestamp::from_seconds(theirs), ..link() })[2].1, state, "{theirs}");
        }
    }

    #[test]
    fn an_owner_who_could_not_make_the_role_hears_so() {
        assert_eq!(told(Link { has_role: false, ..link() })[3].0, "database rights");
    }
}
