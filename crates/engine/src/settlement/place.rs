//! Where one line of a statement belongs: it is booked there, once, together with the note that it was read.

use super::payouts;
use crate::payments::{file, settle};
use crate::{Engine, Error};
use ducat_domain::payments::Payment;
use ducat_domain::settlement::{Booked, LineAbout, LineKind, Payout, Place, StatementLine};
use ducat_domain::{ExceptionId, Money, PspAccount};
use ducat_store::{BookException, Change, CommitError, Job, JobWrite, PspLineRow, Unique};

/// Books a line and notes that it was read. A line that was read before changes nothing.
pub(super) async fn place(engine: &Engine, account: &PspAccount, line: &StatementLine) -> Result<(), Error> {
    let outcome = match &line.about {
        LineAbout::Payment(psp_payment) => match engine.store().payment_by_psp_payment(account.id, psp_payment).await? {
            Some(payment) => at_payment(engine, account, line, payment).await,
            None => alone(engine, account, line).await,
        },
        LineAbout::Payout(seen) => {
            let payout = payouts::hear(engine, account, seen, None).await?;
            at_payout(engine, account, line, payout).await
        }
        LineAbout::Nothing => alone(engine, account, line).await,
    };
    match outcome {
        Err(Error::Duplicate) => Ok(()),
        // It contradicts our books. The money lies in suspense until a person has looked; the lines after it are read all the same.
        Err(Error::Mismatch(why)) => {
            tracing::error!(account = %account.id, line = line.psp_line, why, "a line of the PSP's statement does not fit our books");
            let unplaced = StatementLine { kind: LineKind::Unplaced, about: LineAbout::Nothing, ..line.clone() };
            match alone(engine, account, &unplaced).await {
                Err(Error::Duplicate) => Ok(()),
                other => other,
            }
        }
        other => other,
    }
}

/// A line of a payment: its cost is noted at the payment, its conversion booked beside it.
async fn at_payment(engine: &Engine, account: &PspAccount, line: &StatementLine, payment: Payment) -> Result<(), Error> {
    let now = engine.now();
    let place = Place { merchant: account.merchant, psp_account: account.id, order: Some(payment.order.id) };
    let Booked { entries, fee, .. } = line.book(place, now);
    let row = PspLineRow { order: Some(payment.order.id), ..row(engine, account, line) };
    let fees = Vec::from_iter(fee);
    let order = payment.order.id;
    settle(
        engine,
        payment,
        |p| Ok(p.fees_told(&fees, now)),
        |_, _, change| {
            change.entries.extend(file(engine, account.merchant, entries.clone(), now));
            change.psp_lines.push(row.clone());
            // A refund or dispute whose message never came shows here: the PSP is asked for the whole truth about the payment.
            if !matches!(line.kind, LineKind::Charge) {
                change.jobs.push(JobWrite::Hurry(Job::Attend(order), now));
            }
            Ok(())
        },
    )
    .await
    .map(drop)
}

/// A line of a payout: the money left, or came back.
async fn at_payout(engine: &Engine, account: &PspAccount, line: &StatementLine, payout: Payout) -> Result<(), Error> {
    let now = engine.now();
    let place = Place { merchant: account.merchant, psp_account: account.id, order: None };
    let id = payout.id;
    let mut payout = payout;
    loop {
        let moved = match line.kind {
            LineKind::PayoutReturned => payout.come_back(now),
            _ => payout.leave(now),
        };
        let mut change = moved.map_or(Ok(Change::default()), |moved| payouts::change(engine, moved))?;
        change.entries.extend(file(engine, account.merchant, line.book(place, now).entries, now));
        change.psp_lines.push(PspLineRow { payout: Some(id), ..row(engine, account, line) });
        match commit(engine, change).await {
            Err(Error::Busy) => payout = engine.store().payout(id).await?.ok_or(Error::NotFound("payout"))?,
            other => return other,
        }
    }
}

/// A line that belongs to no payment or payout of ours. What nobody can place lies in suspense, and a person has to look.
async fn alone(engine: &Engine, account: &PspAccount, line: &StatementLine) -> Result<(), Error> {
    let now = engine.now();
    let booked = line.book(Place { merchant: account.merchant, psp_account: account.id, order: None }, now);
    let mut kept = row(engine, account, line);
    let mut exceptions = Vec::new();
    if booked.suspended {
        let id = ExceptionId::new(now, engine.chance());
        kept.exception = Some(id);
        exceptions.push(BookException {
            id,
            merchant: account.merchant,
            kind: "unplaced_line".into(),
            psp_account: Some(account.id),
            subject: format!("{} ({})", line.psp_line, line.psp_kind),
            amount: Money::new(line.amount.minor.saturating_sub(line.fee.minor), line.amount.currency),
            opened_at: now,
            closed: None,
        });
    }
    let entries = file(engine, account.merchant, booked.entries, now);
    let psp_lines = vec![kept];
    commit(engine, Change { entries, exceptions, psp_lines, ..Change::default() }).await
}

async fn commit(engine: &Engine, change: Change) -> Result<(), Error> {
    match engine.store().commit(change).await {
        Ok(()) => Ok(()),
        Err(CommitError::Taken(Unique::PspLine | Unique::EventRef)) => Err(Error::Duplicate),
        Err(CommitError::Stale) => Err(Error::Busy),
        Err(e) => Err(e.into()),
    }
}

/// What is kept of a line.
fn row(engine: &Engine, account: &PspAccount, line: &StatementLine) -> PspLineRow {
    PspLineRow {
        psp_account: account.id,
        psp_line: line.psp_line.clone(),
        merchant: account.merchant,
        kind: line.kind.as_str().to_owned(),
        psp_kind: line.psp_kind.clone(),
        amount: line.amount,
        fee: line.fee.minor,
        order: None,
        payout: None,
        exception: None,
        at: line.created_at,
        read_at: engine.now(),
    }
}
