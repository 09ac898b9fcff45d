//! Closings: what lay on a merchant's accounts, kept every so many entries. Whoever asks for a moment of the past adds up what came since then,
//! and not all that was ever booked.
//!
//! Books are closed in two steps. First it is written down before which entry: from then on, whatever is booked before that one comes late, and
//! the database notes it. When all transactions that were under way by then are over, what lay on the accounts there is added up and kept,
//! unless something came late meanwhile; then it is done anew. What comes late after that is added to what was closed, by the database.

use crate::reads::{Lines, next};
use crate::{BooksStep, BooksWrite, Change, CommitError, ReadError, Store};
use ducat_domain::{EntryId, MerchantId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Books that are being closed up to an entry, and behind which transaction: those before it must be over.
pub(crate) type Waiting = BTreeMap<MerchantId, (EntryId, i64)>;

/// How often it is asked whether the transactions of others are over, and how long to wait in between. Whoever waits in vain comes again.
const LOOKS: usize = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Store {
    /// Closes a merchant's books once more, where enough was booked since that was last done, and before `quiet_since`. Says whether they were
    /// closed: there may be more to close then. It may be done as often as one likes, and by several nodes at once: whoever is in the way of
    /// others, or finds their transactions under way, is told that it is busy.
    pub async fn close_books(&self, merchant: MerchantId, quiet_since: Timestamp) -> Result<bool, CommitError> {
        match self.close(merchant, quiet_since).await {
            // Another node was faster, or something came late: whoever comes next finds it.
            Err(CommitError::Stale) => Err(CommitError::Busy),
            other => other,
        }
    }

    async fn close(&self, merchant: MerchantId, quiet_since: Timestamp) -> Result<bool, CommitError> {
        let found = self.books(merchant).await.map_err(unreadable)?;
        if found.closing == found.closed {
            let end = self.end_of_part(Lines::Of(merchant), found.closed).await.map_err(unreadable)?;
            let end = end.map(|end| end.max(next(found.closed))).filter(|end| *end < EntryId::first_at(quiet_since));
            let Some(end) = end else { return Ok(false) };
            self.write(BooksWrite { merchant, found, step: BooksStep::Begin(end) }).await?;
        }
        let begun = self.books(merchant).await.map_err(unreadable)?;
        if !self.others_are_over(merchant, begun.closing).await.map_err(unreadable)? {
            return Err(CommitError::Busy);
        }
        // Whether anything came late is asked before it is added up.
        let found = self.books(merchant).await.map_err(unreadable)?;
        if found.closing != begun.closing || found.closing == found.closed {
            return Err(CommitError::Stale);
        }
        let lay = self.added_up(Lines::Of(merchant), found.closing).await.map_err(unreadable)?;
        self.write(BooksWrite { merchant, found, step: BooksStep::Close(lay) }).await?;
        Ok(true)
    }

    async fn write(&self, books: BooksWrite) -> Result<(), CommitError> {
        self.commit(Change { books: Some(books), ..Change::default() }).await
    }

    /// Whether all transactions are over that were under way when this node first saw books being closed up to there. In a file there is one at a
    /// time.
    async fn others_are_over(&self, merchant: MerchantId, closing: EntryId) -> Result<bool, ReadError> {
        if !self.is_postgres() {
            return Ok(true);
        }
        // A number of our own, and not `pg_snapshot_xmax`: that is the one after the newest that is over, and may be of one that is under way.
        let newest = "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint) AS number";
        let oldest = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS number";
        let begun = self.closings().lock().await.get(&merchant).copied().filter(|(end, _)| *end == closing);
        let behind = match begun {
            Some((_, behind)) => behind,
            None => self.transaction(newest).await?,
        };
        self.closings().lock().await.insert(merchant, (closing, behind));
        for _ in 0..LOOKS {
            if self.transaction(oldest).await? >= behind {
                self.closings().lock().await.remove(&merchant);
                return Ok(true);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(false)
    }

    async fn transaction(&self, sql: &'static str) -> Result<i64, ReadError> {
        let number = self.one(sql, Vec::new(), |row| row.get("number")).await?;
        number.ok_or_else(|| ReadError("the server does not number its transactions".into()))
    }
}

fn unreadable(error: ReadError) -> CommitError {
    CommitError::Unavailable(error.to_string())
}
