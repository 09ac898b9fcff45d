//! What was committed, what a check of the whole database found, how the server is reached, and whom we wait for.

use ducat_domain::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How much was committed since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commits, each with one sync; many changes share one.
    pub commits: u64,
    /// Changes in them.
    pub changes: u64,
}

/// A transaction on our server that somebody leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// The server's number for whoever it is; none of a prepared one, which belongs to nobody any more.
    pub pid: Option<i64>,
    /// The name of a prepared one.
    pub prepared: Option<String>,
    /// What the program calls itself.
    pub application: String,
    /// In which database of the server.
    pub database: String,
    /// For how long; nothing where the server does not tell us.
    pub seconds: Option<i64>,
    /// Whether it has written something: then the readers of events wait for it.
    pub writes: bool,
    /// Whether nothing is under way in it.
    pub is_idle: bool,
}

/// Sessions on our server of which it does not tell us since when a transaction is open in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenSessions {
    /// How many: those that write, in any database, and all of our own database.
    pub count: i64,
    /// Whose they are.
    pub roles: String,
    /// As whom we are connected.
    pub user: String,
}

/// Commits that the server does not answer, because no standby has them yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingCommits {
    /// How many.
    pub count: i64,
    /// For how long the longest of them has been waiting.
    pub seconds: i64,
    /// For whom: `synchronous_standby_names`.
    pub standbys: String,
}

/// What lies between a node and its database server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// As whom we are connected.
    pub user: String,
    /// Whether the server has the connection encrypted.
    pub is_encrypted: bool,
    /// Whether it begins on the machine where it ends.
    pub is_local: bool,
    /// Whether there is the role that programs are given that may not own tables.
    pub has_role: bool,
    /// The names of limits that are switched off, or higher than a node waits.
    pub unlimited: Option<String>,
    /// How long a node waits for an answer.
    pub answer: Duration,
    /// What time the server has.
    pub clock: Timestamp,
}

impl Link {
    /// How far the server's clock is from that of this machine, which said `before` and `after` when the server was asked.
    pub fn drift(&self, before: Timestamp, after: Timestamp) -> Duration {
        before.since(self.clock).max(self.clock.since(after))
    }
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The invariant that is broken.
    pub invariant: &'static str,
    /// Where.
    pub subject: String,
}

/// What a check of the whole database found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// What was looked at, with how many rows.
    pub checked: Vec<(&'static str, u64)>,
    /// What is wrong: the first thousand, and of each further invariant that is broken one.
    pub findings: Vec<Finding>,
    /// Whether there is more that is wrong.
    pub left_off: bool,
    /// How many invariants were checked.
    pub invariants: u32,
}

impl VerifyReport {
    /// How many breaches there are of each invariant.
    pub fn by_invariant(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.invariant).or_default() += 1;
        }
        counts
    }
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Checks that are done.
    pub done: usize,
    /// All checks.
    pub of: usize,
    /// What was checked last.
    pub last: &'static str,
}
