//! A gateway that keeps everything in PostgreSQL: the same verbs, and a password that nobody sees.

use super::receiver::Receiver;
use super::support::process::{PATIENCE, Program};
use super::{Gateway, text};
use ducat_test_servers::{FOLLOWED, Pooler, Server, free_port};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// What stands for the password; the server of the tests asks for none.
const PASSWORD: &str = "hidden-from-everybody";

/// The address of an empty database, with a password in it.
fn address() -> String {
    let url = ducat_test_servers::database();
    let (login, place) = url.split_once('@').expect("an address with a name");
    format!("{login}:{PASSWORD}@{place}")
}

fn json_of(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[tokio::test]
async fn on_a_server_a_sale_is_kept_verified_and_found_again_and_the_password_is_shown_nowhere() {
    let url = address();
    let settings =
        |program: Program| program.with("DUCAT_DATABASE_URL", &url).with("DUCAT_LOG", "trace,tokio_postgres::query=trace");
    let mut gateway = Gateway::start_with(settings).await;
    let key = gateway.key();
    let order = gateway.order(json!({"reference": "r1", "amount": 500, "currency": "EUR"})).await;
    assert_eq!(order["status"], "pending", "{order}");
    assert!(!gateway.program.folder.join("ducat-data/ducat.db").exists(), "a file was made beside the server");

    let mut shown = vec![gateway.said(&["migrate"]), gateway.said(&["verify"]), gateway.said(&["keys", "list"])];
    assert!(shown[0].contains("ducat:…@127.0.0.1") && shown[0].contains("has the newest schema"), "{}", shown[0]);
    assert!(shown[1].contains("invariants hold"), "{}", shown[1]);
    let examined = gateway.program.run(&["doctor", "--json"]);
    let report = json_of(&examined);
    let check = |name: &str| report["checks"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap()["state"].clone();
    let well = ["master key", "database", "synchronous commit", "database server", "open transactions", "PSP key"];
    for name in well.into_iter().chain(["database rules", "database connection", "database limits", "database clock"]) {
        assert_eq!(check(name), "ok", "{name}: {report:#}");
    }
    let unlimited = format!("{url}?options=-c%20lock_timeout%3D0%20-c%20statement_timeout%3D1min");
    let report = json_of(&gateway.program.clone().with("DUCAT_DATABASE_URL", &unlimited).run(&["doctor", "--json"]));
    let limits = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == "database limits").unwrap();
    assert_eq!(limits["detail"], "too high, or switched off: lock_timeout, statement_timeout", "{report:#}");
    // The server of the tests does not wait for its disk, and that is what the doctor is for.
    assert_eq!((check("fsync"), check("full page writes"), examined.status.code()), (json!("fail"), json!("fail"), Some(1)));
    shown.extend([text(&examined.stdout), text(&examined.stderr), text(&gateway.program.run(&["doctor"]).stdout)]);

    gateway.stop().await;
    shown.push(gateway.running.said());
    gateway.running = gateway.program.start("again", &["serve"]);
    gateway.running.until_said("Create an order").await;
    assert_eq!(gateway.key(), key);
    let path = format!("/v1/payment_orders/{}", order["id"].as_str().unwrap());
    assert_eq!(gateway.asked(&path).await["psp_token"], order["psp_token"]);
    shown.push(gateway.running.said());
    for told in &shown {
        // Nor what the driver sends: the orders' and customers' data.
        assert!(!told.contains(PASSWORD) && !told.contains("executing statement"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_customers_pay_jobs_are_done_and_the_shop_is_told() {
    let url = ducat_test_servers::database();
    let pooler = Pooler::before(&url);
    let settings = |program: Program| {
        program
            .with("DUCAT_DATABASE_URL", pooler.url(&url))
            .with("DUCAT_DATABASE_STATEMENTS", "read_anew")
            .with("DUCAT_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    };
    let mut gateway = Gateway::start_with(settings).await;
    let receiver = Receiver::start(free_port()).await;
    let endpoint = json!({"url": receiver.url, "types": ["refund.succeeded", "dispute.won"]});
    let url = format!("{}/v1/webhook_endpoints", gateway.url);
    let made = gateway.http.post_json(&url, &gateway.key(), None, &endpoint).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.json());
    // A payment with calls, messages and pages; a refund and evidence, which are jobs.
    for event in ["refund.succeeded", "dispute.won"] {
        gateway.said(&["trigger", event]);
    }
    let told: Vec<Value> = receiver.until(2).await.iter().map(|message| message.event()["type"].clone()).collect();
    assert_eq!(told, ["refund.succeeded", "dispute.won"]);
    gateway.stop().await;
    assert!(gateway.said(&["verify"]).contains("invariants hold"));
}

#[test]
fn an_owner_who_may_not_make_roles_gets_the_tables_and_hears_what_is_missing() {
    // Roles belong to the whole server, and the one of the other tests has this one.
    let server = Server::start(FOLLOWED);
    server.run_sql("postgres", "CREATE ROLE keeper LOGIN; CREATE ROLE till LOGIN;");
    server.run_sql("postgres", "CREATE DATABASE shop OWNER keeper");
    let folder = tempfile::tempdir().unwrap();
    let at = |user: &str| {
        let url = server.url("shop").replace("ducat@", &format!("{user}@"));
        Program::in_folder(folder.path())
            .with("DUCAT_DATABASE_URL", url)
            .with("DUCAT_LISTEN", "127.0.0.1:0")
            .with("DUCAT_SANDBOX", "off")
    };
    let migrated = at("keeper").run(&["migrate"]);
    let said = text(&migrated.stdout);
    assert!(migrated.status.success() && said.contains("newest schema"), "{migrated:?}");
    assert!(said.contains("There is no role ducat_app") && said.contains("keeper may not make roles"), "{said}");
    let report = json_of(&at("keeper").run(&["doctor", "--json"]));
    let rights = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == "database rights").unwrap();
    assert!(rights["state"] == "warn" && rights["advice"].as_str().unwrap().contains("CREATE ROLE ducat_app"), "{report:#}");

    let refused = text(&at("till").run(&["serve"]).stderr);
    assert!(refused.contains("till may not use") && refused.contains("no role ducat_app"), "{refused}");
    assert!(!refused.contains("another program"), "{refused}");
    server.run_sql("shop", "CREATE ROLE ducat_app NOLOGIN");
    let refused = text(&at("till").run(&["serve"]).stderr);
    assert!(refused.contains("GRANT ducat_app TO till"), "{refused}");
    assert!(!text(&at("keeper").run(&["migrate"]).stdout).contains("no role"), "it is there now");
}

#[test]
fn doctor_says_where_it_may_not_see_how_long_others_have_been_writing() {
    let server = Server::start(FOLLOWED);
    server.run_sql("postgres", "CREATE ROLE keeper LOGIN; CREATE ROLE nightly LOGIN");
    server.run_sql("postgres", "CREATE DATABASE shop OWNER keeper");
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path()).with("DUCAT_DATABASE_URL", server.url("shop").replace("ducat@", "keeper@"));
    assert!(program.run(&["migrate"]).status.success());
    until_found(&program, "open transactions", "ok");
    let _nightly = Session::start(&server.url("postgres").replace("ducat@", "nightly@"), "BEGIN; SELECT pg_current_xact_id();");
    let (found, report) = until_found(&program, "open transactions", "warn");
    let detail = found["detail"].as_str().unwrap();
    assert!(detail.starts_with("in 1 session of other roles (nightly) cannot be seen"), "{report:#}");
    assert!(found["advice"].as_str().unwrap().contains("GRANT pg_read_all_stats TO keeper;"), "{report:#}");
    server.run_sql("postgres", "GRANT pg_read_all_stats TO keeper");
    let told = text(&program.run(&["doctor"]).stdout);
    assert!(!told.contains("cannot be seen"), "{told}");
}

#[test]
fn doctor_tells_commits_that_wait_for_a_standby_from_open_transactions() {
    let server = Server::start(FOLLOWED);
    server.run_sql("postgres", "CREATE DATABASE shop");
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path()).with("DUCAT_DATABASE_URL", server.url("shop"));
    assert!(program.run(&["migrate"]).status.success());
    server.run_sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    server.run_sql("postgres", "SELECT pg_reload_conf()");
    // The server heeds its new settings a little later.
    let _shop = Session::start(&server.url("shop"), "CREATE TABLE stuck () \\; DROP TABLE stuck \\watch 0.01");
    let (found, report) = until_found(&program, "synchronous standby", "fail");
    let detail = found["detail"].as_str().unwrap();
    assert!(detail.contains("waiting for a synchronous standby for") && detail.contains("synchronous_standby_names"), "{detail}");
    assert!(!report.to_string().contains("pg_terminate_backend"), "{report:#}");
}

/// `psql` that has been told this, and stays connected.
struct Session(Child);

impl Session {
    fn start(url: &str, sql: &str) -> Self {
        let mut psql = Command::new(ducat_test_servers::programs().join("psql"));
        let child = psql.args(["-X", "-q", url]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.as_ref().unwrap(), "{sql}").unwrap();
        Self(child)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended with its server.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the doctor until it has found this.
fn until_found(program: &Program, name: &str, state: &str) -> (Value, Value) {
    let begun = Instant::now();
    loop {
        let report = json_of(&program.run(&["doctor", "--json"]));
        let found = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == name && c["state"] == state).cloned();
        if let Some(found) = found {
            return (found, report);
        }
        assert!(begun.elapsed() < PATIENCE, "{name} is not {state}: {report:#}");
    }
}

#[test]
fn an_empty_database_and_a_server_that_is_not_there_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::in_folder(folder.path());
    let empty = address();
    for _ in 0..2 {
        // To look makes nothing: the second look finds it as empty as the first.
        let output = program.clone().with("DUCAT_DATABASE_URL", &empty).run(&["verify"]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains("nothing to verify at postgres://ducat:…@"), "{output:?}");
        let report = json_of(&program.clone().with("DUCAT_DATABASE_URL", &empty).run(&["doctor", "--json"]));
        let database = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == "database").unwrap();
        assert!(database["detail"].as_str().unwrap().contains("there is nothing in it yet"), "{report:#}");
    }
    // The doctor comes before the first start: what a commit is worth there is told before there is anything to lose.
    let commits = |answered: &str| {
        let url = format!("{empty}?options=-c%20synchronous_commit%3D{answered}");
        let report = json_of(&program.clone().with("DUCAT_DATABASE_URL", url).run(&["doctor", "--json"]));
        report["checks"].as_array().unwrap().iter().find(|c| c["name"] == "synchronous commit").unwrap()["state"].clone()
    };
    assert_eq!((commits("on"), commits("off")), (json!("ok"), json!("fail")));
    // A database of a newer program is no matter of the host or the password.
    let newer = ducat_test_servers::database();
    let program_there = program.clone().with("DUCAT_DATABASE_URL", &newer);
    assert!(program_there.run(&["migrate"]).status.success());
    let name = newer.rsplit('/').next().unwrap();
    ducat_test_servers::server().run_sql(name, "INSERT INTO schema_migrations VALUES (99, 'later', now())");
    let report = json_of(&program_there.run(&["doctor", "--json"]));
    let database = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == "database").unwrap();
    assert!(database["advice"].as_str().unwrap().contains("Run the version that has migrated it"), "{report:#}");
    let nobody = format!("postgres://ducat:{PASSWORD}@127.0.0.1:9/ducat");
    for verb in ["verify", "migrate"] {
        let output = program.clone().with("DUCAT_DATABASE_URL", &nobody).run(&[verb]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains("127.0.0.1:9/ducat: ") && !said.contains(PASSWORD), "{verb}: {said}");
    }
    let report = json_of(&program.with("DUCAT_DATABASE_URL", &nobody).run(&["doctor", "--json"]));
    let state = |name: &str| report["checks"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap()["state"].clone();
    assert_eq!((state("database"), state("master key")), (json!("fail"), json!("warn")), "{report:#}");
    assert!(!report.to_string().contains(PASSWORD), "{report:#}");
}
