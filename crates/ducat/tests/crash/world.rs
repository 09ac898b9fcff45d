//! The two programs: a sandbox that lives through everything and so knows the truth, and a gateway that is killed.

use crate::support::dice::Dice;
use crate::support::http::Http;
use crate::support::process::{Program, Running, free_port};
use std::time::Duration;

/// How long a shop or a customer waits for an answer before trying again.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The events a webhook endpoint gets.
const ALL_EVENTS: (&str, &str) = ("enabled_events[0]", "*");

/// Where everything is, and the keys to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    /// The gateway.
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

pub struct World {
    places: Places,
    gateway_program: Program,
    gateway: Running,
    sandbox: Running,
    /// Everything that both wrote. It is kept when the test fails.
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
    /// Starts both, with the webhook endpoint registered.
    pub async fn begin(dice: &mut Dice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            Program::in_folder(&path).with("DUCAT_DATA_DIR", path.join("data").display())
        };
        let (gateway_port, sandbox_port) = (free_port(), free_port());
        let places = Places {
            gateway: format!("http://127.0.0.1:{gateway_port}"),
            sandbox: format!("http://127.0.0.1:{sandbox_port}"),
            key: format!("dk_test_{:032x}", dice.throw()),
            stripe_key: format!("sk_test_crash{:016x}", dice.throw()),
            http: Http::new(CALL_TIMEOUT),
        };
        let mut sandbox = at("sandbox").with("DUCAT_SANDBOX_PORT", sandbox_port).start("sandbox", &["sandbox"]);
        sandbox.until_ready(&places.http, &format!("{}/_sandbox/state", places.sandbox)).await;
        let program = at("gateway")
            .with("DUCAT_LISTEN", format!("127.0.0.1:{gateway_port}"))
            .with("DUCAT_SANDBOX", "off")
            .with("DUCAT_BOOTSTRAP_API_KEY", &places.key)
            .with("DUCAT_STRIPE_API_KEY", &places.stripe_key)
            .with("DUCAT_STRIPE_API_BASE", &places.sandbox)
            .with("DUCAT_PSP_TIMEOUT_MS", 400)
            .with("DUCAT_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
            .with("DUCAT_LEASE_MS", 1_500)
            .with("DUCAT_POLL_AFTER_MS", 1_500)
            .with("DUCAT_RATE_LIMIT_PER_SECOND", 100_000)
            .with("DUCAT_RATE_LIMIT_BURST", 100_000)
            .with("DUCAT_LOG", "warn");
        let mut gateway = program.start("gateway", &["serve"]);
        gateway.until_ready(&places.http, &format!("{}/readyz", places.gateway)).await;
        let secret = subscribe(&places).await;
        gateway.kill();
        let program = program.with("DUCAT_STRIPE_WEBHOOK_SECRET", secret);
        let mut gateway = program.start("gateway", &["serve"]);
        gateway.until_ready(&places.http, &format!("{}/readyz", places.gateway)).await;
        Self { places, gateway_program: program, gateway, sandbox, folder: Some(folder) }
    }

    pub fn places(&self) -> Places {
        self.places.clone()
    }

    /// Kills the gateway, and leaves it dead for a moment.
    pub async fn kill(&mut self, dice: &mut Dice) {
        self.gateway.kill();
        tokio::time::sleep(Duration::from_millis(dice.between(0, 200))).await;
    }

    pub async fn start_again(&mut self) {
        self.gateway = self.gateway_program.start("gateway", &["serve"]);
        self.gateway.until_ready(&self.places.http, &format!("{}/readyz", self.places.gateway)).await;
    }

    /// Every invariant holds over the database as it lies there.
    pub fn verify(&self) {
        let output = self.gateway_program.run(&["verify"]);
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}\n{}\n{}", said(&output.stdout), said(&output.stderr), self.gateway.said());
    }

    /// What the gateway and the sandbox wrote into their logs, for whoever has to find out what happened.
    pub fn logs(&self) -> String {
        let grave = |line: &&str| ["WARN", "ERROR", "panicked"].iter().any(|word| line.contains(word));
        let tail = |text: String| {
            let lines: Vec<&str> = text.lines().filter(grave).collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        };
        format!("gateway:\n{}\nsandbox:\n{}", tail(self.gateway.said()), tail(self.sandbox.said()))
    }

    /// The database file of the gateway.
    pub fn database(&self) -> std::path::PathBuf {
        self.gateway_program.folder.join("data").join("ducat.db")
    }

    /// Ends the gateway gently, and checks what it leaves.
    pub async fn end(mut self) {
        self.gateway.signal("TERM");
        let status = self.gateway.ended().await;
        assert!(status.success(), "{status}\n{}", self.logs());
        self.verify();
    }
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
