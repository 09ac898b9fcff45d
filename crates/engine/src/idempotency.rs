//! Requests that may come twice: the caller's key, and the answer that is given again byte for byte.
//!
//! A command takes its key through one of two doors, and gets to see it in no other way: [`once`] for what is done in one commit, [`begin`]
//! for what goes on at a PSP after its first commit. Both know that the same request may be under way elsewhere: what the twin has done is
//! often why this one cannot do it (the payout has arrived, nothing is left to refund), so a refusal counts only while nobody has the key.

use crate::{Engine, Error, Problem};
use ducat_domain::MerchantId;
use ducat_store::{Change, CommitError, IdempotencyWrite, StoredAnswer, Unique};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an answer is kept.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// The caller's key with a digest of what was asked.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// The `Idempotency-Key`, 1 to 255 characters.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub fingerprint: [u8; 32],
}

/// What kind of answer it is. The web alone knows which HTTP status that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// Something new was made.
    Created,
    /// It was there already, or was changed.
    Done,
    /// It is written down, and goes on by itself.
    Accepted,
}

impl AnswerKind {
    /// The kind as text, as it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Done => "done",
            Self::Accepted => "accepted",
        }
    }

    /// The kind with this text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Created, Self::Done, Self::Accepted].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What kind.
    pub kind: AnswerKind,
    /// The JSON body.
    pub body: Vec<u8>,
    /// Whether it is a stored answer given again.
    pub replayed: bool,
}

impl Answer {
    /// A fresh answer with this body.
    pub(crate) fn new(kind: AnswerKind, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body).map_err(|e| Error::Internal(e.to_string()))?;
        Ok(Self { kind, body, replayed: false })
    }

    fn stored(&self) -> StoredAnswer {
        StoredAnswer { kind: self.kind.as_str().to_owned(), body: self.body.clone() }
    }
}

/// What is known of a key.
enum Known {
    /// Nothing: the request is new.
    New,
    /// It was answered; here is the answer again.
    Answered(Answer),
    /// It was begun and left behind. It is ours now, and is run to completion; the id is that of what it had got to.
    TakenOver(Option<[u8; 16]>),
}

impl Known {
    /// What becomes of a request under the key; nothing, where it is new.
    fn begun<T>(self) -> Option<Begun<T>> {
        match self {
            Self::New => None,
            Self::Answered(answer) => Some(Begun::Answered(answer)),
            Self::TakenOver(subject) => Some(Begun::TakenOver(subject)),
        }
    }
}

impl RequestKey {
    /// Looks the key up. Takes an interrupted request over once nobody can be working on it any more.
    async fn look(&self, engine: &Engine, merchant: MerchantId) -> Result<Known, Error> {
        let Some(row) = engine.store().idempotency(merchant, &self.key).await? else { return Ok(Known::New) };
        if row.fingerprint != self.fingerprint {
            return Err(Error::KeyReused);
        }
        if let Some(answer) = row.answer {
            let kind = AnswerKind::parse(&answer.kind).ok_or_else(|| Error::Internal("unknown kind of answer".into()))?;
            return Ok(Known::Answered(Answer { kind, body: answer.body, replayed: true }));
        }
        if engine.now() < row.locked_until {
            return Err(Error::KeyBusy);
        }
        let take = IdempotencyWrite::TakeOver {
            merchant,
            key: self.key.clone(),
            found: row.locked_until,
            locked_until: engine.now().plus(engine.settings().lease),
        };
        match engine.store().commit(Change { idempotency: Some(take), ..Change::default() }).await {
            Ok(()) => Ok(Known::TakenOver(row.subject)),
            Err(CommitError::Stale) => Err(Error::KeyBusy),
            Err(e) => Err(e.into()),
        }
    }

    /// Ends the request: belongs to the change that does its last step.
    pub(crate) fn answer(&self, merchant: MerchantId, answer: &Answer) -> IdempotencyWrite {
        IdempotencyWrite::Answer { merchant, key: self.key.clone(), answer: answer.stored() }
    }

    /// Gives the key back: the request was refused and may be made anew.
    pub(crate) async fn release(&self, engine: &Engine, merchant: MerchantId) -> Result<(), Error> {
        let release = IdempotencyWrite::Release { merchant, key: self.key.clone() };
        Ok(engine.store().commit(Change { idempotency: Some(release), ..Change::default() }).await?)
    }
}

/// The key of a request that is being decided: it goes into the commit that makes the decision true.
pub(crate) struct Claim<'a> {
    engine: &'a Engine,
    merchant: MerchantId,
    key: Option<&'a RequestKey>,
    used: Arc<AtomicBool>,
}

impl Claim<'_> {
    /// Adds the key to the change that does the first step, with the id of what the request is about.
    pub(crate) fn begins(&self, subject: [u8; 16], change: &mut Change) {
        self.add(Some(subject), None, change);
    }

    /// Adds the key to the change that does the whole of the request, with the answer.
    pub(crate) fn ends(&self, answer: &Answer, change: &mut Change) {
        self.add(None, Some(answer), change);
    }

    /// Commits a change that does the whole of the request, with its answer under the key.
    pub(crate) async fn commit(&self, mut change: Change, answer: &Answer) -> Result<(), Error> {
        self.ends(answer, &mut change);
        match self.engine.store().commit(change).await {
            Ok(()) => Ok(()),
            Err(CommitError::Taken(Unique::IdempotencyKey)) => Err(Error::KeyBusy),
            Err(CommitError::Stale | CommitError::Taken(Unique::EventRef)) => {
                let detail = "somebody else did the same, or something else to it, meanwhile; look and decide again";
                Err(Error::Conflict(Problem::new("changed_meanwhile", detail)))
            }
            Err(CommitError::BalanceOutOfRange) => {
                let detail = "the balance of an account would no longer fit into 64 bits; nothing was booked";
                Err(Error::Conflict(Problem::new("balance_out_of_range", detail)))
            }
            Err(e) => Err(e.into()),
        }
    }

    fn add(&self, subject: Option<[u8; 16]>, answer: Option<&Answer>, change: &mut Change) {
        self.used.store(true, Ordering::Relaxed);
        let at = self.engine.now();
        change.idempotency = self.key.map(|key| IdempotencyWrite::Claim {
            merchant: self.merchant,
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            locked_until: at.plus(self.engine.settings().lease),
            subject,
            at,
            answer: answer.map(Answer::stored),
        });
    }
}

/// How a request stands after its first step.
pub(crate) enum Begun<T> {
    /// The first step was done now.
    Now(T),
    /// It was answered before.
    Answered(Answer),
    /// It was begun before and left behind. It is ours now, and is run to completion; the id is that of what it is about.
    TakenOver(Option<[u8; 16]>),
}

/// Begins a request that goes on after its first commit: `first` decides, and commits its decision with the claim of the key.
pub(crate) async fn begin<'a, T, R, F>(
    engine: &'a Engine,
    merchant: MerchantId,
    key: Option<&'a RequestKey>,
    first: impl FnOnce(Claim<'a>) -> F,
) -> Result<Begun<T>, R>
where
    R: From<Error>,
    F: Future<Output = Result<T, R>>,
{
    match known(engine, merchant, key).await?.begun() {
        Some(begun) => Ok(begun),
        None => begin_unseen(engine, merchant, key, first).await,
    }
}

/// The same without a look at the key before: nearly every key is new, and the commit says so without a read. Only where something is in the
/// way is the key looked up.
pub(crate) async fn begin_unseen<'a, T, R, F>(
    engine: &'a Engine,
    merchant: MerchantId,
    key: Option<&'a RequestKey>,
    first: impl FnOnce(Claim<'a>) -> F,
) -> Result<Begun<T>, R>
where
    R: From<Error>,
    F: Future<Output = Result<T, R>>,
{
    let used = Arc::<AtomicBool>::default();
    let refusal = match first(Claim { engine, merchant, key, used: Arc::clone(&used) }).await {
        Ok(done) if used.load(Ordering::Relaxed) => return Ok(Begun::Now(done)),
        Ok(_) => return Err(Error::Internal("a request was begun without its key".into()).into()),
        Err(refusal) => refusal,
    };
    known(engine, merchant, key).await?.begun().ok_or(refusal)
}

async fn known(engine: &Engine, merchant: MerchantId, key: Option<&RequestKey>) -> Result<Known, Error> {
    match key {
        Some(key) => key.look(engine, merchant).await,
        None => Ok(Known::New),
    }
}

/// What a request of one commit comes to.
pub(crate) struct Whole {
    /// What is written.
    change: Change,
    /// What is answered, and kept under the key.
    answer: Answer,
    /// What the first caller is answered instead.
    shown: Option<Answer>,
}

impl Whole {
    /// This is written, and this is answered.
    pub(crate) const fn new(change: Change, answer: Answer) -> Self {
        Self { change, answer, shown: None }
    }

    /// The first caller gets this answer, which holds a secret and is not kept.
    pub(crate) fn showing(self, answer: Answer) -> Self {
        Self { shown: Some(answer), ..self }
    }
}

/// Does a request in one commit, once for each key: `decide` says what is written and what is answered. A request that comes twice gets the
/// first answer, which is kept without secrets.
pub(crate) async fn once(
    engine: &Engine,
    merchant: MerchantId,
    key: Option<RequestKey>,
    decide: impl Future<Output = Result<Whole, Error>>,
) -> Result<Answer, Error> {
    let begun = begin(engine, merchant, key.as_ref(), |claim| async move {
        let Whole { change, answer, shown } = decide.await?;
        claim.commit(change, &answer).await?;
        Ok::<_, Error>(shown.unwrap_or(answer))
    });
    match begun.await? {
        Begun::Now(answer) | Begun::Answered(answer) => Ok(answer),
        // A key like this is never without an answer; whatever lies under it is not this request.
        Begun::TakenOver(_) => Err(Error::KeyBusy),
    }
}

/// Keeps the answer to a request whose first step was committed before. A request that somebody took over gets that answer.
pub(crate) async fn answer_once(
    engine: &Engine,
    merchant: MerchantId,
    key: Option<&RequestKey>,
    answer: Answer,
) -> Result<Answer, Error> {
    let Some(key) = key else { return Ok(answer) };
    let write = Change { idempotency: Some(key.answer(merchant, &answer)), ..Change::default() };
    match engine.store().commit(write).await {
        Ok(()) => Ok(answer),
        Err(CommitError::Stale) => match key.look(engine, merchant).await? {
            Known::Answered(answer) => Ok(answer),
            _ => Err(Error::KeyBusy),
        },
        Err(e) => Err(e.into()),
    }
}

/// Forgets a thousand of the answers that are older than callers were promised. Whether there were any.
pub async fn forget(engine: &Engine) -> Result<bool, Error> {
    let before = engine.now().minus(KEEP);
    let found = engine.store().has_keys_before(before).await?;
    if found {
        engine.store().commit(Change { forget_keys_before: Some(before), ..Change::default() }).await?;
    }
    Ok(found)
}
