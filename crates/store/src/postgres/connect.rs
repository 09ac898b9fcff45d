//! Connections: from an address to pools of them, with TLS where the server has it.

use super::param::kind_of;
use super::refusal::{Failure, failure};
use super::statement::Statement;
use crate::value::Value;
use crate::{OpenError, ReadError};
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts};
use ducat_domain::Secret;
use rustls_platform_verifier::ConfigVerifierExt;
use std::time::{Duration, Instant};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a caller waits for a connection that is free.
const WAIT: Duration = Duration::from_secs(5);
/// How long a caller waits for a server that is away, and how long before it is asked again.
const PATIENCE: Duration = Duration::from_secs(10);
const KNOCK_AGAIN: Duration = Duration::from_millis(100);
/// How long the server may take to answer a knock.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a peer may be silent before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a statement may take, how long it may wait for a lock, and how long a transaction may stand still.
const LIMITS: &str = "-c statement_timeout=5s -c lock_timeout=2s -c idle_in_transaction_session_timeout=10s -c jit=off";
/// How the writers find their rows: by key, one after the other. A plan that was made while a table was small would read the whole of it, and
/// is kept while the table grows.
const BY_KEY: &[(&str, &str)] = &[
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("enable_seqscan", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`.
    pub url: Secret,
    /// How many connections read at once.
    pub readers: usize,
    /// How many connections write at once: each commits what is waiting together.
    pub writers: usize,
    /// Whether statements are prepared once and kept. Poolers that give each transaction another connection may not bear it.
    pub statements: Statements,
}

/// What becomes of a statement after it was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statements {
    /// It is kept by the connection and run again without being read again.
    Kept,
    /// It is read anew each time. For poolers in transaction mode.
    ReadAnew,
}

/// What connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading, in whatever way the server thinks best.
    Read,
    /// Writing, by key.
    Write,
}

/// The connections of one purpose.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pool: Pool,
    statements: Statements,
}

/// A connection that is in use.
pub(super) struct Connection {
    pub client: Object,
    pub statements: Statements,
}

impl Connections {
    pub fn open(settings: &PostgresSettings, purpose: Purpose, most: usize) -> Result<Self, OpenError> {
        let wrong = |e: &dyn std::fmt::Display| OpenError::Database(e.to_string());
        let mut config: Config = settings.url.expose().parse().map_err(|e| wrong(&e))?;
        // A peer that is gone without a word is noticed within seconds, and not when the system's patience ends.
        config.application_name("ducat").connect_timeout(CONNECT).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        // A pooler keeps connections for many programs: it takes no settings at the start, they are the role's there.
        if settings.statements == Statements::Kept && config.get_options().is_none() {
            let by_key = BY_KEY.iter().filter(|_| purpose == Purpose::Write).map(|(name, value)| format!(" -c {name}={value}"));
            config.options(format!("{LIMITS}{}", by_key.collect::<String>()));
        }
        let tls = rustls::ClientConfig::with_platform_verifier().map_err(|e| wrong(&e))?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, MakeRustlsConnect::new(tls), recycling);
        let timeouts = Timeouts { wait: Some(WAIT), create: Some(CONNECT), recycle: Some(CONNECT) };
        let pool = Pool::builder(manager).max_size(most).timeouts(timeouts).runtime(Runtime::Tokio1);
        // A new primary is found by asking each new connection whether it may write.
        let pool = pool.post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                let row = client.query_one("SELECT pg_is_in_recovery()", &[]).await.map_err(HookError::Backend)?;
                if row.get(0) { Err(HookError::message("the server only reads")) } else { Ok(()) }
            })
        }));
        Ok(Self { pool: pool.build().map_err(|e| wrong(&e))?, statements: settings.statements })
    }

    /// How many there are at the most.
    pub fn most(&self) -> usize {
        self.pool.status().max_size
    }

    /// The same for somebody who would rather wait than be told that the database is away: a standby takes over within seconds.
    pub async fn take_patiently(&self) -> Result<Connection, String> {
        let begun = Instant::now();
        loop {
            match self.take().await {
                Err(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(KNOCK_AGAIN).await,
                other => return other,
            }
        }
    }

    /// Runs one statement that changes nothing, and gives its rows. Where the connection is lost, another one is asked.
    pub async fn read(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, ReadError> {
        let begun = Instant::now();
        loop {
            let connection = self.take_patiently().await.map_err(ReadError)?;
            match connection.ask(sql, values).await {
                Ok(rows) => return Ok(rows),
                Err(e) => {
                    let is_lost = matches!(failure(&e), Failure::Lost(_));
                    if is_lost {
                        connection.close();
                    }
                    if !is_lost || begun.elapsed() >= PATIENCE {
                        return Err(ReadError(said(&e)));
                    }
                }
            }
        }
    }

    /// A connection that is free, or a new one.
    pub async fn take(&self) -> Result<Connection, String> {
        let client = self.pool.get().await.map_err(|e| match e {
            PoolError::Backend(e) | PoolError::PostCreateHook(HookError::Backend(e)) => said(&e),
            other => other.to_string(),
        })?;
        Ok(Connection { client, statements: self.statements })
    }
}

impl Connection {
    /// Ends it: nobody can tell in what state it is.
    pub fn close(self) {
        drop(Object::take(self.client));
    }

    /// Runs one statement and gives its rows.
    pub async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, ReadError> {
        self.ask(sql, values).await.map_err(|e| ReadError(said(&e)))
    }

    /// Carries out a statement of the writer by itself, and gives its rows.
    pub async fn carry_out(&self, statement: &Statement) -> Result<Vec<Row>, ReadError> {
        let Statement { sql, params, kinds } = statement;
        let params = params.iter().map(|param| param as &(dyn ToSql + Sync));
        let rows = match self.statements {
            Statements::Kept => match self.client.prepare_cached(sql).await {
                Ok(prepared) => self.client.query(&prepared, &params.collect::<Vec<_>>()).await,
                Err(why) => Err(why),
            },
            Statements::ReadAnew => {
                let typed: Vec<_> = params.zip(kinds.iter().cloned()).collect();
                self.client.query_typed(sql, &typed).await
            }
        };
        rows.map_err(|e| ReadError(said(&e)))
    }

    pub async fn ask(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.statements {
            Statements::Kept => {
                let statement = self.client.prepare_cached(sql).await?;
                let params: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
                self.client.query(&statement, &params).await
            }
            Statements::ReadAnew => {
                let params: Vec<(&(dyn ToSql + Sync), Type)> =
                    values.iter().map(|v| (v as &(dyn ToSql + Sync), kind_of(v))).collect();
                self.client.query_typed(sql, &params).await
            }
        }
    }
}

/// Begins a transaction of a writer. Where the connection was not told how to find rows when it was made, the transaction is.
pub(super) fn begin(statements: Statements) -> &'static str {
    static TOLD: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let by_key = BY_KEY.iter().map(|(name, value)| format!("; SET LOCAL {name} = {value}"));
        format!("BEGIN{}", by_key.collect::<String>())
    });
    match statements {
        Statements::Kept => "BEGIN",
        Statements::ReadAnew => &TOLD,
    }
}

/// What the server said, or why it could not be asked.
pub(super) fn said(e: &tokio_postgres::Error) -> String {
    match e.as_db_error() {
        Some(told) => told.to_string(),
        None => {
            let source = std::error::Error::source(e);
            source.map_or_else(|| e.to_string(), |source| format!("{e}: {source}"))
        }
    }
}
