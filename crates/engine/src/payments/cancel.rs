//! Calling an order off: the wish is committed first, then the PSP is told, so that nobody can pay it any more.

use super::attend::attend_now;
use super::commit::{links, settle};
use super::view::PaymentOrderView;
use crate::idempotency::Known;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::payments::{OrderStatus, Payment};
use ducat_domain::{MerchantId, PaymentOrderId};
use ducat_store::Change;

/// Calls an order off. Done once the PSP confirms; accepted while it has not.
pub async fn cancel(engine: &Engine, merchant: MerchantId, id: PaymentOrderId, key: Option<RequestKey>) -> Result<Answer, Error> {
    let key = key.as_ref();
    let mut claim = None;
    if let Some(key) = key {
        match key.look(engine, merchant).await? {
            Known::New => claim = Some(key.claim(engine, merchant, Some(*id.as_bytes()), engine.now(), None)),
            Known::Answered(answer) => return Ok(answer),
            Known::TakenOver(_) => {}
        }
    }
    let payment = super::get::own(engine, merchant, id).await?;
    if payment.order.status == OrderStatus::Canceled {
        return answer(engine, merchant, key, claim.is_some(), payment, AnswerKind::Done).await;
    }
    refuse_ended(&payment)?;
    let taken = payment.attempt.captured;
    let now = engine.now();
    let wish = settle(
        engine,
        payment,
        |p| p.request_cancel(now),
        |_, _, change| {
            change.idempotency.clone_from(&claim);
            Ok(())
        },
    );
    let payment = match wish.await {
        Err(Error::Conflict(_)) => {
            return Err(refuse_ended(&super::get::own(engine, merchant, id).await?).err().unwrap_or(Error::Busy));
        }
        other => other?,
    };
    let payment = if payment.order.status.is_terminal() { payment } else { attend_now(engine, merchant, id).await? };
    if taken > 0 && payment.attempt.captured == taken && payment.order.status == OrderStatus::Succeeded {
        // A part was taken before; the rest is let go, as was asked.
        return answer(engine, merchant, key, false, payment, AnswerKind::Done).await;
    }
    if let Err(refusal) = refuse_ended(&payment) {
        // The customer was faster. The request may be made anew and will be told the same.
        if let Some(key) = key {
            key.release(engine, merchant).await?;
        }
        return Err(refusal);
    }
    let kind = if payment.order.status == OrderStatus::Canceled { AnswerKind::Done } else { AnswerKind::Accepted };
    answer(engine, merchant, key, false, payment, kind).await
}

/// An order that ended otherwise cannot be called off.
fn refuse_ended(payment: &Payment) -> Result<(), Error> {
    let status = payment.order.status;
    if status.is_terminal() && status != OrderStatus::Canceled {
        let detail = format!("the payment order is {} and can no longer be canceled", status.as_str());
        return Err(Error::Conflict(Problem::new("payment_order_not_cancelable", detail)));
    }
    Ok(())
}

async fn answer(
    engine: &Engine,
    merchant: MerchantId,
    key: Option<&RequestKey>,
    unclaimed: bool,
    payment: Payment,
    kind: AnswerKind,
) -> Result<Answer, Error> {
    if unclaimed {
        let answer = Answer::new(kind, &PaymentOrderView::now(links(engine), &payment))?;
        return crate::idempotency::commit_once(engine, merchant, key, Change::default(), answer).await;
    }
    super::create::finish(engine, merchant, key, &payment, kind).await
}
