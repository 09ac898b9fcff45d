//! Where one line of a statement belongs: it is booked there, once, together with the note that it was read.

use super::payouts;
use crate::payments::{Along, Psp, file, look_at, observe, settle};
use crate::{Engine, Error};
use ducat_connectors::{Fault, Operation, Outcome};
use ducat_domain::payments::Payment;
use ducat_domain::settlement::{Booked, LineAbout, LineKind, Payout, Place, StatementLine};
use ducat_domain::{AttemptId, ExceptionId, Money, PspAccount};
use ducat_store::{BookException, Change, CommitError, Job, JobNext, JobWrite, PspLineRow, Unique};

/// Books a line and notes that it was read. A line that was read before changes nothing. A fault is of the talk with the PSP, and leaves
/// the line to the next reading.
pub(super) async fn place(
    engine: &Engine,
    account: &PspAccount,
    psp: &Psp,
    line: &StatementLine,
) -> Result<Result<(), Fault>, Error> {
    let outcome = match &line.about {
        LineAbout::Payment(psp_payment) => match whose(engine, account, psp, psp_payment).await? {
            Err(fault) => return Ok(Err(fault)),
            Ok(Some(payment)) => at_payment(engine, account, line, payment).await,
            Ok(None) => alone(engine, account, line).await,
        },
        LineAbout::Payout(seen) => {
            let payout = payouts::hear(engine, account, seen, None).await?;
            at_payout(engine, account, line, payout).await
        }
        LineAbout::Nothing => alone(engine, account, line).await,
    };
    match outcome {
        Err(Error::Duplicate) => Ok(Ok(())),
        // It contradicts our books. The money lies in suspense until a person has looked; the lines after it are read all the same.
        Err(Error::Mismatch(why)) => {
            tracing::error!(account = %account.id, line = line.psp_line, why, "a line of the PSP's statement does not fit our books");
            let unplaced = StatementLine { kind: LineKind::Unplaced, about: LineAbout::Nothing, ..line.clone() };
            match alone(engine, account, &unplaced).await {
                Err(Error::Duplicate) => Ok(Ok(())),
                other => other.map(Ok),
            }
        }
        other => other.map(Ok),
    }
}

/// The payment that a line belongs to. The line may be quicker than the message that would have told us of the payment: then the PSP is
/// asked whose it is, and about it, before anything of it is booked. Nothing where it is none of ours.
async fn whose(
    engine: &Engine,
    account: &PspAccount,
    psp: &Psp,
    psp_payment: &str,
) -> Result<Result<Option<Payment>, Fault>, Error> {
    if let Some(payment) = engine.store().payment_by_psp_payment(account.merchant, account.id, psp_payment).await? {
        return Ok(Ok(Some(payment)));
    }
    let attempt = match psp.talk(engine, &Operation::Locate { psp_payment: psp_payment.to_owned() }).await {
        Ok(Outcome::Located(attempt)) => attempt.and_then(|text| text.parse::<AttemptId>().ok()),
        Ok(other) => return Err(Error::Internal(format!("the connector answers whose a payment is with {other:?}"))),
        Err(Fault::Unsupported) => None,
        Err(fault) => return Ok(Err(fault)),
    };
    let Some(attempt) = attempt else { return Ok(Ok(None)) };
    let payment = engine.store().payment_by_attempt(account.merchant, attempt).await?;
    let Some(payment) = payment.filter(|p| p.attempt.psp_account == account.id) else { return Ok(Ok(None)) };
    // A registration whose answer was lost, or that we had given up, has no token yet: it is found by our own id, which it carries.
    if payment.attempt.token.is_none() {
        let find = Operation::Find { reference: payment.attempt.id.to_string(), since: payment.attempt.created_at };
        return match psp.talk(engine, &find).await {
            Ok(Outcome::Seen(seen)) => observe(engine, payment, &seen, Along::default()).await.map(|payment| Ok(Some(payment))),
            Ok(_) => Ok(Ok(Some(payment))),
            Err(fault) => Ok(Err(fault)),
        };
    }
    match look_at(engine, payment).await? {
        (_, Some(fault)) => Ok(Err(fault)),
        (payment, None) => Ok(Ok(Some(payment))),
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
            change.entries.extend(file(engine, account.merchant, entries.clone()));
            change.psp_lines.push(row.clone());
            // A refund or dispute whose message never came shows here: the PSP is asked for the whole truth about the payment.
            if !matches!(line.kind, LineKind::Charge) {
                change.jobs.push(JobWrite { merchant: account.merchant, job: Job::Attend(order), then: JobNext::Hurry(now) });
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
        change.entries.extend(file(engine, account.merchant, line.book(place, now).entries));
        change.psp_lines.push(PspLineRow { payout: Some(id), ..row(engine, account, line) });
        match commit(engine, change).await {
            Err(Error::Busy) => {
                let again = engine.store().payout(account.merchant, id).await?;
                payout = again.ok_or(Error::NotFound("payout"))?;
            }
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
    let entries = file(engine, account.merchant, booked.entries);
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
