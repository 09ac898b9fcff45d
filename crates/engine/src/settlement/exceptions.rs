//! What a person has to look at, and how it was settled.

use crate::idempotency::{Whole, once};
use crate::payments::check_text;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::{ExceptionId, MerchantId};
use ducat_store::{BookException, Change, Closed, Page, PageAnchor};
use serde::Serialize;
use utoipa::ToSchema;

/// The longest reason, in characters.
const MAX_WHY: usize = 500;

/// Something that a person has to look at.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Exception")]
pub struct ExceptionView {
    /// `exc_…`
    pub id: String,
    /// Always `exception`.
    pub object: &'static str,
    /// What is wrong: `unplaced_line`, a line of a PSP's statement that nobody can place.
    pub kind: String,
    /// `open` or `closed`.
    pub status: &'static str,
    /// At which PSP account.
    pub psp_account: Option<String>,
    /// What it is about, in the PSP's words or by an id.
    pub subject: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// RFC 3339.
    pub opened_at: String,
    /// RFC 3339.
    pub closed_at: Option<String>,
    /// Who settled it.
    pub closed_by: Option<String>,
    /// How it was settled.
    pub why: Option<String>,
}

impl ExceptionView {
    fn of(e: &BookException) -> Self {
        Self {
            id: e.id.to_string(),
            object: "exception",
            kind: e.kind.clone(),
            status: if e.closed.is_some() { "closed" } else { "open" },
            psp_account: e.psp_account.map(|id| id.to_string()),
            subject: e.subject.clone(),
            amount: e.amount.minor,
            currency: e.amount.currency.to_string(),
            opened_at: e.opened_at.to_string(),
            closed_at: e.closed.as_ref().map(|closed| closed.at.to_string()),
            closed_by: e.closed.as_ref().map(|closed| closed.by.clone()),
            why: e.closed.as_ref().map(|closed| closed.why.clone()),
        }
    }
}

/// The merchant's exceptions, newest first.
pub async fn exceptions(
    engine: &Engine,
    merchant: MerchantId,
    anchor: PageAnchor<ExceptionId>,
    limit: u32,
) -> Result<Page<ExceptionView>, Error> {
    let page = engine.store().exceptions(merchant, anchor, limit).await?;
    Ok(Page { data: page.data.iter().map(ExceptionView::of).collect(), has_more: page.has_more })
}

/// How an exception was settled: who says so, and why.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Who.
    pub by: String,
    /// Why it is settled.
    pub why: String,
}

/// Notes that an exception is settled. It moves no money: what lies in suspense is put right by reversing its entry.
pub async fn close_exception(
    engine: &Engine,
    merchant: MerchantId,
    id: ExceptionId,
    settled: Settled,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    once(engine, merchant, key, decide(engine, merchant, id, settled)).await
}

async fn decide(engine: &Engine, merchant: MerchantId, id: ExceptionId, settled: Settled) -> Result<Whole, Error> {
    check_text("/why", &settled.why, 1, MAX_WHY).map_err(Error::Invalid)?;
    let found = engine.store().exception(merchant, id).await?;
    let mut exception = found.ok_or(Error::NotFound("exception"))?;
    if let Some(closed) = &exception.closed {
        let detail = format!("the exception was closed by {} at {}", closed.by, closed.at);
        return Err(Error::Conflict(Problem::new("exception_closed", detail)));
    }
    exception.closed = Some(Closed { at: engine.now(), by: settled.by, why: settled.why });
    let answer = Answer::new(AnswerKind::Done, &ExceptionView::of(&exception))?;
    Ok(Whole::new(Change { exceptions: vec![exception], ..Change::default() }, answer))
}
