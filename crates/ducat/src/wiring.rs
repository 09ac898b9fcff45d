//! Puts store, vault and engine together, from the configuration.

use crate::Failure;
use crate::config::{Config, Database};
use crate::files;
use crate::system::{SystemChance, SystemClock};
use ducat_cache::Cache;
use ducat_domain::payments::{DeclineGuard, LONGEST_RULE, Rule};
use ducat_domain::{Clock, MerchantId, Secret, random_bytes};
use ducat_engine::courier::{Guard, HttpCourier};
use ducat_engine::psp::HttpTransport;
use ducat_engine::{Engine, Parts, Settings, Vault, merchants};
use ducat_store::{Durability, OpenError, PostgresSettings, ReadError, Store, WriterMode};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why the database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// There is no folder for it.
    #[error("{0}")]
    Folder(String),
    /// A version served it that lacks some of this one's migrations.
    #[error(
        "{database}: {missing} of this one's migrations are missing, it is an older version's: stop every node, make a backup, run \
         `ducat migrate`, and start them with this version"
    )]
    Older {
        /// Which one, without its password.
        database: Database,
        /// How many.
        missing: u32,
    },
    /// It says no, or we do.
    #[error("{database}: {why}")]
    Refused {
        /// Which one, without its password.
        database: Database,
        /// What is in the way.
        why: OpenError,
    },
}

/// Where everything is kept.
pub fn database(config: &Config) -> Database {
    config.database_url.clone().unwrap_or_else(|| Database::Sqlite(config.data_dir.join("ducat.db")))
}

/// Whether there is nothing yet, no table even. Nothing is made by asking.
pub async fn is_empty(config: &Config) -> Result<bool, Unopened> {
    let database = database(config);
    match &database {
        Database::Sqlite(path) => Ok(Store::is_empty_file(path)),
        Database::Postgres(url) => {
            let looked = Store::is_empty_server(&server(config, url)).await;
            looked.map_err(|why| Unopened::Refused { database, why })
        }
    }
}

/// The settings that decide about durability, of a server in whose database there is nothing yet. A file has none before it is made.
pub async fn durability_of_nothing(config: &Config) -> Option<Result<Durability, ReadError>> {
    match database(config) {
        Database::Sqlite(_) => None,
        Database::Postgres(url) => Some(Store::durability_there(&server(config, &url)).await),
    }
}

/// Whether nothing was kept yet: there is nothing, or nobody sells in what there is.
pub async fn is_new(config: &Config) -> Result<bool, Failure> {
    Ok(is_empty(config).await? || look_at_store(config).await?.merchants().await?.is_empty())
}

/// How a server is reached.
fn server(config: &Config, url: &Secret) -> PostgresSettings {
    PostgresSettings {
        url: url.clone(),
        readers: config.database_readers,
        writers: config.database_writers,
        statements: config.database_statements,
    }
}

/// Where the master key lies when it is not in the configuration.
pub fn master_key_path(config: &Config) -> PathBuf {
    config.data_dir.join("master.key")
}

/// Makes the folder in which everything lies.
pub fn make_folder(config: &Config) -> Result<(), Unopened> {
    let cannot = |e| Unopened::Folder(format!("data_dir: the folder {} cannot be made: {e}", config.data_dir.display()));
    files::make_folder(&config.data_dir).map_err(cannot)
}

/// Opens the database for a verb that looks: one that a program of another version serves is not changed by that.
pub async fn look_at_store(config: &Config) -> Result<Store, Unopened> {
    let database = database(config);
    let missing = match &database {
        Database::Sqlite(path) => Store::missing_in_file(path),
        Database::Postgres(url) => Store::missing_on_server(&server(config, url)).await,
    };
    if missing > 0 {
        return Err(Unopened::Older { database, missing });
    }
    open_store(config).await
}

/// Opens the database, made and brought to the newest schema where need be.
pub async fn open_store(config: &Config) -> Result<Store, Unopened> {
    make_folder(config)?;
    let (database, now) = (database(config), SystemClock.now());
    let opened = match &database {
        Database::Sqlite(path) => Store::open_sqlite(path, WriterMode::Thread, now),
        Database::Postgres(url) => Store::open_postgres(&server(config, url), Arc::new(SystemChance), now).await,
    };
    let refused = |why| Unopened::Refused { database: database.clone(), why };
    let store = opened.map_err(refused)?;
    let agreed = store.agreed_balances().await.map_err(refused)?;
    Ok(store.with_balances(agreed.unwrap_or(config.balances)))
}

/// The engine over this store. `public_url` is where customers and PSPs reach the gateway.
pub async fn engine(config: &Config, store: Store, public_url: String) -> Result<Engine, Failure> {
    let vault = Vault::new(master_key(config, &store).await?);
    let no_tls = |e: &dyn std::error::Error| format!("TLS cannot be set up: {e}");
    let transport = HttpTransport::new().map_err(|e| no_tls(&e))?;
    let webhooks = Guard::new(config.webhook_allowed_networks.iter().copied());
    let courier = HttpCourier::new(webhooks.clone()).map_err(|e| no_tls(&e))?;
    let settings = Settings {
        psp_timeout: config.psp_timeout_ms,
        lease: config.lease_ms,
        poll_after: config.poll_after_ms,
        archive_after: (config.archive_after_days > 0)
            .then(|| Duration::from_secs(u64::from(config.archive_after_days) * 24 * 3600)),
        webhooks,
        guard: guard(config),
        ..Settings::new(public_url)
    };
    let engine = Engine::new(Parts {
        store,
        cache: Cache::at(&config.cache_url),
        transport: Arc::new(transport),
        courier: Arc::new(courier),
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        vault,
        settings,
    });
    prove_key(&engine).await?;
    Ok(engine)
}

/// When too much was declined.
fn guard(config: &Config) -> DeclineGuard {
    let minutes = |n: u32| Duration::from_secs(u64::from(n) * 60);
    DeclineGuard {
        order: Rule { most: config.max_declines_per_order, window: LONGEST_RULE },
        customer: Rule {
            most: config.max_declines_per_customer,
            window: minutes(config.declines_per_customer_hours.saturating_mul(60)),
        },
        address: Rule { most: config.max_declines_per_address, window: minutes(config.declines_per_address_minutes) },
    }
}

/// The engine for a verb that answers at once.
pub async fn engine_for_a_verb(config: &Config) -> Result<Engine, Failure> {
    let store = look_at_store(config).await?;
    engine(config, store, public_url(config, config.listen.port())).await
}

/// Where the gateway is reached when it listens on this port.
pub fn public_url(config: &Config, port: u16) -> String {
    let address = std::net::SocketAddr::new(reachable(config.listen.ip()), port);
    config.public_url.clone().unwrap_or_else(|| format!("http://{address}"))
}

/// Who listens everywhere is reached on loopback.
pub fn reachable(ip: std::net::IpAddr) -> std::net::IpAddr {
    match ip {
        std::net::IpAddr::V4(v4) if v4.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(v6) if v6.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// The merchant that was asked for, or the first one.
pub async fn merchant(engine: &Engine, config: &Config, asked: Option<&str>) -> Result<MerchantId, Failure> {
    let Some(text) = asked else { return Ok(merchants::first(engine, &config.merchant_name).await?.id) };
    let id: MerchantId = text.parse().map_err(|e| format!("--merchant {text}: {e}"))?;
    match engine.store().merchant(id).await? {
        Some(merchant) => Ok(merchant.id),
        None => Err(format!("there is no merchant {id}").into()),
    }
}

/// The key from the configuration or from its file. A new one is made only while nothing is encrypted with an older one.
async fn master_key(config: &Config, store: &Store) -> Result<[u8; 32], Failure> {
    if let Some(key) = &config.master_key {
        return Ok(key.0);
    }
    let path = master_key_path(config);
    if let Some(text) = files::read_line(&path).map_err(|e| format!("{}: {e}", path.display()))? {
        return crate::config::master_key(&text).map(|key| key.0).map_err(|why| format!("{}: {why}", path.display()).into());
    }
    if !store.merchants().await?.is_empty() {
        let text = "is not there, and the database holds credentials that only it opens: bring it back, or set DUCAT_MASTER_KEY";
        return Err(format!("{} {text}", path.display()).into());
    }
    let key: [u8; 32] = random_bytes(&SystemChance);
    files::write_private(&path, format!("{}\n", hex::encode(key)).as_bytes()).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(key)
}

/// A wrong key is told at the start and not when the first customer pays.
async fn prove_key(engine: &Engine) -> Result<(), Failure> {
    let Some(first) = engine.store().merchants().await?.into_iter().next() else { return Ok(()) };
    let wrong = |e| format!("the master key is not the one with which this database was written ({e})");
    merchants::return_secret(engine, first.id).await.map_err(wrong)?;
    Ok(())
}
