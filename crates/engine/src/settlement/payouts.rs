//! What a PSP says of its payouts, applied.

use super::PayoutView;
use crate::payments::{STATEMENT_AFTER, file};
use crate::{Engine, Error};
use ducat_domain::settlement::{Payout, PayoutError, PayoutMoved, PayoutSeen};
use ducat_domain::{EventId, PayoutId, PspAccount, Subject};
use ducat_store::{Change, CommitError, EventRow, InboxState, InboxWrite, Job, JobNext, JobWrite, Unique};

/// How often a change that lost a race is decided anew.
const MAX_RACES: u32 = 16;

/// The change that makes a move of a payout true: payout, entries, event.
pub(super) fn change(engine: &Engine, moved: PayoutMoved) -> Result<Change, Error> {
    let PayoutMoved { payout, entries, event } = moved;
    let now = payout.updated_at;
    let snapshot = serde_json::to_string(&PayoutView::of(&payout)).map_err(|e| Error::Internal(e.to_string()))?;
    let event = EventRow {
        id: EventId::new(now, engine.chance()),
        merchant: payout.merchant,
        subject: Subject::Payout(payout.id),
        sequence: payout.version,
        kind: event,
        at: now,
        snapshot,
    };
    let entries = file(engine, payout.merchant, entries);
    Ok(Change { payouts: vec![payout], events: vec![event], entries, ..Change::default() })
}

/// Applies what the PSP says of a payout, with the message that said it. Gives the payout as it is then.
pub(crate) async fn hear(
    engine: &Engine,
    account: &PspAccount,
    seen: &PayoutSeen,
    inbox: Option<InboxWrite>,
) -> Result<Payout, Error> {
    for _ in 0..MAX_RACES {
        let now = engine.now();
        let known = engine.store().payout_by_psp(account.merchant, account.id, &seen.psp_payout).await?;
        let moved = match known.clone() {
            Some(payout) => payout.heard(seen, now).map_err(|e| mismatch(seen, &e))?,
            None => Some(Payout::begin(PayoutId::new(now, engine.chance()), account.merchant, account.id, seen, now)),
        };
        let news = moved.is_some();
        let after = moved.as_ref().map(|m| m.payout.clone()).or(known);
        let mut change = moved.map_or(Ok(Change::default()), |moved| change(engine, moved))?;
        change.inbox = inbox
            .clone()
            .map(|message| InboxWrite { state: if news { InboxState::Applied } else { InboxState::Ignored }, ..message });
        let after = after.ok_or_else(|| Error::Internal("a payout that is not there".into()))?;
        // Its line in the statement says that the money left.
        if news {
            let then = JobNext::Hurry(now.plus(STATEMENT_AFTER));
            change.jobs.push(JobWrite { merchant: account.merchant, job: Job::Statement(account.id), then });
        }
        if change.is_empty() {
            return Ok(after);
        }
        match engine.store().commit(change).await {
            Ok(()) => return Ok(after),
            Err(CommitError::Stale | CommitError::Taken(Unique::Part)) => {}
            Err(CommitError::Taken(Unique::Message)) => return Err(Error::Duplicate),
            Err(e) => return Err(e.into()),
        }
    }
    Err(Error::Busy)
}

fn mismatch(seen: &PayoutSeen, e: &PayoutError) -> Error {
    Error::Mismatch(format!("payout {}: {e}", seen.psp_payout))
}
