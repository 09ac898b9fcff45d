//! Beginning a refund. Three phases, like a payment: the intent is committed with our key, and holds the money from then on; the PSP is
//! told, outside any transaction; the result is committed with its event and the answer.

use super::{RefundOf, RefundView, read, tell};
use crate::idempotency::{Begun, Claim};
use crate::payments::{check_text, own, settle_matter};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::payments::{Part, Payment, Refund, RefundOrigin};
use ducat_domain::{MerchantId, PaymentOrderId, RefundId};
use ducat_store::Change;

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewRefund {
    /// Minor units; without it, all that is left.
    pub amount: Option<i64>,
    /// Why.
    pub reason: Option<String>,
}

/// Gives money of an order back.
pub async fn create(
    engine: &Engine,
    merchant: MerchantId,
    order: PaymentOrderId,
    new: NewRefund,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    let key = key.as_ref();
    check(&new)?;
    let begun = crate::idempotency::begin(engine, merchant, key, |claim| intend(engine, merchant, order, new, claim));
    let of = match begun.await? {
        Begun::Now(of) => of,
        Begun::Answered(answer) => return Ok(answer),
        Begun::TakenOver(subject) => return complete(engine, merchant, subject, key).await,
    };
    let (of, fault) = tell::tell(engine, of).await?;
    if fault.is_some() {
        tell::hurry(engine, &of).await?;
    }
    finish(engine, merchant, key, &of.refund).await
}

fn check(new: &NewRefund) -> Result<(), Error> {
    if new.amount.is_some_and(|amount| amount <= 0) {
        return Err(Error::Invalid(Problem::field("amount_too_small", "/amount", "must be at least 1")));
    }
    match &new.reason {
        Some(reason) => check_text("/reason", reason, 1, MAX_REASON).map_err(Error::Invalid),
        None => Ok(()),
    }
}

/// Writes the refund down, under the caller's key. One at a time for each order on this node, so that a thousand callers do not make
/// each other decide anew; between nodes the order's version decides.
async fn intend(
    engine: &Engine,
    merchant: MerchantId,
    order: PaymentOrderId,
    new: NewRefund,
    claim: Claim<'_>,
) -> Result<RefundOf, Error> {
    let _turn = engine.turn(order).await;
    let latest = own(engine, merchant, order).await?;
    let payment = match latest.order.paid_by {
        Some(paid_by) if paid_by != latest.attempt.id => {
            engine.store().payment_by_attempt(merchant, paid_by).await?.ok_or(Error::NotFound("payment order"))?
        }
        _ => latest,
    };
    in_time(engine, &payment)?;
    begin(engine, payment, &new, RefundOrigin::Api, |id, change| claim.begins(*id.as_bytes(), change)).await
}

/// Commits the intent.
pub(super) async fn begin(
    engine: &Engine,
    payment: Payment,
    new: &NewRefund,
    origin: RefundOrigin,
    amend: impl Fn(RefundId, &mut Change) + Send + Sync,
) -> Result<RefundOf, Error> {
    let now = engine.now();
    let id = RefundId::new(now, engine.chance());
    let check_at = now.plus(engine.settings().lease);
    let settled = settle_matter(
        engine,
        payment,
        |p: Payment| {
            let new = ducat_domain::payments::NewRefund { id, amount: new.amount, reason: new.reason.clone(), origin };
            p.request_refund(new, now, check_at).map(Some)
        },
        |_, _, change| {
            amend(id, change);
            Ok(())
        },
    )
    .await?;
    match settled.part {
        Some(Part::Refund(refund)) => Ok(RefundOf { payment: settled.payment, refund }),
        _ => Err(Error::Internal("a refund was written down and is not there".into())),
    }
}

/// A PSP gives money back only for so long.
fn in_time(engine: &Engine, payment: &Payment) -> Result<(), Error> {
    let Some(connector) = ducat_connectors::connector(&payment.attempt.psp) else { return Ok(()) };
    let spec = connector.spec();
    let Some(window) = spec.capabilities.iter().filter_map(|c| c.refund_window).max() else { return Ok(()) };
    if engine.now().since(payment.attempt.created_at) <= window {
        return Ok(());
    }
    let days = window.as_secs() / 86_400;
    let detail = format!("{} gives money back for {days} days after the payment; pay the customer in another way", spec.title);
    Err(Error::Conflict(Problem::new("refund_window_over", detail)))
}

/// An interrupted request is run to completion: whatever the refund has come to since is its answer.
async fn complete(
    engine: &Engine,
    merchant: MerchantId,
    subject: Option<[u8; 16]>,
    key: Option<&RequestKey>,
) -> Result<Answer, Error> {
    let id = RefundId::from_bytes(subject.ok_or_else(|| Error::Internal("an interrupted request has no refund".into()))?);
    let of = read(engine, merchant, id).await?.ok_or(Error::NotFound("refund"))?;
    let of = if of.refund.is_unconfirmed() { tell::tell(engine, of).await?.0 } else { of };
    finish(engine, merchant, key, &of.refund).await
}

async fn finish(engine: &Engine, merchant: MerchantId, key: Option<&RequestKey>, refund: &Refund) -> Result<Answer, Error> {
    let kind = if refund.is_unconfirmed() { AnswerKind::Accepted } else { AnswerKind::Created };
    let answer = Answer::new(kind, &RefundView::of(refund))?;
    crate::idempotency::answer_once(engine, merchant, key, answer).await
}
