//! The one store in front of both databases. What is read is said once, in `reads`; how a change is written is each database's own.

use crate::closings::Waiting;
use crate::invariants::BALANCES;
use crate::postgres::Postgres;
use crate::row::Row;
use crate::sqlite::{NEWEST, Sqlite};
use crate::value::{Conditions, Value, values};
use crate::*;
use ducat_domain::{Chance, MerchantId, PaymentOrderId, Timestamp, WebhookEndpointId};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The lines of how many entries one statement adds up at the most: a server takes a tenth of its limit for them.
const ENTRIES_AT_ONCE: u32 = 50_000;

/// Where the writer of the embedded database runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterMode {
    /// On a thread of its own; changes that wait are committed together.
    Thread,
    /// On the calling thread, reads included: nothing happens behind the caller's back.
    Caller,
}

/// The settings that decide whether a commit survives a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Of the embedded database.
    Sqlite {
        /// `wal`.
        journal_mode: String,
        /// 2 is FULL.
        synchronous: i64,
        /// Whether foreign keys are enforced.
        foreign_keys: bool,
        /// The version of the database library.
        library: String,
    },
    /// Of a server.
    Postgres {
        /// `on`, or stronger.
        synchronous_commit: String,
        /// `on`: the server waits for its disk.
        fsync: String,
        /// `on`: a page that was written in half is mended.
        full_page_writes: String,
        /// The version of the server, such as 150020.
        version: i64,
    },
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database says no.
    #[error("the database cannot be opened: {0}")]
    Database(String),
    /// It was written by a newer Ducat.
    #[error("the database has migration {found}, this program knows only up to {known}")]
    Newer {
        /// The newest in the database.
        found: u32,
        /// The newest we know.
        known: u32,
    },
    /// It is a database, but not one of ours.
    #[error("the database belongs to another program; nothing in it was changed")]
    Foreign,
    /// Its user has no part in our tables.
    #[error("{user} may not use Ducat's tables: let their owner run GRANT ducat_app TO {user}")]
    MayNotUse {
        /// As whom we are connected.
        user: String,
    },
    /// Its user has no part in our tables, and nobody can give them one yet.
    #[error(
        "{user} may not use Ducat's tables, and there is no role ducat_app to be granted: let somebody who may make roles run CREATE ROLE \
         ducat_app NOLOGIN, and the tables' owner the GRANT statements of the migrations (docs/operations.md, Rights)"
    )]
    NoRole {
        /// As whom we are connected.
        user: String,
    },
    /// There is nothing in it, and its user may not make anything.
    #[error(
        "the database is empty, and {user} may not make tables in it: let its owner run `ducat migrate`, or GRANT CREATE ON SCHEMA public TO {user}"
    )]
    MayNotMake {
        /// As whom we are connected.
        user: String,
    },
    /// Somebody in between drops what connections are told, and statements are to be kept.
    #[error(
        "a pooler is in between, and there no statement can be kept: set database_statements = \"read_anew\" \
         (docs/operations.md, A pooler, has what else it needs)"
    )]
    Pooler,
    /// What its user makes would lie elsewhere than our tables do.
    #[error(
        "the tables belong into the schema public, and what {user} makes here goes into {schema}: \
         ALTER ROLE {user} IN DATABASE {database} SET search_path = public"
    )]
    OtherSchema {
        /// As whom we are connected, and to what.
        user: String,
        /// The database.
        database: String,
        /// The schema that is first on the user's path.
        schema: String,
    },
    /// It has no room for every character.
    #[error(
        "{database} keeps text as {encoding}, and names are of all letters: make a database with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'"
    )]
    OtherEncoding {
        /// The database.
        database: String,
        /// What it is made with.
        encoding: String,
    },
    /// It is older than the program, and its user may not change tables.
    #[error(
        "migration {number} is missing, and {user} may not change tables: let their owner run `ducat migrate` with this program first"
    )]
    NotTheOwner {
        /// As whom we are connected.
        user: String,
        /// The migration that comes next.
        number: u32,
    },
    /// Balances are kept on it in another way than this program was told to.
    #[error(
        "balances are {agreed} on this database, for all nodes, and here they are to be {wanted}: set balances = \"{agreed}\"; or, to change it, stop all nodes and run `ducat migrate --balances {wanted}` before they start with that",
        agreed = agreed.as_str(), wanted = wanted.as_str()
    )]
    OtherBalances {
        /// How it is.
        agreed: Balances,
        /// How it is to be.
        wanted: Balances,
    },
    /// The writer's thread does not start.
    #[error("the database's writer does not start: {0}")]
    Writer(#[from] std::io::Error),
}

/// Why an open database is not to be used for now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// It cannot be read or written.
    #[error("the database does not answer: {0}")]
    Silent(String),
    /// A newer program has migrated it meanwhile.
    #[error("the database has migration {found} by now, this program knows only up to {known}")]
    Newer {
        /// The newest in the database.
        found: u32,
        /// The newest we know.
        known: u32,
    },
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    balances: Balances,
    entries_at_once: u32,
    /// One part of a long sum is added up at a time, so that those who read anything else find a connection.
    long_sums: Arc<Mutex<()>>,
    closings: Arc<Mutex<Waiting>>,
    between: Option<Arc<dyn Between>>,
}

#[derive(Clone, Debug)]
enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Asks whichever database there is.
macro_rules! either {
    ($store:expr, $database:ident => $asked:expr) => {
        match &$store.database {
            Database::Sqlite($database) => $asked,
            Database::Postgres($database) => $asked,
        }
    };
}

impl Store {
    /// Opens or creates the database file and brings it to the newest migration. `now` is noted beside each migration.
    pub fn open_sqlite(path: &Path, mode: WriterMode, now: Timestamp) -> Result<Self, OpenError> {
        Ok(Self::over(Database::Sqlite(Sqlite::open(path, mode, now)?)))
    }

    /// Connects to a server and brings the database to the newest migration. `now` is noted beside each migration.
    pub async fn open_postgres(settings: &PostgresSettings, chance: Arc<dyn Chance>, now: Timestamp) -> Result<Self, OpenError> {
        Ok(Self::over(Database::Postgres(Postgres::open(settings, chance, now).await?)))
    }

    fn over(database: Database) -> Self {
        Self {
            database,
            balances: Balances::Kept,
            entries_at_once: ENTRIES_AT_ONCE,
            long_sums: Arc::default(),
            closings: Arc::default(),
            between: None,
        }
    }

    /// Whether there is nothing yet where a database file is to be. Nothing is made by asking.
    pub fn is_empty_file(path: &Path) -> bool {
        Sqlite::is_empty(path)
    }

    /// Whether there is nothing yet in a database of a server. Nothing is made by asking.
    pub async fn is_empty_server(settings: &PostgresSettings) -> Result<bool, OpenError> {
        Postgres::is_empty(settings).await
    }

    /// The settings that decide about durability on a server, also before there is anything in it. Nothing is made by asking.
    pub async fn durability_there(settings: &PostgresSettings) -> Result<Durability, ReadError> {
        Postgres::durability_there(settings).await
    }

    /// How many of this program's migrations are missing in a database file that has had some. Nothing is changed by asking.
    pub fn missing_in_file(path: &Path) -> u32 {
        Sqlite::newest(path).map_or(0, |newest| NEWEST.saturating_sub(newest))
    }

    /// The same for a database of a server.
    pub async fn missing_on_server(settings: &PostgresSettings) -> u32 {
        Postgres::newest(settings).await.map_or(0, |newest| NEWEST.saturating_sub(newest))
    }

    /// The same store, with somebody who is let in before each read and each commit.
    pub fn letting_in(self, between: Arc<dyn Between>) -> Self {
        Self { between: Some(between), ..self }
    }

    /// The same store, which keeps balances in this way. [`Store::agree_on_balances`] says whether others do.
    pub fn with_balances(self, balances: Balances) -> Self {
        Self { balances, ..self }
    }

    /// The same store, which adds up the lines of so many entries in one statement at the most. Whoever asks for more has them added up in parts.
    pub fn with_entries_at_once(self, entries_at_once: u32) -> Self {
        Self { entries_at_once, ..self }
    }

    /// Agrees with all who are on this database, or will be, on whether balances are kept. Who comes first says how it is, and makes what is stored
    /// fit. Two who did not agree would write over what the other reads.
    pub async fn agree_on_balances(&self) -> Result<(), OpenError> {
        if self.agreed_balances().await?.is_none() {
            self.make_balances_fit().await?;
        }
        self.prove_balances().await
    }

    /// Says no where something else was agreed on than this store was told. Nothing is changed by asking.
    pub async fn prove_balances(&self) -> Result<(), OpenError> {
        match self.agreed_balances().await? {
            Some(agreed) if agreed != self.balances => Err(OpenError::OtherBalances { agreed, wanted: self.balances }),
            _ => Ok(()),
        }
    }

    /// Agrees anew, for somebody who has stopped everybody else: what was agreed before is forgotten, and what is stored is made anew.
    pub async fn settle_balances(&self) -> Result<(), OpenError> {
        match self.agreed_balances().await? {
            Some(agreed) if agreed == self.balances => return Ok(()),
            Some(_) => {
                self.run("DELETE FROM agreed WHERE name = 'balances'").await?;
                self.run("UPDATE balances SET amount = 0").await?;
            }
            None => {}
        }
        self.agree_on_balances().await
    }

    /// Whether balances are kept on this database, where that was said.
    pub async fn agreed_balances(&self) -> Result<Option<Balances>, OpenError> {
        let sql = "SELECT value FROM agreed WHERE name = 'balances'";
        let agreed = self.one(sql, values![], |row| row.get::<String>("value")).await.map_err(|e| OpenError::Database(e.0))?;
        let known = |text: String| Balances::parse(&text).ok_or_else(|| OpenError::Database(format!("balances are {text:?}")));
        agreed.map(known).transpose()
    }

    /// Makes the stored balances anew from the journal, or empties them, where they were kept in the other way before, and says so: in one
    /// transaction on a server, so that of two who come first with different minds only one does anything.
    async fn make_balances_fit(&self) -> Result<(), OpenError> {
        match (self.balances, self.is_postgres()) {
            (Balances::Kept, true) => {
                let sql = "LOCK TABLE agreed IN SHARE ROW EXCLUSIVE MODE;
                     LOCK TABLE balances IN SHARE ROW EXCLUSIVE MODE;
                     INSERT INTO balances (merchant_id, account_id, layer, amount)
                     SELECT merchant_id, account_id, layer, CAST(sum(amount) AS bigint) FROM postings
                     WHERE NOT EXISTS (SELECT FROM agreed WHERE name = 'balances') AND NOT EXISTS (SELECT FROM balances WHERE amount <> 0)
                     GROUP BY merchant_id, account_id, layer
                     ON CONFLICT (merchant_id, account_id, layer) DO UPDATE SET amount = excluded.amount;
                     INSERT INTO agreed (name, value) VALUES ('balances', 'kept') ON CONFLICT DO NOTHING";
                self.run(sql).await
            }
            (Balances::Summed, true) => {
                let sql = "LOCK TABLE agreed IN SHARE ROW EXCLUSIVE MODE;
                     UPDATE balances SET amount = 0 WHERE NOT EXISTS (SELECT FROM agreed WHERE name = 'balances');
                     INSERT INTO agreed (name, value) VALUES ('balances', 'summed') ON CONFLICT DO NOTHING";
                self.run(sql).await
            }
            // One file belongs to one program.
            (Balances::Kept, false) => {
                if !self.has_balances().await? {
                    let sql = "INSERT INTO balances (account_id, layer, amount)
                         SELECT account_id, layer, sum(amount) FROM postings WHERE true GROUP BY account_id, layer
                         ON CONFLICT DO UPDATE SET amount = excluded.amount";
                    self.run(sql).await?;
                }
                self.run("INSERT INTO agreed (name, value) VALUES ('balances', 'kept') ON CONFLICT DO NOTHING").await
            }
            (Balances::Summed, false) => {
                self.run("UPDATE balances SET amount = 0").await?;
                self.run("INSERT INTO agreed (name, value) VALUES ('balances', 'summed') ON CONFLICT DO NOTHING").await
            }
        }
    }

    async fn has_balances(&self) -> Result<bool, OpenError> {
        let sql = "SELECT 1 AS found FROM balances WHERE amount <> 0 LIMIT 1";
        Ok(self.one(sql, values![], |_| Ok(())).await.map_err(|e| OpenError::Database(e.0))?.is_some())
    }

    async fn run(&self, sql: &'static str) -> Result<(), OpenError> {
        either!(self, database => database.run(sql).await).map_err(|e| OpenError::Database(e.to_string()))
    }

    /// Whether balances are kept.
    pub(crate) const fn balances_are(&self) -> Balances {
        self.balances
    }

    /// The lines of how many entries one statement adds up at the most.
    pub(crate) const fn entries_at_once(&self) -> u32 {
        self.entries_at_once
    }

    /// The turn to add up a part of a long sum. Who comes first goes first.
    pub(crate) fn long_sums(&self) -> &Mutex<()> {
        &self.long_sums
    }

    /// Whose books are being closed, by this node, and for whom it waits.
    pub(crate) fn closings(&self) -> &Mutex<Waiting> {
        &self.closings
    }

    /// The embedded database.
    #[cfg(test)]
    pub(crate) fn sqlite(&self) -> &Sqlite {
        match &self.database {
            Database::Sqlite(database) => database,
            Database::Postgres(_) => panic!("this is a server"),
        }
    }

    /// The database on a server.
    #[cfg(test)]
    pub(crate) fn postgres(&self) -> &Postgres {
        match &self.database {
            Database::Postgres(database) => database,
            Database::Sqlite(_) => panic!("this is a file"),
        }
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.database, Database::Postgres(_))
    }

    /// Commits a change whole, or says why nothing of it was committed.
    pub fn commit(&self, mut change: Change) -> impl Future<Output = Result<(), CommitError>> + Send {
        // Here, on the caller's thread: those who write have enough to do.
        if let Some(answer) = change.idempotency.as_mut().and_then(IdempotencyWrite::answer_mut) {
            answer.body = codec::pack(&answer.body);
        }
        change.balances = self.balances;
        // It goes through many hands.
        let change = Box::new(change);
        async move {
            self.let_in().await;
            either!(self, database => database.commit(change).await)
        }
    }

    /// Takes jobs that are due; nobody else gets them until the lease ends.
    pub async fn claim_jobs(&self, now: Timestamp, lease: Duration, limit: u32) -> Result<Vec<ClaimedJob>, CommitError> {
        self.claim_jobs_beside(now, lease, limit, Vec::new()).await
    }

    /// The same, but for those that are `held`, whose claims have run out while the caller is still at them: they stay as they are, so that the
    /// claim is good for writing down what comes of them as long as nobody else has taken them.
    pub async fn claim_jobs_beside(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
        held: Vec<ClaimedJob>,
    ) -> Result<Vec<ClaimedJob>, CommitError> {
        either!(self, database => database.claim_jobs(now, now.plus(lease), limit, held).await)
    }

    /// Takes deliveries that are due, for each of these endpoints as many as are named, what just happened first; nobody else gets them
    /// until the lease ends.
    pub async fn claim_deliveries(
        &self,
        wanted: Vec<(MerchantId, WebhookEndpointId, u32)>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedDelivery>, CommitError> {
        either!(self, database => database.claim_deliveries(wanted, now, now.plus(lease)).await)
    }

    /// Whether the database answers, for reading and for writing, and is the one that this program knows: a newer program may have migrated it.
    pub async fn ready(&self) -> Result<(), Unready> {
        let asked = match &self.database {
            Database::Sqlite(_) => self.commit(Change::default()).await,
            // Beside the writers: commits that wait for a standby keep nobody from reading, and a node that can be read is of use.
            Database::Postgres(database) => database.knock().await,
        };
        asked.map_err(|e| Unready::Silent(e.to_string()))?;
        let newest = "SELECT CAST(max(number) AS bigint) AS newest FROM schema_migrations";
        let found = self.one(newest, values![], |row| row.get("newest")).await.map_err(|e| Unready::Silent(e.0))?;
        let (found, known): (u32, _) = (found.unwrap_or_default(), NEWEST);
        if found > known { Err(Unready::Newer { found, known }) } else { Ok(()) }
    }

    /// The settings that decide about durability, as the connection that writes has them.
    pub async fn durability(&self) -> Result<Durability, ReadError> {
        either!(self, database => database.durability().await)
    }

    /// Transactions on the same server that others have left open for longer than this; none where there is no server.
    pub async fn open_transactions(&self, longer_than: Duration) -> Result<Vec<OpenTransaction>, ReadError> {
        match &self.database {
            Database::Sqlite(_) => Ok(Vec::new()),
            Database::Postgres(database) => database.open_transactions(longer_than).await,
        }
    }

    /// Sessions on the same server in which a transaction may have been open for long without our seeing it; nothing where we may see all.
    pub async fn hidden_sessions(&self) -> Result<Option<HiddenSessions>, ReadError> {
        match &self.database {
            Database::Sqlite(_) => Ok(None),
            Database::Postgres(database) => database.hidden_sessions().await,
        }
    }

    /// Commits that have been waiting for a synchronous standby for longer than this; nothing where none does.
    pub async fn waiting_commits(&self, longer_than: Duration) -> Result<Option<WaitingCommits>, ReadError> {
        match &self.database {
            Database::Sqlite(_) => Ok(None),
            Database::Postgres(database) => database.waiting_commits(longer_than).await,
        }
    }

    /// What lies between this program and its server; nothing where there is no server.
    pub async fn link(&self) -> Result<Option<Link>, ReadError> {
        match &self.database {
            Database::Sqlite(_) => Ok(None),
            Database::Postgres(database) => database.link().await.map(Some),
        }
    }

    /// What is not as the migrations make it: rules that are missing, changed or added, and migrations that are not noted.
    pub async fn rules(&self) -> Result<Vec<String>, ReadError> {
        either!(self, database => database.rules().await)
    }

    /// When the database was made: the same for everybody who opens it, and no other database's.
    pub async fn made_at(&self) -> Result<Timestamp, ReadError> {
        let made = self.one("SELECT applied_at FROM schema_migrations WHERE number = 1", values![], |row| row.get("applied_at"));
        made.await?.ok_or_else(|| ReadError("the database does not say when it was made".into()))
    }

    /// What has to be done from time to time, at least once a day: what the next rows need is made, and what nobody needs is removed.
    pub async fn keep_house(&self, now: Timestamp) -> Result<(), ReadError> {
        match &self.database {
            Database::Sqlite(_) => Ok(()),
            Database::Postgres(database) => database.keep_house(now).await,
        }
    }

    /// Sweeps up what changes left behind, where there is enough of it. Worth asking for every few seconds: where there is nothing to do, it is
    /// one small question. Says how many tables were swept.
    pub async fn sweep_up(&self) -> Result<usize, ReadError> {
        match &self.database {
            // A change writes its page anew.
            Database::Sqlite(_) => Ok(0),
            Database::Postgres(database) => database.sweep_up().await,
        }
    }

    /// Moves these of a merchant's orders to the archive, unless something has changed them since. Says how many went.
    pub(crate) async fn put_away(
        &self,
        merchant: MerchantId,
        orders: Vec<PaymentOrderId>,
        quiet_since: Timestamp,
    ) -> Result<u64, CommitError> {
        either!(self, database => database.put_away(merchant, orders, quiet_since).await)
    }

    /// How much was committed since the store was opened, and in how many commits.
    pub fn stats(&self) -> Stats {
        either!(self, database => database.stats())
    }

    /// Runs every invariant over the whole database.
    pub async fn verify(&self) -> Result<VerifyReport, ReadError> {
        self.verify_watched(|_| {}).await
    }

    /// The same, telling after each check how far it is. Each check is one query, and so sees one state of the whole database, also
    /// while somebody writes; what two checks see may lie apart.
    pub async fn verify_watched(
        &self,
        watch: impl Fn(VerifyProgress) + Send + Sync + 'static,
    ) -> Result<VerifyReport, ReadError> {
        let mut report: VerifyReport = either!(self, database => database.verify(watch).await)?;
        let unreadable = |e: OpenError| ReadError(e.to_string());
        if self.balances == Balances::Summed && !self.has_balances().await.map_err(unreadable)? {
            report.findings.retain(|finding| finding.invariant != BALANCES);
        }
        Ok(report)
    }

    /// Reads every row that a statement finds.
    pub(crate) async fn many<T: Send + 'static>(
        &self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Vec<T>, ReadError> {
        self.let_in().await;
        // Boxed: on a server it is some five thousand bytes, which would be part of every future that reads, and be moved with it.
        either!(self, database => Box::pin(database.many(sql.into(), values, read)).await)
    }

    async fn let_in(&self) {
        if let Some(between) = &self.between {
            between.before().await;
        }
    }

    /// Reads the row that a statement finds, where there is one.
    pub(crate) async fn one<T: Send + 'static>(
        &self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Option<T>, ReadError> {
        Ok(self.many(sql, values, read).await?.pop())
    }

    /// Reads one page, newest first. `select` ends before `WHERE`; `id` is the column by which the page is ordered.
    pub(crate) async fn page<T: Send + 'static, Id: Into<Value>>(
        &self,
        select: &str,
        conditions: Conditions,
        (id, anchor): (&str, PageAnchor<Id>),
        limit: u32,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Page<T>, ReadError> {
        let statement =
            |Rest { wheres, direction, most }: &Rest| format!("{select} WHERE {wheres} ORDER BY {id} {direction} LIMIT {most}");
        self.page_by(statement, conditions, (id, anchor), limit, read).await
    }

    /// The same, by a statement that is told how the page is limited.
    pub(crate) async fn page_by<T: Send + 'static, Id: Into<Value>>(
        &self,
        statement: impl FnOnce(&Rest) -> String,
        mut conditions: Conditions,
        (id, anchor): (&str, PageAnchor<Id>),
        limit: u32,
        read: impl Fn(&Row<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Page<T>, ReadError> {
        let direction = match anchor {
            PageAnchor::Newest => "DESC",
            PageAnchor::After(older_than) => {
                conditions.add_before(id, older_than);
                "DESC"
            }
            PageAnchor::Before(newer_than) => {
                conditions.add_after(id, newer_than);
                "ASC"
            }
        };
        let (wheres, values) = conditions.done();
        let sql = statement(&Rest { wheres, direction, most: limit.saturating_add(1) });
        let mut data = self.many(sql, values, read).await?;
        let has_more = data.len() > limit as usize;
        data.truncate(limit as usize);
        if direction == "ASC" {
            data.reverse();
        }
        Ok(Page { data, has_more })
    }
}

/// How a page is limited.
pub(crate) struct Rest {
    /// What follows `WHERE`.
    pub wheres: String,
    /// `ASC` or `DESC`.
    pub direction: &'static str,
    /// One more than the page has room for.
    pub most: u32,
}
