//! The database: whether a commit survives a power cut, and whether the file is whole.

use super::check::Check;
use crate::config::Config;
use crate::wiring;
use ducat_store::Durability;

/// Older libraries have a flaw in WAL that can damage a file when several connections write.
const LEAST_LIBRARY: [u32; 3] = [3, 51, 3];

pub(super) async fn look(config: &Config) -> Vec<Check> {
    let path = wiring::database_path(config);
    let shown = path.display();
    if !path.exists() {
        return vec![Check::ok("database", format!("{shown} is not there yet; `ducat serve` makes it"))];
    }
    let advice = "Look at the file's owner and at the disk; a copy of the file and its -wal is the first thing to make.";
    let store = match wiring::open_store(config) {
        Ok(store) => store,
        Err(e) => return vec![Check::fail("database", e.to_string(), advice)],
    };
    let mut checks = match store.ready().await {
        Ok(()) => vec![Check::ok("database", format!("{shown} answers"))],
        Err(e) => vec![Check::fail("database", e.to_string(), advice)],
    };
    match store.durability().await {
        Ok(durability) => checks.extend(settings(&durability)),
        Err(e) => checks.push(Check::fail("durability", e.to_string(), advice)),
    }
    checks
}

fn settings(found: &Durability) -> Vec<Check> {
    let advice = "This is set at every opening: the disk or file system does not allow it. Put the data folder on a local disk.";
    let judge = |name, good: bool, detail: String| if good { Check::ok(name, detail) } else { Check::fail(name, detail, advice) };
    let library: Vec<u32> = found.library.split('.').filter_map(|part| part.parse().ok()).collect();
    vec![
        judge("journal mode", found.journal_mode.eq_ignore_ascii_case("wal"), format!("{} (wanted: wal)", found.journal_mode)),
        judge("synchronous", found.synchronous >= 2, format!("{} (wanted: 2, FULL)", found.synchronous)),
        judge("foreign keys", found.foreign_keys, if found.foreign_keys { "enforced".into() } else { "not enforced".to_owned() }),
        judge(
            "database library",
            library[..] >= LEAST_LIBRARY[..],
            format!("SQLite {} (wanted: 3.51.3 or later)", found.library),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn what_would_lose_a_commit_is_a_failure() {
        let good = Durability { journal_mode: "wal".into(), synchronous: 2, foreign_keys: true, library: "3.52.0".into() };
        assert!(settings(&good).iter().all(|check| check.state == State::Ok));
        let bad = Durability { journal_mode: "delete".into(), synchronous: 1, foreign_keys: false, library: "3.51.2".into() };
        assert!(settings(&bad).iter().all(|check| check.state == State::Fail && check.advice.is_some()));
    }
}
