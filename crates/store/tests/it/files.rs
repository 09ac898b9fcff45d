//! The file itself: migrations, settings, and files that are not ours.

use crate::builders::*;
use ducat_store::*;
use rusqlite::Connection;
use std::path::PathBuf;

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ducat.db");
    (folder, path)
}

fn open(path: &std::path::Path) -> Result<Store, OpenError> {
    Store::open_sqlite(path, WriterMode::Caller, at(5))
}

#[test]
fn migrating_twice_changes_nothing() {
    let (_folder, path) = file();
    drop(open(&path).unwrap());
    let look = || {
        let db = Connection::open(&path).unwrap();
        let sql = "SELECT name || coalesce(sql, '') FROM sqlite_master UNION ALL SELECT number || name || applied_at FROM schema_migrations";
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let first = look();
    drop(Store::open_sqlite(&path, WriterMode::Caller, at(99)).unwrap());
    assert_eq!(look(), first);
    assert!(first.contains(&format!("1pay_in{}", at(5).as_micros())));
}

#[test]
fn many_programs_that_start_at_once_migrate_once() {
    let (_folder, path) = file();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || open(&path).map(drop).map_err(|e| e.to_string()))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}

#[test]
fn what_was_written_is_there_after_the_store_was_closed() {
    let (_folder, path) = file();
    run(async {
        let w = World::open(path.clone(), WriterMode::Thread, 1);
        let shop = w.shop().await;
        let paid = w.paid(shop).await;
        drop(w);
        let store = open(&path).unwrap();
        assert_eq!(store.payment(paid.order.merchant, paid.order.id).await.unwrap(), Some(paid));
    });
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let (_folder, path) = file();
    let open_before = open(&path).unwrap();
    run(async { open_before.ready().await.unwrap() });
    Connection::open(&path).unwrap().execute_batch("INSERT INTO schema_migrations VALUES (13, 'later', 1)").unwrap();
    // A program that runs already says so, too.
    run(async { assert!(open_before.ready().await.unwrap_err().to_string().contains("migration 13")) });
    let refused = open(&path).unwrap_err();
    let OpenError::Newer { found: 13, known } = refused else { panic!("{refused}") };
    assert_eq!(refused.to_string(), format!("the database has migration 13, this program knows only up to {known}"));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (_folder, path) = file();
    let text = "Dear diary, ".repeat(500);
    std::fs::write(&path, &text).unwrap();
    let refused = open(&path).unwrap_err().to_string();
    assert_eq!(refused, "the database cannot be opened: file is not a database");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    for theirs in ["CREATE TABLE songs (name TEXT)", "CREATE TABLE schema_migrations (version TEXT)"] {
        let (_folder, path) = file();
        Connection::open(&path).unwrap().execute_batch(theirs).unwrap();
        let before = std::fs::read(&path).unwrap();
        let refused = open(&path).unwrap_err();
        assert!(matches!(refused, OpenError::Foreign), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let (folder, _) = file();
    let refused = open(&folder.path().join("no").join("ducat.db")).unwrap_err().to_string();
    assert!(refused.contains("unable to open database file"), "{refused}");
}

#[test]
fn the_writer_syncs_every_commit_in_both_modes() {
    for mode in [WriterMode::Thread, WriterMode::Caller] {
        run(async {
            let told = World::sqlite(mode).store.durability().await.unwrap();
            let Durability::Sqlite { journal_mode, synchronous, foreign_keys, library } = told else { panic!("{told:?}") };
            assert_eq!((journal_mode.as_str(), synchronous, foreign_keys), ("wal", 2, true));
            let library: Vec<u32> = library.split('.').map(|n| n.parse().unwrap()).collect();
            assert!(library >= vec![3, 51, 3], "{library:?} may corrupt the log");
        });
    }
}
