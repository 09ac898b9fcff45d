//! Transactions that others leave open on the same server: they are told of, because readers of events wait for them. So is what cannot be
//! seen of them, and what only looks like one of them: a commit that waits for a standby.

use super::builders::{World, connect, run};
use ducat_store::{OpenTransaction, PostgresSettings, Statements, Store};
use ducat_test_servers::{FOLLOWED, Server};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// A server of its own: what is left open here would hold up everybody else's tests.
fn server() -> Server {
    Server::start(&format!("{FOLLOWED} -c max_prepared_transactions=2"))
}

async fn named(w: &World, application: &str) -> Option<OpenTransaction> {
    let open = w.store.open_transactions(Duration::ZERO).await.unwrap();
    open.into_iter().find(|one| one.application == application || one.prepared.as_deref() == Some(application))
}

#[test]
fn who_leaves_a_transaction_open_is_told_of_by_name_wherever_on_the_server_it_is() {
    run(async {
        let server = server();
        let w = World::at_server(server.database("template0"), Statements::Kept, 1).await;
        let elsewhere = server.database("template0");
        let writer = connect(&format!("{elsewhere}?application_name=nightly")).await;
        writer.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
        let found = named(&w, "nightly").await.expect("it writes");
        assert_eq!((found.writes, found.is_idle), (true, true));
        assert_eq!(found.database, elsewhere.rsplit('/').next().unwrap());
        let pid: i32 = writer.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        assert_eq!((found.pid, found.seconds.map(|s| s < 60)), (Some(i64::from(pid)), Some(true)));
        assert_eq!(w.store.open_transactions(HOUR).await.unwrap(), [], "none has been open for so long");

        writer.batch_execute("PREPARE TRANSACTION 'left'").await.unwrap();
        assert_eq!(named(&w, "nightly").await, None);
        let left = named(&w, "left").await.expect("it is nobody's, and there");
        assert_eq!((left.pid, left.writes), (None, true));
        writer.batch_execute("ROLLBACK PREPARED 'left'").await.unwrap();
        assert_eq!(named(&w, "left").await, None);
    });
}

#[test]
fn who_idles_in_a_transaction_of_our_database_is_told_of_and_elsewhere_is_not() {
    run(async {
        let server = server();
        let w = World::at_server(server.database("template0"), Statements::Kept, 1).await;
        let here = connect(&format!("{}?application_name=here", w.url)).await;
        let there = connect(&format!("{}?application_name=there", server.database("template0"))).await;
        for reader in [&here, &there] {
            reader.batch_execute("BEGIN; SELECT 1").await.unwrap();
        }
        let found = named(&w, "here").await.expect("it idles");
        assert_eq!((found.writes, found.is_idle), (false, true));
        assert_eq!(named(&w, "there").await, None, "it holds nothing of ours");
        here.batch_execute("COMMIT").await.unwrap();
        assert_eq!(named(&w, "here").await, None);
    });
}

#[test]
fn sessions_that_are_hidden_from_us_are_counted_until_we_may_see_them() {
    run(async {
        let server = server();
        let w = World::at_server(server.database("template0"), Statements::Kept, 1).await;
        assert_eq!(w.store.hidden_sessions().await.unwrap(), None, "who may do everything sees everything");
        let ours = w.url.rsplit('/').next().unwrap();
        server
            .run_sql(ours, "CREATE ROLE till LOGIN; GRANT ducat_app TO till; CREATE ROLE nightly LOGIN; CREATE ROLE idler LOGIN");
        let till = World::at_server(w.url.replace("ducat@", "till@"), Statements::Kept, 1).await;
        let hidden = async || till.store.hidden_sessions().await.unwrap();

        let elsewhere = server.database("template0").replace("ducat@", "nightly@");
        let writer = connect(&elsewhere).await;
        let found = hidden().await.expect("sessions of our database that are not ours");
        assert_eq!(
            (found.roles.as_str(), found.user.as_str()),
            ("ducat", "till"),
            "who writes nothing elsewhere holds nothing of ours"
        );
        writer.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
        assert_eq!(
            till.store.open_transactions(Duration::ZERO).await.unwrap(),
            [],
            "the server does not say since when it writes"
        );
        let _idler = connect(&w.url.replace("ducat@", "idler@")).await;
        assert_eq!(hidden().await.unwrap().roles, "ducat, idler, nightly");

        server.run_sql(ours, "GRANT pg_read_all_stats TO till");
        assert_eq!(hidden().await, None);
        assert!(
            till.store.open_transactions(Duration::ZERO).await.unwrap().iter().any(|open| open.writes && open.seconds.is_some())
        );
    });
}

#[test]
fn a_commit_that_waits_for_a_standby_is_no_open_transaction() {
    run(async {
        let server = server();
        let w = World::at_server(server.database("template0"), Statements::Kept, 1).await;
        let writer = connect(&format!("{}?application_name=stuck", w.url)).await;
        server.run_sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        server.run_sql("postgres", "SELECT pg_reload_conf()");
        // The server heeds its new settings a little later.
        let writing =
            tokio::spawn(async move { while writer.batch_execute("CREATE TABLE stuck (); DROP TABLE stuck").await.is_ok() {} });
        let begun = std::time::Instant::now();
        let found = loop {
            if let Some(found) = w.store.waiting_commits(Duration::from_millis(200)).await.unwrap() {
                break found;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no commit waits for the standby");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!((found.count, found.standbys.as_str()), (1, "*"));
        assert!(found.seconds < 60, "{found:?}");
        assert_eq!(named(&w, "stuck").await, None, "it is committed already");
        assert_eq!(w.store.waiting_commits(HOUR).await.unwrap(), None);
        writing.abort();
        server.run_sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
        server.run_sql("postgres", "SELECT pg_reload_conf()");
    });
}

#[test]
fn to_ask_whether_there_is_anything_makes_nothing() {
    run(async {
        let url = ducat_test_servers::database();
        let settings = PostgresSettings {
            url: ducat_domain::Secret::new(url.clone()),
            readers: 1,
            writers: 1,
            statements: Statements::Kept,
        };
        for _ in 0..2 {
            assert!(Store::is_empty_server(&settings).await.unwrap());
        }
        World::at_server(url, Statements::Kept, 1).await;
        assert!(!Store::is_empty_server(&settings).await.unwrap());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ducat.db");
        assert!(Store::is_empty_file(&path) && !path.exists());
        std::fs::write(&path, b"").unwrap();
        assert!(Store::is_empty_file(&path));
        World::open(path.clone(), ducat_store::WriterMode::Caller, 1);
        assert!(!Store::is_empty_file(&path));
        std::fs::write(&path, b"somebody else's").unwrap();
        assert!(!Store::is_empty_file(&path), "what cannot be read is not empty");
    });
}
