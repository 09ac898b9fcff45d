//! Verbs that answer at once: keys, verify, doctor, migrate, settings, openapi.

use super::support::process::Program;
use super::{Gateway, text};
use serde_json::{Value, json};
use std::path::Path;

fn json_of(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[tokio::test]
async fn a_key_is_made_listed_used_and_revoked_beside_a_running_gateway() {
    let gateway = Gateway::start().await;
    let made = json_of(&gateway.program.run(&["keys", "create", "--name", "till", "--scope", "read", "--json"]));
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    let orders = format!("{}/v1/payment_orders", gateway.url);
    assert_eq!(gateway.http.get(&orders, Some(key)).await.unwrap().status, 200);
    let order = json!({"reference": "x", "amount": 500, "currency": "EUR"});
    assert_eq!(gateway.http.post_json(&orders, key, None, &order).await.unwrap().status, 403);
    let listed = text(&gateway.program.run(&["keys", "list"]).stdout);
    assert!(listed.contains(id) && listed.contains("till") && !listed.contains(key), "{listed}");
    let revoked = gateway.program.run(&["keys", "revoke", id]);
    assert!(revoked.status.success() && text(&revoked.stdout).contains("is revoked"), "{revoked:?}");
    let begun = std::time::Instant::now();
    while gateway.http.get(&orders, Some(key)).await.unwrap().status != 401 {
        assert!(begun.elapsed().as_secs() < 8, "a revoked key still opens");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(!gateway.program.run(&["keys", "revoke", "ak_nonsense"]).status.success());
}

#[tokio::test]
async fn verify_is_clean_after_a_sale_and_finds_a_changed_posting() {
    let mut gateway = Gateway::start().await;
    let key = gateway.key();
    let orders = format!("{}/v1/payment_orders", gateway.url);
    let order = gateway
        .http
        .post_json(&orders, &key, None, &json!({"reference": "x", "amount": 500, "currency": "EUR"}))
        .await
        .unwrap()
        .json();
    pay(&gateway, order["redirect_url"].as_str().unwrap()).await;
    let one = format!("{orders}/{}", order["id"].as_str().unwrap());
    let begun = std::time::Instant::now();
    while gateway.http.get(&one, Some(&key)).await.unwrap().json()["status"] != "succeeded" {
        assert!(begun.elapsed().as_secs() < 15, "{}", gateway.running.said());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    gateway.stop().await;
    let clean = gateway.program.run(&["verify", "--json"]);
    assert!(clean.status.success() && json_of(&clean)["ok"] == true, "{clean:?}");
    assert!(text(&gateway.program.run(&["verify"]).stdout).contains("invariants hold"));

    let database = rusqlite::Connection::open(gateway.program.folder.join("ducat-data/ducat.db")).unwrap();
    database
        .execute_batch("DROP TRIGGER postings_never_change; UPDATE postings SET amount = amount + 1 WHERE amount > 0")
        .unwrap();
    drop(database);
    let broken = gateway.program.run(&["verify", "--json"]);
    assert_eq!(broken.status.code(), Some(1));
    let findings = json_of(&broken)["findings"].to_string();
    assert!(findings.contains("sums to zero"), "{findings}");
    assert!(text(&gateway.program.run(&["verify"]).stdout).contains("BROKEN"));
    let report = json_of(&gateway.program.run(&["doctor", "--json"]));
    let rules = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "database rules").unwrap();
    assert_eq!((&rules["state"], &rules["detail"]), (&json!("fail"), &json!("missing: trigger postings_never_change")));
}

/// Pays on the sandbox's page as a browser without scripts does.
async fn pay(gateway: &Gateway, page: &str) {
    let shown = gateway.http.get(page, None).await.unwrap().text();
    let (action, fields) = super::support::forms::card_form(&shown, "4242424242424242").unwrap();
    let target = url::Url::parse(page).unwrap().join(&action).unwrap();
    let answer = gateway.http.post_form(target.as_str(), None, &fields).await.unwrap();
    assert!(answer.location.is_some(), "{}", answer.text());
}

#[tokio::test]
async fn doctor_finds_a_running_sandbox_gateway_well_and_says_where_settings_come_from() {
    let gateway = Gateway::start().await;
    let output = gateway.program.run(&["doctor", "--json"]);
    let report = json_of(&output);
    assert!(output.status.success() && report["ok"] == true, "{report:#}");
    let state =
        |name: &str| report["checks"].as_array().unwrap().iter().find(|c| c["name"] == name).map(|c| c["state"].clone()).unwrap();
    for name in [
        "data folder",
        "master key",
        "database",
        "journal mode",
        "synchronous",
        "foreign keys",
        "database library",
        "PSP key",
        "reachable",
        "clock",
    ] {
        assert_eq!(state(name), "ok", "{name}: {report:#}");
    }
    let listen = report["settings"].as_array().unwrap().iter().find(|s| s["name"] == "listen").unwrap();
    assert_eq!(listen["from"], "DUCAT_LISTEN");
    assert!(text(&gateway.program.run(&["doctor"]).stdout).contains("0 fail"));
}

#[tokio::test]
async fn doctor_fails_on_an_open_master_key_and_warns_of_an_address_nobody_reaches() {
    let mut gateway = Gateway::start().await;
    gateway.stop().await;
    let key = gateway.program.folder.join("ducat-data/master.key");
    std::process::Command::new("chmod").arg("644").arg(&key).status().unwrap();
    let program =
        gateway.program.clone().with("DUCAT_STRIPE_API_KEY", "sk_live_mine").with("DUCAT_STRIPE_API_BASE", "http://127.0.0.1:9");
    let output = program.run(&["doctor"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("chmod 600") && said.contains("DUCAT_PUBLIC_URL") && !said.contains("sk_live_mine"), "{said}");
}

#[test]
fn what_only_prints_needs_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path()).with("DUCAT_LISTEN", "nonsense");
    let document = json_of(&program.run(&["openapi"]));
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1") && document["paths"]["/v1/payment_orders"].is_object());
    assert!(text(&program.run(&["settings"]).stdout).contains("# listen = "));
    assert!(text(&program.run(&["--version"]).stdout).starts_with("ducat "));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn to_list_keys_where_there_is_nothing_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path());
    let listed = program.run(&["keys", "list"]);
    assert!(listed.status.success() && text(&listed.stdout).contains("No keys yet"), "{listed:?}");
    assert_eq!(json_of(&program.run(&["keys", "list", "--json"])), json!([]));
    let revoked = program.run(&["keys", "revoke", "ak_00000000000000000000000000"]);
    assert!(!revoked.status.success() && text(&revoked.stderr).contains("holds no keys"), "{revoked:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // A database without a merchant stays one, and no key is made that would have to be kept.
    assert!(program.run(&["migrate"]).status.success());
    assert_eq!(json_of(&program.run(&["keys", "list", "--json"])), json!([]));
    assert!(!folder.path().join("ducat-data/master.key").exists());
    let database = rusqlite::Connection::open(folder.path().join("ducat-data/ducat.db")).unwrap();
    assert_eq!(database.query_row("SELECT count(*) FROM merchants", [], |row| row.get(0)), Ok(0));
}

#[test]
fn migrate_makes_the_database_and_verify_holds_over_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path());
    let data = folder.path().join("ducat-data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("ducat.db"), b"").unwrap();
    for _ in 0..2 {
        assert_eq!(program.run(&["verify"]).status.code(), Some(1), "there is nothing to verify yet");
        assert!(text(&program.run(&["doctor"]).stdout).contains("is not there yet; `ducat serve` makes it"));
    }
    assert_eq!(std::fs::metadata(data.join("ducat.db")).unwrap().len(), 0, "to look makes nothing");
    assert!(program.run(&["migrate"]).status.success() && program.run(&["migrate"]).status.success());
    assert!(program.run(&["verify"]).status.success());
}

#[test]
fn a_data_folder_that_cannot_be_made_is_told_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), b"").unwrap();
    std::os::unix::fs::symlink("nowhere/there", folder.path().join("link")).unwrap();
    for path in ["/proc/x", "file/data", "file", "link"] {
        let program = Program::in_folder(folder.path()).with("DUCAT_LISTEN", "127.0.0.1:0").with("DUCAT_DATA_DIR", path);
        for verb in ["serve", "migrate"] {
            let refused = text(&program.run(&[verb]).stderr);
            assert!(refused.starts_with(&format!("ducat: data_dir: the folder {path} cannot be made: ")), "{refused}");
        }
        let report = json_of(&program.run(&["doctor", "--json"]));
        let checks = report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["name"] == "data folder").unwrap();
        assert!(found["state"] == "fail" && found["detail"].as_str().unwrap().starts_with("data_dir: "), "{path}: {report:#}");
        assert!(checks.iter().all(|c| c["name"] != "database" || c["state"] == "fail"), "{path}: {report:#}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "to look makes nothing");
}

#[test]
fn what_doctor_advises_fits_a_database_of_another_version() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path());
    assert!(program.run(&["migrate"]).status.success());
    let path = program.folder.join("ducat-data/ducat.db");
    let advice = || {
        let report = json_of(&program.run(&["doctor", "--json"]));
        let found = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "database").unwrap().clone();
        assert_eq!(found["state"], "fail", "{report:#}");
        found["advice"].as_str().unwrap().to_owned()
    };
    let later = "INSERT INTO schema_migrations VALUES (99, 'later', 1)";
    rusqlite::Connection::open(&path).unwrap().execute_batch(later).unwrap();
    assert!(advice().contains("Run the version that has migrated it"), "{}", advice());
    let (older, _) = older_database(&path);
    assert!(advice().contains("`ducat migrate`") && !advice().contains("owner"), "{}", advice());
    drop(older);
    std::fs::write(&path, "Dear diary, ".repeat(500)).unwrap();
    assert!(advice().contains("the file's owner"), "{}", advice());
}

/// Puts in the place of a database what a version before the last migration would have left there, and says the number of that migration.
fn older_database(path: &Path) -> (rusqlite::Connection, u32) {
    let today = rusqlite::Connection::open(path).unwrap();
    let list = "SELECT sql FROM sqlite_master WHERE name = 'schema_migrations'";
    let list: String = today.query_row(list, [], |row| row.get(0)).unwrap();
    drop(today);
    std::fs::remove_file(path).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/migrations/sqlite");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.pop();
    let older = rusqlite::Connection::open(path).unwrap();
    older.execute_batch(&format!("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; {list}")).unwrap();
    for (number, file) in (1..).zip(&files) {
        older.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
        older.execute("INSERT INTO schema_migrations VALUES (?1, 'then', 1)", [number]).unwrap();
    }
    (older, u32::try_from(files.len()).unwrap() + 1)
}

#[test]
fn a_verb_that_looks_migrates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path());
    assert!(program.run(&["migrate"]).status.success());
    let (database, known) = older_database(&program.folder.join("ducat-data/ducat.db"));
    let newest = || database.query_row("SELECT max(number) FROM schema_migrations", [], |row| row.get::<_, u32>(0)).unwrap();
    for verb in [&["verify"][..], &["doctor"], &["keys", "list"], &["keys", "create", "--name", "till"]] {
        let output = program.run(verb);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success() && said.contains("1 of this one's migrations"), "{verb:?}: {said}");
        assert_eq!(newest(), known - 1, "{verb:?}");
    }
    assert!(program.run(&["migrate"]).status.success());
    assert_eq!(newest(), known);
    assert!(program.run(&["verify"]).status.success());
}
