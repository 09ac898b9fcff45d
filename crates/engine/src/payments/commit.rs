//! Committing a move: order, attempt, journal, event and job in one change. And applying what a PSP said, until it is in.

use super::plan;
use super::snapshot::Snapshot;
use super::view::{Links, PaymentOrderView};
use crate::declines::Noted;
use crate::{Answer, AnswerKind, Engine, Error, RequestKey};
use ducat_domain::journal::{Entry, EventRef, FiledEntry, Layer};
use ducat_domain::payments::{Capture, EventKind, Moved, Observation, Observed, OrderStatus, Part, Payment, TransitionError};
use ducat_domain::{EntryId, EventId, MerchantId, Subject};
use ducat_store::{
    Change, CommitError, EventRow, InboxState, InboxWrite, Job, JobNext, JobWrite, PartWrite, PaymentWrite, Unique,
};
use std::sync::{Mutex, PoisonError};

/// How often a change that lost a race is decided anew.
const MAX_RACES: u32 = 32;

/// What is to be written for a move.
pub(crate) enum Write {
    /// A new order.
    Insert,
    /// An order and an attempt that are there.
    Move,
    /// A further attempt.
    AddAttempt,
}

/// What becomes of the job that sees to the order of this payment.
pub(crate) fn attend_job(payment: &Payment, then: JobNext) -> JobWrite {
    JobWrite { merchant: payment.order.merchant, job: Job::Attend(payment.order.id), then }
}

/// The change that makes a move true, with the job that looks at the order next.
pub(crate) fn change(engine: &Engine, moved: Moved, write: Write) -> Result<Change, Error> {
    let now = moved.payment.order.updated_at;
    let Moved { payment, part, entries, event } = moved;
    let snapshot = Snapshot::of(&payment, part.as_ref())?;
    let snapshot = serde_json::to_string(&snapshot).map_err(|e| Error::Internal(e.to_string()))?;
    let order = &payment.order;
    let event = EventRow {
        id: EventId::new(now, engine.chance()),
        merchant: order.merchant,
        subject: Subject::PaymentOrder(order.id),
        sequence: order.version,
        kind: event,
        at: now,
        snapshot,
    };
    // A planned look is called off only by what makes it needless: a look that somebody asked for while a refund, say, was under way
    // must outlive that refund.
    let at_rest = order.status_version == order.version || event.kind == EventKind::FeeBooked;
    let look = match plan::next_look(&payment, now) {
        Some(at) => Some(attend_job(&payment, JobNext::Schedule(at))),
        None => at_rest.then(|| attend_job(&payment, JobNext::Cancel)),
    };
    let mut jobs = Vec::from_iter(look);
    jobs.extend(part.as_ref().map(|part| plan::part_job(order.merchant, part, now)));
    if awaits_statement(&payment, &entries) {
        let then = JobNext::Hurry(now.plus(plan::STATEMENT_AFTER));
        jobs.push(JobWrite { merchant: order.merchant, job: Job::Statement(payment.attempt.psp_account), then });
    }
    Ok(Change {
        entries: file(engine, order.merchant, entries),
        events: vec![event],
        jobs,
        parts: part.into_iter().map(|part| PartWrite { merchant: order.merchant, part }).collect(),
        payments: vec![match write {
            Write::Insert => PaymentWrite::Insert(payment),
            Write::Move => PaymentWrite::Move(payment),
            Write::AddAttempt => PaymentWrite::AddAttempt(payment),
        }],
        ..Change::default()
    })
}

/// Whether money moved at the PSP, so that its statement has something new to tell: a fee, a conversion.
fn awaits_statement(payment: &Payment, entries: &[Entry]) -> bool {
    let moved = |entry: &Entry| {
        let ours = !matches!(entry.event_ref(), EventRef::Fee(..) | EventRef::Converted(..));
        ours && entry.postings().iter().any(|p| p.layer == Layer::Posted)
    };
    payment.attempt.captured > 0 && entries.iter().any(moved)
}

/// Entries with ids. An id begins with the moment in which its entry is booked: lists of a time and statements go by it. Ids of one moment are in no
/// order of their own; sorted, they keep the entries in the order in which they were booked.
pub(crate) fn file(engine: &Engine, merchant: MerchantId, entries: Vec<Entry>) -> Vec<FiledEntry> {
    let mut ids: Vec<EntryId> = entries.iter().map(|entry| EntryId::new(entry.at(), engine.chance())).collect();
    ids.sort();
    ids.into_iter().zip(entries).map(|(id, entry)| FiledEntry { id, merchant, entry, note: None }).collect()
}

/// What a move is decided on: a payment, alone or with a part of it.
pub(crate) trait Matter: Clone + Send {
    /// The payment.
    fn payment(&self) -> &Payment;

    /// The same as it stands now: the order first, so that what is read beside it is never older.
    fn read_again(&self, engine: &Engine) -> impl Future<Output = Result<Self, Error>> + Send;
}

impl Matter for Payment {
    fn payment(&self) -> &Payment {
        self
    }

    async fn read_again(&self, engine: &Engine) -> Result<Self, Error> {
        let found = engine.store().payment_by_attempt(self.order.merchant, self.attempt.id).await?;
        found.ok_or_else(|| Error::Internal(format!("attempt {} is gone", self.attempt.id)))
    }
}

/// What came of a move.
pub(crate) struct Settled {
    /// The payment as it is then.
    pub payment: Payment,
    /// The part that moved along.
    pub part: Option<Part>,
    /// A refusal came that was not known.
    pub declined: bool,
    /// The attempt was alive, and so the order's latest: another begins only after the one before has ended, and that is a version of the
    /// order on which nothing is committed that was decided on an earlier one.
    pub was_live: bool,
}

/// Decides a move on the payment as it stands, commits it, and decides anew where somebody else was faster. Gives the payment as it is
/// then. `decide` gives nothing where there is nothing to do. `amend` adds what else belongs to the change; without a move that alone is
/// committed.
pub(crate) async fn settle<D, A>(engine: &Engine, payment: Payment, decide: D, amend: A) -> Result<Payment, Error>
where
    D: Fn(Payment) -> Result<Option<Moved>, TransitionError> + Send,
    A: Fn(&Payment, bool, &mut Change) -> Result<(), Error> + Send,
{
    let amend = move |after: &Settled, news: bool, change: &mut Change| amend(&after.payment, news, change);
    settle_matter(engine, payment, decide, amend).await.map(|settled| settled.payment)
}

/// The same for a payment with a part of it.
pub(crate) async fn settle_matter<M, D, A>(engine: &Engine, mut matter: M, decide: D, amend: A) -> Result<Settled, Error>
where
    M: Matter,
    D: Fn(M) -> Result<Option<Moved>, TransitionError> + Send,
    A: Fn(&Settled, bool, &mut Change) -> Result<(), Error> + Send,
{
    for _ in 0..MAX_RACES {
        let (after, news, change) = decided(engine, &matter, &decide, &amend)?;
        if change.is_empty() {
            return Ok(after);
        }
        match engine.store().commit(change).await {
            Ok(()) => {
                if news {
                    engine.announce(after.payment.order.id);
                }
                if plan::next_look(&after.payment, engine.now()).is_some_and(|at| at <= engine.now()) {
                    engine.wake_worker();
                }
                return Ok(after);
            }
            // A part that is new here may have been written by somebody else a moment ago.
            Err(CommitError::Stale | CommitError::Taken(Unique::Part)) => matter = matter.read_again(engine).await?,
            // The message, or the line of the statement, was another node's a moment ago.
            Err(CommitError::Taken(Unique::Message | Unique::PspLine)) => return Err(Error::Duplicate),
            // Somebody else began a request under the same key a moment ago.
            Err(CommitError::Taken(Unique::IdempotencyKey)) => return Err(Error::KeyBusy),
            Err(e) => return Err(e.into()),
        }
    }
    Err(Error::Busy)
}

/// What a move on the matter as it stands comes to, whether there is one, and what is to be written.
fn decided<M, D, A>(engine: &Engine, matter: &M, decide: &D, amend: &A) -> Result<(Settled, bool, Change), Error>
where
    M: Matter,
    D: Fn(M) -> Result<Option<Moved>, TransitionError>,
    A: Fn(&Settled, bool, &mut Change) -> Result<(), Error>,
{
    let before = matter.payment();
    let was_live = before.attempt.status.is_live();
    let moved = decide(matter.clone()).map_err(|e| refused(before, &e))?;
    let news = moved.is_some();
    let (after, mut change) = match moved {
        Some(moved) => {
            let declined = moved.payment.attempt.declines > before.attempt.declines;
            let after = Settled { payment: moved.payment.clone(), part: moved.part.clone(), declined, was_live };
            (after, self::change(engine, moved, Write::Move)?)
        }
        None => (Settled { payment: before.clone(), part: None, declined: false, was_live }, Change::default()),
    };
    amend(&after, news, &mut change)?;
    Ok((after, news, change))
}

/// What belongs into the same change as what the PSP said.
#[derive(Default)]
pub(crate) struct Along<'a> {
    /// The message that said it.
    pub inbox: Option<InboxWrite>,
    /// The caller who waits for the answer.
    pub caller: Option<&'a Waiting<'a>>,
}

/// A caller who waits: their answer is committed with the last step of their request.
pub(crate) struct Waiting<'a> {
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

pub(crate) fn links(engine: &Engine) -> Links<'_> {
    Links { public_url: &engine.settings().public_url }
}

/// A payment with the capture of it that is under way.
#[derive(Clone)]
struct Observing {
    payment: Payment,
    capture: Option<Capture>,
}

impl Observing {
    async fn of(engine: &Engine, payment: Payment) -> Result<Self, Error> {
        // Only held money is captured by a call; asked for after the payment was read, so never older.
        let capture = match payment.attempt.capturing > 0 {
            true => engine.store().open_capture(payment.order.merchant, payment.attempt.id).await?,
            false => None,
        };
        Ok(Self { payment, capture })
    }
}

impl Matter for Observing {
    fn payment(&self) -> &Payment {
        &self.payment
    }

    async fn read_again(&self, engine: &Engine) -> Result<Self, Error> {
        Self::of(engine, self.payment.read_again(engine).await?).await
    }
}

/// What the PSP says of a registration, applied: the money first, then what became of it.
pub(crate) async fn observe(engine: &Engine, payment: Payment, seen: &Observation, along: Along<'_>) -> Result<Payment, Error> {
    let now = engine.now();
    let settings = engine.settings();
    // What is alive is the latest; else it is looked for.
    let latest = match payment.attempt.status.is_live() {
        true => None,
        false => engine.store().payment(payment.order.merchant, payment.order.id).await?.map(|p| p.attempt.id),
    };
    let noted = Noted::of(engine, &payment, seen).await?;
    // Whoever hears first that a registration has ended which we close for its declines: our own answer, or the PSP's message.
    let has_ended = matches!(seen.state, Observed::Failed | Observed::Canceled | Observed::Expired);
    let is_over = has_ended && crate::declines::is_over(engine, &payment).await?;
    let settled = settle_matter(
        engine,
        Observing::of(engine, payment).await?,
        |o: Observing| {
            let check_at = plan::check_at(settings, &o.payment, now);
            let moved = o.payment.observe(seen, now, check_at)?;
            let moved = moved.map(|moved| moved.concluding(o.capture));
            Ok(if is_over { moved.map(Moved::stopping) } else { moved })
        },
        |after, news, change| {
            if let Some(noted) = noted.as_ref().filter(|_| after.declined) {
                noted.amend(&after.payment, change);
            }
            let is_latest = after.was_live || latest == Some(after.payment.attempt.id);
            let after = &after.payment;
            change.inbox = along.inbox.clone().map(|mut message| {
                message.state = if news { InboxState::Applied } else { InboxState::Ignored };
                message.order = Some(after.order.id);
                message
            });
            // Another attempt is the order's latest, or paid it: whether the one may stay alive, or the other's money must go back,
            // is looked at now.
            if news && (!is_latest || after.attempt.surplus) {
                change.jobs.push(attend_job(after, JobNext::Schedule(now)));
                engine.wake_worker();
            }
            along.caller.map_or(Ok(()), |caller| caller.amend(engine, after, change))
        },
    );
    let mut payment = settled.await?.payment;
    if !seen.fees.is_empty() {
        let told = settle(engine, payment, |p| Ok(p.fees_told(&seen.fees, now)), |_, _, _| Ok(()));
        payment = Box::pin(told).await?;
    }
    for refund in &seen.refunds {
        payment = Box::pin(crate::refunds::hear(engine, payment, refund, None)).await?;
    }
    for dispute in &seen.disputes {
        payment = Box::pin(crate::disputes::hear(engine, payment, dispute, None)).await?;
    }
    Ok(payment)
}

/// What a PSP said that does not fit our books is an error of the talk, never of the books.
fn refused(payment: &Payment, e: &TransitionError) -> Error {
    let conflict = |code| Error::Conflict(crate::Problem::new(code, e.to_string()));
    match e {
        TransitionError::Order { .. } | TransitionError::TooManyAttempts => conflict("payment_order_state"),
        TransitionError::NothingCaptured => conflict("payment_order_not_refundable"),
        TransitionError::Disputed => conflict("payment_order_disputed"),
        TransitionError::CaptureUnderWay => conflict("capture_in_progress"),
        TransitionError::Dispute { .. } => conflict("dispute_state"),
        TransitionError::Claimed { by, at } => {
            let problem = crate::Problem::new("already_claimed", e.to_string());
            Error::Conflict(problem.with("claimed_by", by).with("claimed_at", at.to_string()))
        }
        TransitionError::TooMuch { .. } => Error::Invalid(crate::Problem::field("amount_too_large", "/amount", e.to_string())),
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
    observe(engine, payment, seen, Along { inbox: Some(inbox), ..Along::default() }).await
}

/// A verified message that says only that something happened: kept, and the PSP is asked at once.
pub(crate) async fn ask_psp(engine: &Engine, payment: &Payment, inbox: InboxWrite) -> Result<(), CommitError> {
    let inbox = InboxWrite { state: InboxState::Checked, order: Some(payment.order.id), ..inbox };
    let jobs = vec![attend_job(payment, JobNext::Schedule(engine.now()))];
    engine.store().commit(Change { inbox: Some(inbox), jobs, ..Change::default() }).await?;
    engine.wake_worker();
    Ok(())
}
