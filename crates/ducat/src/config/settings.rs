//! The one table of settings: names, defaults, meanings. Everything that knows a setting knows it from here.

use super::database::Database;
use super::values::{self, LogFormat, Toggle, maybe};
use super::{Gathered, Mistakes, Source};
use ducat_cache::Address;
use ducat_domain::Secret;
use ducat_store::{Balances, Statements};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How a value stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text in quotes.
    Text,
    /// Text in quotes that nobody may read over a shoulder.
    Secret,
    /// The address of a database in quotes: its password nobody may read.
    Database,
    /// A whole number without quotes.
    Number,
    /// `"on"` or `"off"`; `true` and `false` will do.
    Switch,
    /// A list of texts in quotes; in the environment with commas between.
    List,
}

/// One setting, as data.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file.
    pub name: &'static str,
    /// How its value stands in the file.
    pub form: Form,
    /// The text that is taken when nobody says anything; empty where that means "none".
    pub default: &'static str,
    /// A value to show where there is no default.
    pub sample: &'static str,
    /// What it is, line by line.
    pub help: &'static [&'static str],
    /// The part of the file it stands in.
    pub group: &'static str,
}

impl Setting {
    /// Its name in the environment.
    pub fn variable(&self) -> String {
        format!("DUCAT_{}", self.name.to_uppercase())
    }
}

/// A setting with what it turned out to be and why, for people.
#[derive(Debug)]
pub struct Origin {
    /// Which setting.
    pub setting: &'static Setting,
    /// Its value; nothing of a secret but that it is set.
    pub shown: String,
    /// Whether there is more to the value than is shown.
    pub is_secret: bool,
    /// Where it came from.
    pub source: Source,
}

macro_rules! settings {
    ($($group:literal { $($(#[doc = $help:literal])+ $name:ident: $type:ty = $default:literal $(($sample:literal))?, $form:ident => $parse:expr;)+ })+) => {
        /// Every setting, in the order of the example file.
        pub static TABLE: &[Setting] = &[$($(Setting {
            name: stringify!($name),
            form: Form::$form,
            default: $default,
            sample: concat!($($sample)?),
            help: &[$($help),+],
            group: $group,
        },)+)+];

        /// What was configured, checked.
        #[derive(Debug)]
        pub struct Config {
            $($($(#[doc = $help])+ pub $name: $type,)+)+
            /// Each setting as it turned out, in the order of the table.
            pub origins: Vec<Origin>,
        }

        impl Config {
            /// Makes the configuration of what was given. `None` when there is a mistake in it.
            pub(super) fn read(given: &Gathered, mistakes: &mut Mistakes) -> Option<Self> {
                let origins = TABLE.iter().map(|setting| origin(setting, given)).collect();
                $($(let $name = pick(stringify!($name), given, mistakes, $parse);)+)+
                Some(Self { $($($name: $name?,)+)+ origins })
            }
        }
    };
}

settings! {
    "Where it is reached" {
        /// Address and port of the gateway: API, checkout pages, messages of PSPs.
        listen: SocketAddr = "127.0.0.1:8080", Text => values::address;
        /// Where customers and PSPs reach the gateway, when that is not `http://` and the address above:
        /// behind a proxy, or with a name of your own. Without a path.
        public_url: Option<String> = "" ("https://pay.example.com"), Text => maybe(values::origin);
        /// Networks of your own proxies. Only from them is `X-Forwarded-For` believed.
        trusted_proxies: Vec<ducat_web::Network> = "" ("10.0.0.0/8"), List => values::networks;
    }
    "What it keeps" {
        /// Folder for the database, the master key and the sandbox. Made when it is not there.
        data_dir: PathBuf = "./ducat-data", Text => values::path;
        /// The database: `sqlite:` and a path, or the address of a PostgreSQL server (15 or later), such as
        /// postgres://ducat:password@db.example.com/ducat. Without it, `ducat.db` in the folder above.
        database_url: Option<Database> = "" ("sqlite:/var/lib/ducat/ducat.db"), Database => maybe(values::database);
        /// How many connections to a PostgreSQL server read at once.
        database_readers: usize = "16", Number => values::number::<usize, 1, 1000>;
        /// How many connections to a PostgreSQL server write at once; each commits together what is waiting.
        database_writers: usize = "4", Number => values::number::<usize, 1, 100>;
        /// Whether a connection to a PostgreSQL server keeps the statements it has run (`kept`), or has them read anew each time
        /// (`read_anew`): for poolers that give each transaction another connection, such as PgBouncer in transaction mode.
        database_statements: Statements = "kept", Text => values::statements;
        /// Whether what lies on each account is kept up to date with every payment (`kept`), or summed from the journal whenever somebody
        /// asks (`summed`). The same on all nodes; to change it, stop them all first.
        balances: Balances = "kept", Text => values::balances;
        /// How many days after its last change an order that is over goes to the archive, where it is read as before and comes back from when
        /// something is heard of it: so the tables that change stay small. 0 is never.
        archive_after_days: u32 = "90", Number => values::number::<u32, 0, 36_500>;
        /// Where several nodes count calls together and hear at once of API keys that were taken back: Valkey or Redis
        /// (`redis://`, `rediss://` with TLS, `valkey://`, `valkeys://`). `memory:` is this process alone.
        cache_url: Address = "memory:" ("rediss://:password@cache.internal:6379/0"), Secret => Address::read;
        /// The key that encrypts credentials in the database: 32 bytes as 64 hexadecimal digits or base64.
        /// Without it, the file `master.key` in the data folder, made at the first start. Keep a copy elsewhere.
        master_key: Option<values::Key> = "" ("64 hexadecimal digits"), Secret => maybe(values::master_key);
    }
    "Merchant" {
        /// What customers read as the name of the first merchant, when it is made.
        merchant_name: String = "Demo shop", Text => values::name;
        /// The first merchant's API key, of your own making, taken when no key exists yet.
        /// Where money is real it must have at least 32 characters.
        bootstrap_api_key: Option<Secret> = "" ("dk_test_…"), Secret => maybe(values::api_key);
    }
    "Stripe" {
        /// A secret or restricted key of a real Stripe account. With it the sandbox stays off.
        stripe_api_key: Option<Secret> = "" ("sk_live_…"), Secret => maybe(values::stripe_key);
        /// The signing secret of the webhook endpoint that you made at Stripe for the address shown at the start.
        stripe_webhook_secret: Option<Secret> = "" ("whsec_…"), Secret => maybe(values::webhook_secret);
        /// Another address of Stripe's API, such as a sandbox that runs elsewhere.
        stripe_api_base: Option<String> = "" ("http://127.0.0.1:12111"), Text => maybe(values::origin);
    }
    "Sandbox" {
        /// Whether the sandbox and the demo shop run inside `ducat serve`. Without it: on, unless there is a real account.
        /// A database that has had one starts without its key only where this is said.
        sandbox: Option<Toggle> = "" ("on"), Switch => maybe(values::toggle);
        /// Address of the sandbox. It is for tests: leave it on loopback.
        sandbox_host: std::net::IpAddr = "127.0.0.1", Text => values::ip;
        /// Port of the Stripe sandbox; 0 takes a free one.
        sandbox_port: u16 = "12111", Number => values::number::<u16, 0, 65_535>;
        /// Where browsers reach the sandbox's payment page, when that is not its address and port.
        sandbox_public_url: Option<String> = "" ("https://sandbox.example.com"), Text => maybe(values::origin);
    }
    "Webhooks" {
        /// Networks of your own that merchants' webhook endpoints may be in, also without TLS: for development, and for shops beside
        /// the gateway. Without it, deliveries go to https addresses of the public internet only.
        webhook_allowed_networks: Vec<ipnet::IpNet> = "" ("127.0.0.0/8"), List => values::nets;
    }
    "Patience and limits" {
        /// How long a PSP may take to answer, in milliseconds, before the outcome counts as unknown.
        psp_timeout_ms: Duration = "10000", Number => values::milliseconds::<50, 120_000>;
        /// How long a job, or a request under an idempotency key, belongs to who took it, in milliseconds.
        /// Must be longer than a PSP may take.
        lease_ms: Duration = "45000", Number => values::milliseconds::<100, 600_000>;
        /// How long after a registration without a message the PSP is asked for the first time, in milliseconds.
        poll_after_ms: Duration = "60000", Number => values::milliseconds::<100, 86_400_000>;
        /// Requests a second that each API key may make in the long run.
        rate_limit_per_second: u32 = "500", Number => values::number::<u32, 1, 1_000_000>;
        /// Requests that each API key may make at once after a rest.
        rate_limit_burst: u32 = "1000", Number => values::number::<u32, 1, 1_000_000>;
        /// Pages a second that may be asked for from one public address in the long run, and calls without a valid key; 0 is no limit.
        /// Behind a proxy with a public address, name it in `trusted_proxies`, or everybody comes from one address.
        rate_limit_per_address_per_second: u32 = "100", Number => values::number::<u32, 0, 1_000_000>;
        /// As many at once after a rest.
        rate_limit_per_address_burst: u32 = "500", Number => values::number::<u32, 1, 1_000_000>;
        /// How many pages may follow an order live at once; the others ask again by themselves.
        live_streams: usize = "2000", Number => values::number::<usize, 0, 1_000_000>;
        /// How long requests are still taken after SIGTERM while `/readyz` answers 503, so that the load balancer sees it and sends them
        /// elsewhere, in milliseconds. Ctrl-C, or a second signal, does not wait.
        drain_ms: Duration = "5000", Number => values::milliseconds::<0, 600_000>;
        /// How long requests may go on after that, and jobs and webhooks that are under way after the signal, in milliseconds.
        shutdown_timeout_ms: Duration = "10000", Number => values::milliseconds::<0, 600_000>;
    }
    "Too many declines" {
        /// How many payments of one order may be declined before the order is closed; 0 is no limit.
        /// This and the following keep thieves from trying out stolen cards at your shop.
        max_declines_per_order: u32 = "10", Number => values::number::<u32, 0, 1000>;
        /// How many payments of one customer (by e-mail address) may be declined before that customer has to wait; 0 is no limit.
        max_declines_per_customer: u32 = "10", Number => values::number::<u32, 0, 1000>;
        /// Within how many hours they are counted.
        declines_per_customer_hours: u32 = "24", Number => values::number::<u32, 1, 720>;
        /// How many payments may be declined of customers who come from one address before that address has to wait; 0 is no limit.
        /// Behind a proxy, name it in `trusted_proxies`, or everybody comes from one address.
        max_declines_per_address: u32 = "20", Number => values::number::<u32, 0, 1000>;
        /// Within how many minutes they are counted.
        declines_per_address_minutes: u32 = "60", Number => values::number::<u32, 1, 43_200>;
    }
    "Command line" {
        /// The key with which the verbs of the command line (`ducat orders`, `ducat listen` …) call a gateway.
        /// Without it, for a gateway on this machine, the file `sandbox-api-key` in the data folder.
        api_key: Option<Secret> = "" ("dk_live_…"), Secret => maybe(values::api_key);
    }
    "Logs" {
        /// What is logged: `error`, `warn`, `info`, `debug`, `trace` or `off`, also by part, such as `info,ducat_engine=debug`.
        log: String = "info", Text => values::log_filter;
        /// `pretty` for people, `json` for programs. Logs go to standard error.
        log_format: LogFormat = "pretty", Text => values::log_format;
    }
}

/// Reads one setting; a mistake in it is noted beside the others.
fn pick<T>(name: &str, given: &Gathered, mistakes: &mut Mistakes, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
    let setting = TABLE.iter().find(|setting| setting.name == name)?;
    let (text, source) = match given.get(name) {
        Some(given) => (given.text.as_str(), &given.source),
        None => (setting.default, &Source::Default),
    };
    match parse(text) {
        Ok(value) => Some(value),
        Err(why) => {
            mistakes.refuse(name, source, &why);
            None
        }
    }
}

fn origin(setting: &'static Setting, given: &Gathered) -> Origin {
    let (text, source) = match given.get(setting.name) {
        Some(given) => (given.text.as_str(), given.source.clone()),
        None => (setting.default, Source::Default),
    };
    let (shown, is_secret) = match (setting.form, text) {
        (_, "") => ("-".to_owned(), false),
        // What everybody has is no secret.
        (Form::Secret, _) if source != Source::Default => ("(set)".to_owned(), true),
        // What cannot be read as an address is shown to nobody either.
        (Form::Database, _) => match text.parse::<Database>() {
            Ok(database @ Database::Postgres(_)) => (database.to_string(), database.holds_secret()),
            Ok(Database::Sqlite(_)) => (text.to_owned(), false),
            Err(_) => ("(set)".to_owned(), true),
        },
        _ => (text.to_owned(), false),
    };
    Origin { setting, shown, is_secret, source }
}
