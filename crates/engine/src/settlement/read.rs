//! Reading a PSP's statement on: a page at a time, each line booked once. The place is kept, so a crash reads a little twice and nothing
//! never. Once a day the last days are read again, for lines that the PSP showed late.

use super::place::place;
use crate::payments::soon;
use crate::psp_accounts;
use crate::{Engine, Error};
use ducat_connectors::{Fault, Operation, Outcome, StatementPage};
use ducat_domain::settlement::StatementLine;
use ducat_domain::{PspAccount, PspAccountId, Timestamp};
use ducat_store::{Change, ClaimedJob, PspCursor};
use std::time::Duration;

/// How often a statement is read without any news.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// How often its last days are read once more, and how many.
const REREAD_EVERY: Duration = Duration::from_secs(24 * 3600);
const REREAD: Duration = Duration::from_secs(2 * 24 * 3600);
/// How many pages one run reads; the next run goes on.
const MAX_PAGES: usize = 50;

/// Runs a claimed job.
pub(crate) async fn read(engine: &Engine, id: PspAccountId, claimed: ClaimedJob) -> Result<(), Error> {
    let Some(account) = engine.store().psp_account(id).await? else { return Ok(()) };
    let outcome = match read_on(engine, &account).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!(account = %id, %error, "reading the PSP's statement failed");
            Err(Fault::Protocol(error.to_string()))
        }
    };
    let now = engine.now();
    let job = match outcome {
        // A PSP without a statement has nothing to read.
        Err(Fault::Unsupported) => claimed.done(),
        Err(fault) => {
            tracing::warn!(account = %id, %fault, "the PSP's statement could not be read");
            claimed.again(soon(engine, &claimed, Some(&fault)))
        }
        Ok(Read::More) => claimed.again(now),
        Ok(Read::ToTheEnd) => claimed.again(now.plus(EVERY)),
    };
    Ok(engine.store().commit(Change { jobs: vec![job], ..Change::default() }).await?)
}

/// How far a run came.
enum Read {
    ToTheEnd,
    More,
}

async fn read_on(engine: &Engine, account: &PspAccount) -> Result<Result<Read, Fault>, Error> {
    let psp = psp_accounts::open(engine, account)?;
    let mut cursor = engine.store().psp_cursor(account.merchant, account.id).await?;
    let now = engine.now();
    if cursor.as_ref().is_some_and(|c| now.since(c.reread_at) >= REREAD_EVERY) {
        // Known lines are passed over, so that going back costs reading and nothing else.
        let from = now.minus(REREAD);
        if let Err(fault) = pages(engine, account, &psp, None, from, &mut |_| None).await? {
            return Ok(Err(fault));
        }
        if let Some(cursor) = &mut cursor {
            cursor.reread_at = now;
            let psp_cursor = Some((account.merchant, cursor.clone()));
            engine.store().commit(Change { psp_cursor, ..Change::default() }).await?;
        }
    }
    let after = cursor.as_ref().map(|c| c.psp_line.clone());
    let reread_at = cursor.as_ref().map_or(now, |c| c.reread_at);
    let mut keep = |line: &StatementLine| {
        Some(PspCursor {
            psp_account: account.id,
            psp_line: line.psp_line.clone(),
            line_at: line.created_at,
            read_at: now,
            reread_at,
        })
    };
    let outcome = pages(engine, account, &psp, after, account.created_at, &mut keep).await?;
    match (outcome, cursor) {
        // The PSP no longer knows the line at which we stood: what followed it is found by its time.
        (Err(Fault::Protocol(why)), Some(cursor)) => {
            tracing::warn!(account = %account.id, why, "the place in the PSP's statement is lost; it is looked for by time");
            pages(engine, account, &psp, None, cursor.line_at.minus(REREAD), &mut keep).await
        }
        (outcome, _) => Ok(outcome),
    }
}

/// Reads page after page, and keeps the place after each.
async fn pages(
    engine: &Engine,
    account: &PspAccount,
    psp: &crate::payments::Psp,
    mut after: Option<String>,
    since: Timestamp,
    keep: &mut (dyn FnMut(&StatementLine) -> Option<PspCursor> + Send),
) -> Result<Result<Read, Fault>, Error> {
    for _ in 0..MAX_PAGES {
        let operation = Operation::Statement { after: after.clone(), since };
        let page: StatementPage = match psp.talk(engine, &operation).await {
            Ok(Outcome::Statement(page)) => page,
            Ok(other) => return Err(Error::Internal(format!("the connector answers a statement with {other:?}"))),
            Err(fault) => return Ok(Err(fault)),
        };
        let ids = page.lines.iter().map(|line| line.psp_line.clone()).collect();
        let known = engine.store().known_psp_lines(account.merchant, account.id, ids).await?;
        for line in page.lines.iter().filter(|line| !known.contains(&line.psp_line)) {
            if let Err(fault) = place(engine, account, psp, line).await? {
                return Ok(Err(fault));
            }
        }
        let Some(last) = page.lines.last() else { return Ok(Ok(Read::ToTheEnd)) };
        if let Some(cursor) = keep(last) {
            let psp_cursor = Some((account.merchant, cursor));
            engine.store().commit(Change { psp_cursor, ..Change::default() }).await?;
        }
        if !page.has_more {
            return Ok(Ok(Read::ToTheEnd));
        }
        after = Some(last.psp_line.clone());
    }
    Ok(Ok(Read::More))
}
