//! Committing a move: order, attempt, journal, event and job in one change. And applying what a PSP said, until it is in.

use super::plan;
use super::snapshot::Snapshot;
use super::view::{Links, PaymentOrderView};
use crate::{Answer, AnswerKind, Engine, Error, RequestKey};
use ducat_domain::journal::FiledEntry;
use ducat_domain::payments::{Moved, Observation, OrderStatus, Payment, TransitionError};
use ducat_domain::{EntryId, EventId, MerchantId};
use ducat_store::{Change, CommitError, EventRow, InboxState, InboxWrite, Job, JobKind, JobWrite, PaymentWrite, Unique};
use std::sync::{Mutex, PoisonError};

/// How often a change that lost a race is decided anew.
const MAX_RACES: u32 = 32;

/// What is to be written for a move.
pub(super) enum Write {
    /// A new order.
    Insert,
    /// An order and an attempt that are there.
    Move,
    /// A further attempt.
    AddAttempt,
}

/// The job that sees to the order of this payment.
pub(super) fn attend_job(payment: &Payment) -> Job {
    Job { kind: JobKind::Attend, order: payment.order.id }
}

/// The change that makes a move true, with the job that looks at the order next.
pub(super) fn change(engine: &Engine, moved: Moved, write: Write) -> Result<Change, Error> {
    let now = moved.payment.order.updated_at;
    let payment = moved.payment;
    let snapshot = serde_json::to_string(&Snapshot::of(&payment)).map_err(|e| Error::Internal(e.to_string()))?;
    let order = &payment.order;
    let event = EventRow {
        id: EventId::new(now, engine.chance()),
        merchant: order.merchant,
        order: order.id,
        sequence: order.version,
        kind: moved.event,
        at: now,
        snapshot,
    };
    // Ids of one moment are in no order of their own; sorted, they keep the entries in the order in which they were booked.
    let mut ids: Vec<EntryId> = moved.entries.iter().map(|_| EntryId::new(now, engine.chance())).collect();
    ids.sort();
    let file = |(id, entry)| FiledEntry { id, merchant: order.merchant, entry };
    let job = match plan::next_look(&payment, now) {
        Some(at) => JobWrite::Schedule(attend_job(&payment), at),
        None => JobWrite::Cancel(attend_job(&payment)),
    };
    Ok(Change {
        entries: ids.into_iter().zip(moved.entries).map(file).collect(),
        events: vec![event],
        jobs: vec![job],
        payments: vec![match write {
            Write::Insert => PaymentWrite::Insert(payment),
            Write::Move => PaymentWrite::Move(payment),
            Write::AddAttempt => PaymentWrite::AddAttempt(payment),
        }],
        ..Change::default()
    })
}

/// Decides a move on the payment as it stands, commits it, and decides anew where somebody else was faster. Gives the payment as it is
/// then. `decide` gives nothing where there is nothing to do. `amend` adds what else belongs to the change; without a move that alone is
/// committed.
pub(super) async fn settle<D, A>(engine: &Engine, mut payment: Payment, decide: D, amend: A) -> Result<Payment, Error>
where
    D: Fn(Payment) -> Result<Option<Moved>, TransitionError> + Send,
    A: Fn(&Payment, bool, &mut Change) -> Result<(), Error> + Send,
{
    for _ in 0..MAX_RACES {
        let moved = decide(payment.clone()).map_err(|e| refused(&payment, &e))?;
        let news = moved.is_some();
        let (after, mut change) = match moved {
            Some(moved) => (moved.payment.clone(), self::change(engine, moved, Write::Move)?),
            None => (payment.clone(), Change::default()),
        };
        amend(&after, news, &mut change)?;
        if change.is_empty() {
            return Ok(after);
        }
        match engine.store().commit(change).await {
            Ok(()) => {
                if news {
                    engine.announce(after.order.id);
                }
                if plan::next_look(&after, engine.now()).is_some_and(|at| at <= engine.now()) {
                    engine.wake_worker();
                }
                return Ok(after);
            }
            Err(CommitError::Stale) => payment = read_again(engine, &payment).await?,
            Err(CommitError::Taken(Unique::Message)) => return Err(Error::Duplicate),
            // Somebody else began a request under the same key a moment ago.
            Err(CommitError::Taken(Unique::IdempotencyKey)) => return Err(Error::KeyBusy),
            Err(e) => return Err(e.into()),
        }
    }
    Err(Error::Busy)
}

/// What belongs into the same change as what the PSP said.
#[derive(Default)]
pub(super) struct Along<'a> {
    /// The message that said it.
    pub inbox: Option<InboxWrite>,
    /// The caller who waits for the answer.
    pub caller: Option<&'a Waiting<'a>>,
}

/// A caller who waits: their answer is committed with the last step of their request.
pub(super) struct Waiting<'a> {
    pub merchant: MerchantId,
    pub key: Option<&'a RequestKey>,
    answer: Mutex<Option<Answer>>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(merchant: MerchantId, key: Option<&'a RequestKey>) -> Self {
        Self { merchant, key, answer: Mutex::default() }
    }

    /// Adds the answer to the change. What is committed last counts.
    pub(super) fn amend(&self, engine: &Engine, after: &Payment, change: &mut Change) -> Result<(), Error> {
        let kind = first_answer_kind(after);
        let answer = Answer::new(kind, &PaymentOrderView::now(links(engine), after))?;
        change.idempotency = self.key.map(|key| key.answer(self.merchant, &answer));
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(())
    }

    /// The answer that was committed, if it was.
    pub(super) fn take(&self) -> Option<Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a caller is told first: made, or written down and going on by itself.
pub(super) fn first_answer_kind(payment: &Payment) -> AnswerKind {
    if payment.order.status == OrderStatus::Created { AnswerKind::Accepted } else { AnswerKind::Created }
}

pub(super) fn links(engine: &Engine) -> Links<'_> {
    Links { public_url: &engine.settings().public_url }
}

/// What the PSP says of a registration, applied.
pub(super) async fn observe(engine: &Engine, payment: Payment, seen: &Observation, along: Along<'_>) -> Result<Payment, Error> {
    let now = engine.now();
    let settings = engine.settings();
    let latest = engine.store().payment(payment.order.id).await?.map(|p| p.attempt.id);
    let is_latest = latest == Some(payment.attempt.id);
    settle(
        engine,
        payment,
        |payment| {
            let check_at = plan::check_at(settings, &payment, now);
            payment.observe(seen, now, check_at)
        },
        |after, news, change| {
            change.inbox = along.inbox.clone().map(|mut message| {
                message.state = if news { InboxState::Applied } else { InboxState::Ignored };
                message.order = Some(after.order.id);
                message
            });
            // Another attempt is the order's latest: whether it may stay alive is looked at now.
            if news && !is_latest {
                change.jobs = vec![JobWrite::Schedule(attend_job(after), now)];
                engine.wake_worker();
            }
            along.caller.map_or(Ok(()), |caller| caller.amend(engine, after, change))
        },
    )
    .await
}

async fn read_again(engine: &Engine, payment: &Payment) -> Result<Payment, Error> {
    let found = engine.store().payment_by_attempt(payment.attempt.id).await?;
    found.ok_or_else(|| Error::Internal(format!("attempt {} is gone", payment.attempt.id)))
}

/// What a PSP said that does not fit our books is an error of the talk, never of the books.
fn refused(payment: &Payment, e: &TransitionError) -> Error {
    match e {
        TransitionError::Order { .. } | TransitionError::TooManyAttempts => {
            Error::Conflict(crate::Problem::new("payment_order_state", e.to_string()))
        }
        TransitionError::Token | TransitionError::Amount | TransitionError::Money(_) => {
            Error::Mismatch(format!("order {} attempt {}: {e}", payment.order.id, payment.attempt.id))
        }
    }
}

/// A verified message that says the whole truth about a registration: kept and applied in one change.
pub(crate) async fn apply_message(
    engine: &Engine,
    payment: Payment,
    seen: &Observation,
    inbox: InboxWrite,
) -> Result<Payment, Error> {
    observe(engine, payment, seen, Along { inbox: Some(inbox), caller: None }).await
}

/// A verified message that says only that something happened: kept, and the PSP is asked at once.
pub(crate) async fn ask_psp(engine: &Engine, payment: &Payment, inbox: InboxWrite) -> Result<(), CommitError> {
    let inbox = InboxWrite { state: InboxState::Checked, order: Some(payment.order.id), ..inbox };
    let jobs = vec![JobWrite::Schedule(attend_job(payment), engine.now())];
    engine.store().commit(Change { inbox: Some(inbox), jobs, ..Change::default() }).await?;
    engine.wake_worker();
    Ok(())
}
