//! The programs: a sandbox that lives through everything and so knows the truth, and what is struck: one gateway on SQLite, or two on one
//! PostgreSQL behind HAProxy.

use crate::balancer::Balancer;
use crate::support::dice::Dice;
use crate::support::http::Http;
use crate::support::process::{Program, Running};
use ducat_test_servers::free_port;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a shop or a customer waits for an answer before trying again.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a claim is good: a gateway that is frozen for longer has lost what it had claimed.
const LEASE_MS: u64 = 1_500;
/// How often the whole database is checked in between, in strikes.
const VERIFY_EVERY: u64 = 10;
/// The events a webhook endpoint gets.
const ALL_EVENTS: (&str, &str) = ("enabled_events[0]", "*");

/// Where everything is, and the keys to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    /// The gateway, or what stands before several.
    pub gateway: String,
    /// The sandbox.
    pub sandbox: String,
    /// The shop's key to the gateway.
    pub key: String,
    /// The gateway's key to the sandbox.
    pub stripe_key: String,
    /// How they are called.
    pub http: Http,
}

/// One gateway.
struct Gateway {
    url: String,
    program: Program,
    running: Running,
}

/// What becomes of a gateway that is struck.
#[derive(Clone, Copy)]
enum Fate {
    Killed,
    Frozen,
    Leaves,
}

/// Where the books are.
enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

pub struct World {
    places: Places,
    gateways: Vec<Gateway>,
    database: Database,
    _balancer: Option<Balancer>,
    sandbox: Running,
    strikes: u64,
    /// Everything that they wrote. It is kept when the test fails.
    folder: Option<tempfile::TempDir>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            println!("databases and logs are kept in {}", folder.keep().display());
        }
    }
}

impl World {
    /// One gateway with its own SQLite, known to the PSP by its webhook endpoint.
    pub async fn with_one_gateway(dice: &mut Dice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let (places, sandbox) = begin(folder.path(), port, dice).await;
        let program = program(folder.path(), "gateway", port, &places);
        let secret = secret(&program, &places).await;
        let program = program.with("DUCAT_STRIPE_WEBHOOK_SECRET", secret);
        let database = Database::Sqlite(program.folder.join("data").join("ducat.db"));
        let gateways = vec![Gateway::start(program, places.gateway.clone(), &places.http).await];
        Self { places, gateways, database, _balancer: None, sandbox, strikes: 0, folder: Some(folder) }
    }

    /// Two gateways on one PostgreSQL, behind HAProxy.
    pub async fn with_two_gateways(dice: &mut Dice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (front, ports) = (free_port(), [free_port(), free_port()]);
        let (places, sandbox) = begin(folder.path(), front, dice).await;
        let url = tokio::task::spawn_blocking(ducat_test_servers::database).await.unwrap();
        let program = |name: &str, port: u16| {
            program(folder.path(), name, port, &places)
                .with("DUCAT_DATABASE_URL", &url)
                .with("DUCAT_PUBLIC_URL", &places.gateway)
                .with("DUCAT_MASTER_KEY", "5a".repeat(32))
                .with("DUCAT_DRAIN_MS", 1_200)
        };
        let alone = places_at(&places, ports[0]);
        let secret = secret(&program("first", ports[0]), &alone).await;
        let mut gateways = Vec::new();
        for (name, port) in ["a", "b"].into_iter().zip(ports) {
            let program = program(name, port).with("DUCAT_STRIPE_WEBHOOK_SECRET", &secret);
            gateways.push(Gateway::start(program, places_at(&places, port).gateway, &places.http).await);
        }
        let balancer = Balancer::start(folder.path(), front, [&gateways[0].url, &gateways[1].url], &places.http).await;
        let database = Database::Postgres(url);
        Self { places, gateways, database, _balancer: Some(balancer), sandbox, strikes: 0, folder: Some(folder) }
    }

    pub fn places(&self) -> Places {
        self.places.clone()
    }

    /// A gateway dies, and is started again. Where there are several it may freeze instead, for longer than a claim is good, or leave in peace.
    /// Now and then the whole database is checked while it is away.
    pub async fn strike(&mut self, dice: &mut Dice) {
        let last = self.gateways.len() as u64 - 1;
        let struck = dice.between(0, last) as usize;
        let running = &mut self.gateways[struck].running;
        let fate = if last == 0 { Fate::Killed } else { dice.pick(&[Fate::Killed, Fate::Frozen, Fate::Frozen, Fate::Leaves]) };
        match fate {
            Fate::Killed => {
                running.kill();
                tokio::time::sleep(Duration::from_millis(dice.between(0, 200))).await;
            }
            Fate::Frozen => {
                running.signal("STOP");
                tokio::time::sleep(Duration::from_millis(dice.between(LEASE_MS, 2 * LEASE_MS))).await;
            }
            Fate::Leaves => {
                running.signal("TERM");
                let status = running.ended().await;
                assert!(status.success(), "{status}\n{}", running.said());
            }
        }
        self.strikes += 1;
        if self.strikes.is_multiple_of(VERIFY_EVERY) {
            self.verify();
        }
        match fate {
            Fate::Frozen => self.gateways[struck].running.signal("CONT"),
            Fate::Killed | Fate::Leaves => self.gateways[struck].start_again(&self.places.http).await,
        }
    }

    /// Every invariant holds over the database as it is at this moment.
    pub fn verify(&self) {
        let output = self.gateways[0].program.run(&["verify"]);
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}\n{}\n{}", said(&output.stdout), said(&output.stderr), self.logs());
    }

    /// What the gateways and the sandbox wrote into their logs, for whoever has to find out what happened.
    pub fn logs(&self) -> String {
        let grave = |line: &&str| ["WARN", "ERROR", "panicked"].iter().any(|word| line.contains(word));
        let tail = |text: String| {
            let lines: Vec<&str> = text.lines().filter(grave).collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        };
        let gateways: Vec<String> = self.gateways.iter().map(|g| format!("{}:\n{}", g.url, tail(g.running.said()))).collect();
        format!("{}\nsandbox:\n{}", gateways.join("\n"), tail(self.sandbox.said()))
    }

    /// The answer of the database itself to a question for a text and a whole number a row.
    pub fn asked(&self, sql: &str) -> Vec<(String, i64)> {
        match &self.database {
            Database::Sqlite(path) => {
                let only_read = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
                let database = rusqlite::Connection::open_with_flags(path, only_read).unwrap();
                let mut query = database.prepare(sql).unwrap();
                query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
            }
            Database::Postgres(url) => {
                let psql = ducat_test_servers::programs().join("psql");
                let mut psql = Command::new(psql);
                let output = ducat_test_servers::answer(psql.args(["-X", "-A", "-t", "-F", "\t", "-c", sql, url]), "");
                assert!(output.status.success(), "{output:?}");
                let rows = String::from_utf8(output.stdout).unwrap();
                rows.lines().map(|row| row.split_once('\t').unwrap()).map(|(a, b)| (a.to_owned(), b.parse().unwrap())).collect()
            }
        }
    }

    /// Ends the gateways gently, and checks what they leave.
    pub async fn end(mut self) {
        for gateway in &self.gateways {
            gateway.running.signal("TERM");
        }
        for index in 0..self.gateways.len() {
            let status = self.gateways[index].running.ended().await;
            assert!(status.success(), "{status}\n{}", self.logs());
        }
        self.verify();
    }
}

impl Gateway {
    async fn start(program: Program, url: String, http: &Http) -> Self {
        let running = program.start("gateway", &["serve"]);
        let mut gateway = Self { url, program, running };
        gateway.running.until_ready(http, &format!("{}/readyz", gateway.url)).await;
        gateway
    }

    async fn start_again(&mut self, http: &Http) {
        self.running = self.program.start("gateway", &["serve"]);
        self.running.until_ready(http, &format!("{}/readyz", self.url)).await;
    }
}

/// Starts the sandbox, and says where everything is going to be.
async fn begin(folder: &Path, port: u16, dice: &mut Dice) -> (Places, Running) {
    let sandbox_port = free_port();
    let places = Places {
        gateway: format!("http://127.0.0.1:{port}"),
        sandbox: format!("http://127.0.0.1:{sandbox_port}"),
        key: format!("dk_test_{:032x}", dice.throw()),
        stripe_key: format!("sk_test_crash{:016x}", dice.throw()),
        http: Http::new(CALL_TIMEOUT),
    };
    let program = in_folder(folder, "sandbox").with("DUCAT_SANDBOX_PORT", sandbox_port);
    let mut sandbox = program.start("sandbox", &["sandbox"]);
    sandbox.until_ready(&places.http, &format!("{}/_sandbox/state", places.sandbox)).await;
    (places, sandbox)
}

/// The same places, with the gateway at this port.
fn places_at(places: &Places, port: u16) -> Places {
    Places { gateway: format!("http://127.0.0.1:{port}"), ..places.clone() }
}

fn in_folder(folder: &Path, name: &str) -> Program {
    let path = folder.join(name);
    std::fs::create_dir(&path).unwrap();
    Program::in_folder(&path).with("DUCAT_DATA_DIR", path.join("data").display())
}

/// A gateway that is in a hurry: what takes minutes elsewhere takes seconds here.
fn program(folder: &Path, name: &str, port: u16, places: &Places) -> Program {
    in_folder(folder, name)
        .with("DUCAT_LISTEN", format!("127.0.0.1:{port}"))
        .with("DUCAT_SANDBOX", "off")
        .with("DUCAT_BOOTSTRAP_API_KEY", &places.key)
        .with("DUCAT_STRIPE_API_KEY", &places.stripe_key)
        .with("DUCAT_STRIPE_API_BASE", &places.sandbox)
        .with("DUCAT_PSP_TIMEOUT_MS", 400)
        .with("DUCAT_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
        .with("DUCAT_LEASE_MS", LEASE_MS)
        .with("DUCAT_POLL_AFTER_MS", 1_500)
        .with("DUCAT_RATE_LIMIT_PER_SECOND", 100_000)
        .with("DUCAT_RATE_LIMIT_BURST", 100_000)
        .with("DUCAT_LOG", "warn")
}

/// Has a first start make the PSP account, and the PSP send there. Gives the signing secret.
async fn secret(program: &Program, places: &Places) -> String {
    let mut gateway = Gateway::start(program.clone(), places.gateway.clone(), &places.http).await;
    let secret = subscribe(places).await;
    gateway.running.kill();
    secret
}

/// Makes the webhook endpoint at the PSP, as an operator does, and gives its signing secret.
async fn subscribe(places: &Places) -> String {
    let accounts = places.http.get(&format!("{}/v1/psp_accounts", places.gateway), Some(&places.key)).await.unwrap().json();
    let url = accounts["data"][0]["webhook_url"].as_str().unwrap_or_else(|| panic!("{accounts}")).to_owned();
    let fields = [("url".to_owned(), url), (ALL_EVENTS.0.to_owned(), ALL_EVENTS.1.to_owned())];
    let endpoint =
        places.http.post_form(&format!("{}/v1/webhook_endpoints", places.sandbox), Some(&places.stripe_key), &fields).await;
    let endpoint = endpoint.unwrap().json();
    endpoint["secret"].as_str().unwrap_or_else(|| panic!("{endpoint}")).to_owned()
}

/// Something of the present moment that makes a new seed.
pub fn nanoseconds() -> u64 {
    let started = std::time::Instant::now();
    std::fs::metadata("/proc/self").and_then(|m| m.modified()).map_or(0, |at| {
        at.duration_since(std::time::UNIX_EPOCH).map_or(0, |span| span.as_nanos() as u64 ^ started.elapsed().as_nanos() as u64)
    })
}
