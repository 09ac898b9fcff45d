//! Beginning a capture. Three phases, like a payment: the intent is committed with our key; the PSP is told, outside any transaction;
//! the result is committed with its event and the answer, which is the order.

use super::{CaptureOf, read, tell};
use crate::idempotency::{Begun, Claim};
use crate::payments::{PaymentOrderView, links, own, settle_matter};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_connectors::Operations;
use ducat_domain::payments::{CaptureStatus, Part, Payment};
use ducat_domain::{CaptureId, MerchantId, PaymentOrderId};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewCapture {
    /// Minor units; without it, all that is held.
    pub amount: Option<i64>,
    /// Whether the rest of the hold is let go; it is by default.
    pub is_final: Option<bool>,
}

/// Takes money of an order that is held.
pub async fn create(
    engine: &Engine,
    merchant: MerchantId,
    order: PaymentOrderId,
    new: NewCapture,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    let key = key.as_ref();
    if new.amount.is_some_and(|amount| amount <= 0) {
        return Err(Error::Invalid(Problem::field("amount_too_small", "/amount", "must be at least 1")));
    }
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
    finish(engine, merchant, key, of).await
}

async fn intend(
    engine: &Engine,
    merchant: MerchantId,
    order: PaymentOrderId,
    new: NewCapture,
    claim: Claim<'_>,
) -> Result<CaptureOf, Error> {
    let _turn = engine.turn(order).await;
    let payment = own(engine, merchant, order).await?;
    let new = permitted(&payment, new)?;
    let now = engine.now();
    let check_at = now.plus(engine.settings().lease);
    let id = CaptureId::new(now, engine.chance());
    let new = ducat_domain::payments::NewCapture { id, ..new };
    let settled = settle_matter(
        engine,
        payment,
        |p: Payment| p.request_capture(&new, now, check_at).map(Some),
        |_, _, change| {
            claim.begins(*id.as_bytes(), change);
            Ok(())
        },
    )
    .await?;
    match settled.part {
        Some(Part::Capture(capture)) => Ok(CaptureOf { payment: settled.payment, capture }),
        _ => Err(Error::Internal("a capture was written down and is not there".into())),
    }
}

/// What the PSP can do is data of its connector.
fn permitted(payment: &Payment, new: NewCapture) -> Result<ducat_domain::payments::NewCapture, Error> {
    let connector = ducat_connectors::connector(&payment.attempt.psp);
    let can = |operation| {
        connector.is_some_and(|c| c.spec().capabilities.iter().any(|capability| capability.operations.contains(&operation)))
    };
    let title = connector.map_or("the PSP", |c| c.spec().title);
    let is_final = new.is_final.unwrap_or(true);
    if !is_final && !can(Operations::MultiCapture) {
        let detail = format!("must be true: {title} captures a payment once");
        return Err(Error::Invalid(Problem::field("not_supported", "/final", detail)));
    }
    let most = if can(Operations::OverCapture) { Some(i64::MAX) } else { None };
    Ok(ducat_domain::payments::NewCapture { id: CaptureId::from_bytes([0; 16]), amount: new.amount, is_final, most })
}

/// An interrupted request is run to completion: whatever the order has come to since is its answer.
async fn complete(
    engine: &Engine,
    merchant: MerchantId,
    subject: Option<[u8; 16]>,
    key: Option<&RequestKey>,
) -> Result<Answer, Error> {
    let id = CaptureId::from_bytes(subject.ok_or_else(|| Error::Internal("an interrupted request has no capture".into()))?);
    let of = read(engine, merchant, id).await?.ok_or(Error::NotFound("capture"))?;
    let of = if of.capture.status.is_open() { tell::tell(engine, of).await?.0 } else { of };
    finish(engine, merchant, key, of).await
}

/// The order is the answer; a capture that the PSP refused is a refusal of the request.
async fn finish(engine: &Engine, merchant: MerchantId, key: Option<&RequestKey>, of: CaptureOf) -> Result<Answer, Error> {
    if of.capture.status == CaptureStatus::Failed {
        if let Some(key) = key {
            key.release(engine, merchant).await?;
        }
        let detail = match of.capture.failure.as_ref().map(|f| f.psp_code.as_deref().unwrap_or(f.code.as_str())) {
            Some(word) => format!("the PSP refused the capture ({word}); the money is still held"),
            // What was seen of the payment ended the capture: nothing is left to take.
            None => "the money is no longer held at the PSP: the hold lapsed, or was let go".to_owned(),
        };
        return Err(Error::Conflict(Problem::new("capture_refused", detail)));
    }
    let kind = if of.capture.status.is_open() { AnswerKind::Accepted } else { AnswerKind::Done };
    let answer = Answer::new(kind, &PaymentOrderView::now(links(engine), &of.payment))?;
    crate::idempotency::answer_once(engine, merchant, key, answer).await
}
