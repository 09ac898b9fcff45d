//! Creating an order. Three phases: the intent is committed with our key; the PSP is told, outside any transaction; the result is
//! committed with its event and the answer. A crash in between leaves a row that the worker resolves.

use super::commit::{Waiting, Write, attend_job, change, first_answer_kind, links};
use super::register::{Psp, Rehearsed, register};
use super::view::PaymentOrderView;
use super::{NewOrder, attend, check, plan};
use crate::idempotency::{Begun, Claim, Whole, begin_unseen, once};
use crate::psp_accounts::Opened;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey, psp_accounts};
use ducat_domain::payments::{AttemptStatus, Payment, Terms, open};
use ducat_domain::{AttemptId, MerchantId, PaymentOrderId};
use ducat_store::{Change, CommitError, JobNext, Unique};
use std::sync::Arc;

/// Records an order, registers it at its PSP, and answers.
pub async fn create(engine: &Engine, merchant: MerchantId, new: NewOrder, key: Option<RequestKey>) -> Result<Answer, Error> {
    let key = key.as_ref();
    let terms = check::check(new, engine.now()).map_err(Error::Invalid)?;
    let (psp, payment, rehearsed) = match begin_unseen(engine, merchant, key, |claim| begin(engine, merchant, terms, claim)).await
    {
        Ok(Begun::Now(begun)) => begun,
        Ok(Begun::Answered(answer)) => return Ok(answer),
        Ok(Begun::TakenOver(order)) => {
            return Box::pin(complete(engine, merchant, order.map(PaymentOrderId::from_bytes), key)).await;
        }
        Err(Obstacle::Refused(error)) => return Err(error),
        Err(Obstacle::Exists(asked)) => {
            return Box::pin(once(engine, merchant, key.cloned(), existing(engine, merchant, &asked))).await;
        }
    };
    let caller = Waiting::new(merchant, key);
    let (payment, fault) = Box::pin(register(engine, &psp, payment, rehearsed, Some(&caller))).await?;
    if fault.is_some() {
        Box::pin(hurry(engine, &payment)).await?;
    }
    match caller.take() {
        Some(answer) => Ok(answer),
        None => Box::pin(finish(engine, merchant, key, &payment, first_answer_kind(&payment))).await,
    }
}

/// Why an order is not begun.
enum Obstacle {
    /// It cannot be, or its key is taken.
    Refused(Error),
    /// There is an order with the reference of this one.
    Exists(Box<Payment>),
}

impl<E: Into<Error>> From<E> for Obstacle {
    fn from(e: E) -> Self {
        Self::Refused(e.into())
    }
}

/// Commits the intent: the order with its first attempt, and the claim of the key.
async fn begin(
    engine: &Engine,
    merchant: MerchantId,
    terms: Terms,
    claim: Claim<'_>,
) -> Result<(Psp, Payment, Rehearsed), Obstacle> {
    let account = choose_psp(engine, merchant, &terms).await?;
    let now = engine.now();
    let id = PaymentOrderId::new(now, engine.chance());
    let first = (AttemptId::new(now, engine.chance()), account.kept.id, account.kept.psp.clone());
    let moved = open(id, merchant, terms, first, now, now.plus(engine.settings().lease));
    let payment = moved.payment.clone();
    let rehearsed = Rehearsed::of(engine, &account.psp, &payment);
    rehearsed.check()?;
    if let Some(until) = crate::declines::customer_closed(engine, merchant, &payment.order.terms).await? {
        return match engine.store().payment_by_reference(merchant, &payment.order.terms.reference).await? {
            // Asking for what is there already is no new try.
            Some(_) => Err(Obstacle::Exists(Box::new(payment))),
            None => Err(Error::TooManyDeclines { wait: until.since(now) }.into()),
        };
    }
    let mut intent = change(engine, moved, Write::Insert)?;
    claim.begins(*id.as_bytes(), &mut intent);
    match engine.store().commit(intent).await {
        Ok(()) => {
            engine.announce(id);
            Ok((account.psp.clone(), payment, rehearsed))
        }
        Err(CommitError::Taken(Unique::IdempotencyKey)) => Err(Error::KeyBusy.into()),
        Err(CommitError::Taken(Unique::Reference)) => Err(Obstacle::Exists(Box::new(payment))),
        Err(e) => Err(e.into()),
    }
}

/// A registration that surely did not happen is tried again soon, and not only when this caller's lease ends.
pub(super) async fn hurry(engine: &Engine, payment: &Payment) -> Result<(), Error> {
    if payment.attempt.status != AttemptStatus::Registering {
        return Ok(());
    }
    let soon = engine.now().plus(plan::back_off(1, None, 0));
    let jobs = vec![attend_job(payment, JobNext::Schedule(soon))];
    Ok(engine.store().commit(Change { jobs, ..Change::default() }).await?)
}

/// Another order of this merchant has the reference: it is this one if the terms are the same.
async fn existing(engine: &Engine, merchant: MerchantId, asked: &Payment) -> Result<Whole, Error> {
    let reference = &asked.order.terms.reference;
    let found = engine.store().payment_by_reference(merchant, reference).await?;
    let found = found.ok_or_else(|| Error::Internal(format!("reference {reference:?} is taken by nobody")))?;
    let (theirs, ours) = (found.order.terms.amount, asked.order.terms.amount);
    if theirs != ours {
        let detail = format!("reference {reference:?} belongs to payment order {} over {theirs}, not {ours}", found.order.id);
        return Err(Error::Conflict(Problem::field("reference_taken", "/reference", detail)));
    }
    let view = PaymentOrderView::now(links(engine), &found);
    Ok(Whole::new(Change::default(), Answer::new(AnswerKind::Done, &view)?))
}

/// An interrupted request is run to completion: whatever the order has come to since is its answer.
async fn complete(
    engine: &Engine,
    merchant: MerchantId,
    order: Option<PaymentOrderId>,
    key: Option<&RequestKey>,
) -> Result<Answer, Error> {
    let order = order.ok_or_else(|| Error::Internal("an interrupted request has no order".into()))?;
    let payment = attend::attend_now(engine, merchant, order).await?;
    finish(engine, merchant, key, &payment, first_answer_kind(&payment)).await
}

/// Answers, and keeps the answer under the key.
pub(super) async fn finish(
    engine: &Engine,
    merchant: MerchantId,
    key: Option<&RequestKey>,
    payment: &Payment,
    kind: AnswerKind,
) -> Result<Answer, Error> {
    let view = PaymentOrderView::now(links(engine), payment);
    let answer = Answer::new(kind, &view)?;
    crate::idempotency::answer_once(engine, merchant, key, answer).await
}

/// The PSP account for an order: the one that was asked for, or the first that can take it.
pub(super) async fn choose_psp(engine: &Engine, merchant: MerchantId, terms: &Terms) -> Result<Arc<Opened>, Error> {
    if let Some(psp) = &terms.psp
        && ducat_connectors::connector(psp).is_none()
    {
        let known: Vec<_> = ducat_connectors::all().map(|c| c.spec().name).collect();
        let detail = format!("must be one of {}", known.join(", "));
        return Err(Error::Invalid(Problem::field("psp_unknown", "/psp", detail)));
    }
    let accounts = psp_accounts::active_of(engine, merchant).await?;
    let usable = accounts.iter().filter(|a| terms.psp.as_ref().is_none_or(|psp| *psp == a.kept.psp));
    let mut refusal = Problem::new("psp_account_missing", "no active PSP account can take this payment order; add one first");
    for account in usable {
        match psp_accounts::can_take(account.psp.connector.spec(), terms) {
            Ok(()) => return Ok(Arc::clone(account)),
            Err(problem) => refusal = problem,
        }
    }
    Err(if refusal.param.is_some() { Error::Invalid(refusal) } else { Error::Conflict(refusal) })
}
