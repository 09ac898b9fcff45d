//! Requests that may come twice: the caller's key, and the answer that is given again byte for byte.

use crate::{Engine, Error, Problem};
use ducat_domain::{MerchantId, Timestamp};
use ducat_store::{Change, CommitError, IdempotencyWrite, StoredAnswer, Unique};
use serde::Serialize;

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
pub(crate) enum Known {
    /// Nothing: the request is new.
    New,
    /// It was answered; here is the answer again.
    Answered(Answer),
    /// It was begun and left behind. It is ours now, and is run to completion; the id is that of what it had got to.
    TakenOver(Option<[u8; 16]>),
}

impl RequestKey {
    /// Looks the key up. Takes an interrupted request over once nobody can be working on it any more.
    pub(crate) async fn look(&self, engine: &Engine, merchant: MerchantId) -> Result<Known, Error> {
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

    /// Begins the request: belongs to the change that does its first step, with the answer where it is known at once.
    pub(crate) fn claim(
        &self,
        engine: &Engine,
        merchant: MerchantId,
        subject: Option<[u8; 16]>,
        at: Timestamp,
        answer: Option<&Answer>,
    ) -> IdempotencyWrite {
        IdempotencyWrite::Claim {
            merchant,
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            locked_until: at.plus(engine.settings().lease),
            subject,
            at,
            answer: answer.map(Answer::stored),
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

/// Commits a change that does the whole of a request, with its answer under the key. A request that comes twice gets the first answer.
pub(crate) async fn commit_once(
    engine: &Engine,
    merchant: MerchantId,
    key: Option<&RequestKey>,
    mut change: Change,
    answer: Answer,
) -> Result<Answer, Error> {
    change.idempotency = key.map(|k| k.claim(engine, merchant, None, engine.now(), Some(&answer)));
    match engine.store().commit(change).await {
        Ok(()) => Ok(answer),
        Err(CommitError::Taken(Unique::IdempotencyKey)) => match key {
            Some(key) => match key.look(engine, merchant).await? {
                Known::Answered(answer) => Ok(answer),
                _ => Err(Error::KeyBusy),
            },
            None => Err(Error::Internal("a key was taken that nobody gave".into())),
        },
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

/// The answer to a request that was refused after its key had been found new. It may have come twice, and its twin been quicker: then what it
/// asked for has been done, which is why it cannot be done again, and the key says so by now.
pub(crate) async fn refused(
    engine: &Engine,
    merchant: MerchantId,
    key: Option<&RequestKey>,
    refusal: Error,
) -> Result<Answer, Error> {
    let Some(key) = key else { return Err(refusal) };
    match key.look(engine, merchant).await? {
        Known::New => Err(refusal),
        Known::Answered(answer) => Ok(answer),
        Known::TakenOver(_) => Err(Error::KeyBusy),
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
