//! Connections: from an address to pools of them, with TLS where the server has it.

use super::doubt::Doubt;
use super::hosts::Hosts;
use super::param::kind_of;
use super::pooler::MARK;
use super::refusal::{Failure, failure};
use super::statement::Statement;
use crate::value::Value;
use crate::{OpenError, ReadError};
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, QueueMode, RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use ducat_domain::Secret;
use rustls_platform_verifier::ConfigVerifierExt;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a caller waits for a connection that is free.
const WAIT: Duration = Duration::from_secs(5);
/// How long a caller waits for a server that is away, and how long before it is asked again.
const PATIENCE: Duration = Duration::from_secs(10);
const KNOCK_AGAIN: Duration = Duration::from_millis(100);
/// How long it may take until one of the hosts has greeted us as one that takes writes.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a peer may be silent before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the server may take for the answer to one statement. It ends statements sooner by itself; who is silent for longer is frozen, or
/// cut off.
pub(super) const ANSWER: Duration = Duration::from_secs(7);
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

impl PostgresSettings {
    /// What keeps an address from being understood. Says nothing that may be part of a password.
    pub fn mistake_in(url: &str) -> Option<String> {
        super::mistake(url)
    }
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
    doubt: Doubt,
}

/// A connection that is in use.
pub(super) struct Connection {
    pub client: Object,
    pub statements: Statements,
    doubt: Doubt,
}

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The server refuses, or the connection is lost.
    #[error("{}", said(.0))]
    Said(#[from] tokio_postgres::Error),
    /// The server says nothing.
    #[error("the database server did not answer within {} seconds", ANSWER.as_secs())]
    Silent,
}

impl Connections {
    pub fn open(settings: &PostgresSettings, purpose: Purpose, most: usize, doubt: &Doubt) -> Result<Self, OpenError> {
        let wrong = |e: &dyn std::fmt::Display| OpenError::Database(e.to_string());
        let mut config: Config = settings.url.expose().parse().map_err(|e| wrong(&e))?;
        // A peer that is gone without a word is noticed within seconds, and not when the system's patience ends.
        config.application_name("ducat").connect_timeout(CONNECT).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        // A new primary is found by asking each new connection whether it may write.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        // A pooler keeps connections for many programs: it takes no settings at the start, they are the role's there.
        if settings.statements == Statements::Kept {
            config.options(options(purpose, config.get_options()));
        }
        let tls = rustls::ClientConfig::with_platform_verifier().map_err(|e| wrong(&e))?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(config, Hosts { tls: MakeRustlsConnect::new(tls) }, recycling);
        let timeouts = Timeouts { wait: Some(WAIT), create: Some(CONNECT), recycle: Some(CONNECT) };
        // Whoever was used last is used next: what its server's process knows is still in the processor's cache.
        let pool = Pool::builder(manager).max_size(most).queue_mode(QueueMode::Lifo).timeouts(timeouts).runtime(Runtime::Tokio1);
        let pool = pool.pre_recycle(doubt.hook());
        Ok(Self { pool: pool.build().map_err(|e| wrong(&e))?, statements: settings.statements, doubt: doubt.clone() })
    }

    /// How many there are at the most.
    pub fn most(&self) -> usize {
        self.pool.status().max_size
    }

    /// The same for somebody who would rather wait than be told that the database is away: a standby takes over within seconds.
    pub async fn take_patiently(&self) -> Result<Connection, String> {
        self.take_by(Instant::now() + PATIENCE).await
    }

    async fn take_by(&self, end: Instant) -> Result<Connection, String> {
        let mut why = away(PATIENCE);
        let tries = async {
            loop {
                match self.take().await {
                    Ok(connection) => return connection,
                    Err(e) => why = e,
                }
                sleep(KNOCK_AGAIN).await;
            }
        };
        let taken = timeout_at(end, tries).await;
        taken.map_err(|_| why)
    }

    /// Runs one statement that changes nothing, and gives its rows. Where the connection is lost, another one is asked.
    pub async fn read(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, ReadError> {
        let end = Instant::now() + PATIENCE;
        loop {
            let connection = self.take_by(end).await.map_err(ReadError)?;
            match connection.ask(sql, values).await {
                Ok(rows) => return Ok(rows),
                Err(e) => {
                    let is_lost = matches!(failure(&e), Failure::Lost(_));
                    if is_lost {
                        connection.close();
                    }
                    if !is_lost || Instant::now() >= end {
                        return Err(ReadError(e.to_string()));
                    }
                }
            }
        }
    }

    /// A connection that is free, or a new one.
    pub async fn take(&self) -> Result<Connection, String> {
        let client = self.pool.get().await.map_err(|e| match e {
            PoolError::Backend(e) => said(&e),
            PoolError::Timeout(TimeoutType::Wait) => "all connections to the database are in use".to_owned(),
            PoolError::Timeout(_) => away(CONNECT),
            other => other.to_string(),
        })?;
        Ok(Connection { client, statements: self.statements, doubt: self.doubt.clone() })
    }
}

fn away(limit: Duration) -> String {
    format!("no database server that takes writes answered within {} seconds", limit.as_secs())
}

impl Connection {
    /// Ends it: nobody can tell in what state it is.
    pub fn close(self) {
        drop(Object::take(self.client));
    }

    /// Waits for the answer to one statement. Where none comes, nobody trusts the connections that are as old as this one any more.
    pub async fn answer<T>(&self, coming: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, NoAnswer> {
        let asked = std::time::Instant::now();
        match timeout(ANSWER, coming).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                self.doubt.cast_on_those_before(asked);
                Err(NoAnswer::Silent)
            }
        }
    }

    /// Runs one statement and gives its rows.
    pub async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, ReadError> {
        self.ask(sql, values).await.map_err(|e| ReadError(e.to_string()))
    }

    /// Carries out a statement of the writer by itself, and gives its rows.
    pub async fn carry_out(&self, statement: &Statement) -> Result<Vec<Row>, ReadError> {
        let Statement { sql, params, kinds, .. } = statement;
        let params = params.iter().map(|param| param as &(dyn ToSql + Sync)).zip(kinds.iter().cloned()).collect();
        self.answer(self.ask_typed(sql, params)).await.map_err(|e| ReadError(e.to_string()))
    }

    pub async fn ask(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, NoAnswer> {
        self.answer(self.ask_at_leisure(sql, values)).await
    }

    /// The same, however long it takes: the limit of the statement was lifted.
    pub async fn ask_at_leisure(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, tokio_postgres::Error> {
        let typed = values.iter().map(|v| (v as &(dyn ToSql + Sync), kind_of(v))).collect();
        self.ask_typed(sql, typed).await
    }

    /// Runs one statement whose parameters are of these kinds.
    pub async fn ask_typed(
        &self,
        sql: &str,
        params: Vec<(&(dyn ToSql + Sync), Type)>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.statements {
            Statements::Kept => {
                let statement = self.client.prepare_cached(sql).await?;
                let params: Vec<&(dyn ToSql + Sync)> = params.into_iter().map(|(param, _)| param).collect();
                self.client.query(&statement, &params).await
            }
            Statements::ReadAnew => self.client.query_typed(sql, &params).await,
        }
    }
}

/// What a connection is told at its start. Who runs the server has the last word.
fn options(purpose: Purpose, asked: Option<&str>) -> String {
    let by_key = BY_KEY.iter().filter(|_| purpose == Purpose::Write).map(|(name, value)| format!(" -c {name}={value}"));
    let asked = asked.map(|asked| format!(" {asked}")).unwrap_or_default();
    format!("{MARK} {LIMITS}{}{asked}", by_key.collect::<String>())
}

/// What keeps rules by looking after it has waited (docs/decisions/0016) must see what came meanwhile, whatever the server's default is.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Begins a transaction of a writer. Where the connection was not told how to find rows when it was made, the transaction is.
pub(super) fn begin(statements: Statements) -> &'static str {
    static TOLD: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let by_key = BY_KEY.iter().map(|(name, value)| format!("; SET LOCAL {name} = {value}"));
        format!("{BEGIN}{}", by_key.collect::<String>())
    });
    match statements {
        Statements::Kept => BEGIN,
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
