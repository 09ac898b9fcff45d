//! The way to Valkey or Redis: one connection, a short time for each answer, and no more asking after a failure until a look has shown that it
//! is back.

use crate::rate::Rate;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How long a new connection may take. Nobody waits for it but the look that opens it, and who has something to tell before the first look.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Where it is written that what nodes keep may be outdated: a new value each time.
const MARK: &str = "ducat:mark";
/// A bucket of nobody's, out of which a look takes, to see that what is needed works: reading, writing and scripts.
const PROBE: &str = "ducat:probe";

/// The shared server.
pub(crate) struct Valkey {
    client: Client,
    script: Script,
    /// How long an answer may take before this node goes on without it.
    limit: Duration,
    connection: RwLock<Option<MultiplexedConnection>>,
    /// Whether its loss was told, so that it is told once.
    told: AtomicBool,
    failures: AtomicU64,
}

/// Why there was no answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// It took too long.
    Late,
    /// It is not asked at present.
    Parted,
    /// It failed.
    Failed(RedisError),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("no answer in time"),
            Self::Parted => f.write_str("no connection"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl Valkey {
    pub fn new(client: Client, limit: Duration) -> Self {
        let script = Script::new(include_str!("take.lua"));
        let (connection, told, failures) = (RwLock::default(), AtomicBool::new(false), AtomicU64::new(0));
        Self { client, script, limit, connection, told, failures }
    }

    /// How long an answer may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether it is asked at present.
    pub fn is_reached(&self) -> bool {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// How often it failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Takes up to `wanted` calls out of a bucket. Gives how many, and what is used.
    pub async fn take(&self, bucket: &str, rate: Rate, wanted: u32) -> Result<(u32, u64), Silence> {
        let connection = self.connection()?;
        self.heard(self.take_by(connection, bucket, rate, wanted).await)
    }

    /// Looks whether all is well, connecting where need be. Gives the mark.
    pub async fn look(&self) -> Result<Option<Vec<u8>>, Silence> {
        let looked = match self.connection() {
            Ok(connection) => self.mark(connection).await,
            Err(_) => self.connect().await,
        };
        let looked = self.heard(looked);
        if looked.is_ok() && self.told.swap(false, Ordering::Relaxed) {
            tracing::info!("the shared cache answers again");
        }
        looked
    }

    /// Leaves a new mark. What is told as soon as the program starts comes before the first look, and a verb that answers at once never looks:
    /// they connect for it.
    pub async fn leave_mark(&self, mark: &[u8]) -> Result<(), Silence> {
        if self.is_untried() {
            self.look().await?;
        }
        let mut connection = self.connection()?;
        let set = async move { redis::cmd("SET").arg(MARK).arg(mark).exec_async(&mut connection).await };
        self.heard(within(self.limit, set).await)
    }

    /// What kind of server it is and its version, for people.
    pub async fn version(&self) -> Result<String, Silence> {
        let mut connection = self.connection()?;
        let info = async move { redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await };
        let info = self.heard(within(self.limit, info).await)?;
        let line = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let valkey = line("valkey_version:").map(|version| format!("Valkey {version}"));
        Ok(valkey.or_else(|| line("redis_version:").map(|version| format!("Redis {version}"))).unwrap_or_default())
    }

    /// Whether nobody has looked yet: there is no connection, and none was lost.
    fn is_untried(&self) -> bool {
        !self.is_reached() && !self.told.load(Ordering::Relaxed)
    }

    fn connection(&self) -> Result<MultiplexedConnection, Silence> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Silence::Parted)
    }

    /// A connection is used once everything that is needed has worked on it: a replica or a full server answers, too, and is of no use.
    async fn connect(&self) -> Result<Option<Vec<u8>>, Silence> {
        let longest = CONNECT_LIMIT.max(self.limit);
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(longest)).set_response_timeout(Some(longest));
        let connection = within(longest, self.client.get_multiplexed_async_connection_with_config(&config)).await?;
        self.take_by(connection.clone(), PROBE, Rate::new(1, 1), 1).await?;
        let mark = self.mark(connection.clone()).await?;
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        Ok(mark)
    }

    async fn take_by(
        &self,
        mut connection: MultiplexedConnection,
        bucket: &str,
        rate: Rate,
        wanted: u32,
    ) -> Result<(u32, u64), Silence> {
        let mut ask = self.script.key(bucket);
        ask.arg(rate.per_second()).arg(rate.burst()).arg(wanted);
        within(self.limit, ask.invoke_async(&mut connection)).await
    }

    async fn mark(&self, mut connection: MultiplexedConnection) -> Result<Option<Vec<u8>>, Silence> {
        within(self.limit, async move { redis::cmd("GET").arg(MARK).query_async(&mut connection).await }).await
    }

    /// After a failure the connection is given up, and nobody asks until a look has made a new one.
    fn heard<T>(&self, answer: Result<T, Silence>) -> Result<T, Silence> {
        if let Err(silence @ (Silence::Late | Silence::Failed(_))) = &answer {
            self.failures.fetch_add(1, Ordering::Relaxed);
            *self.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
            if !self.told.swap(true, Ordering::Relaxed) {
                tracing::warn!(error = %silence, "the shared cache does not answer: until it does, this node counts for itself");
            }
        }
        answer
    }
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, Silence> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Silence::Failed(error)),
        Err(_) => Err(Silence::Late),
    }
}
