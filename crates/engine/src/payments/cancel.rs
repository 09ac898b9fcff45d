//! Calling an order off: the wish is committed first, then the PSP is told, so that nobody can pay it any more.

use super::attend::attend_now;
use super::commit::{links, settle};
use super::create::finish;
use super::get::own;
use super::view::PaymentOrderView;
use crate::idempotency::{Begun, Claim, begin};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::payments::{OrderStatus, Payment};
use ducat_domain::{MerchantId, PaymentOrderId};
use ducat_store::Change;

/// What an order has come to by the wish.
enum Wished {
    /// It is called off already.
    Over(Answer),
    /// The wish is written down; the PSP has to be told.
    Noted(Box<Payment>),
}

/// Calls an order off. Done once the PSP confirms; accepted while it has not.
pub async fn cancel(engine: &Engine, merchant: MerchantId, id: PaymentOrderId, key: Option<RequestKey>) -> Result<Answer, Error> {
    let key = key.as_ref();
    let (taken, payment) = match begin(engine, merchant, key, |claim| wish(engine, merchant, id, claim)).await? {
        Begun::Now(Wished::Noted(payment)) => (payment.attempt.captured, *payment),
        Begun::Now(Wished::Over(answer)) | Begun::Answered(answer) => return Ok(answer),
        // The wish was written down when the key was. What was taken by then is not known any more; all of it was not, or there would have
        // been nothing to call off.
        Begun::TakenOver(_) => {
            let payment = own(engine, merchant, id).await?;
            let all = payment.attempt.captured >= payment.order.terms.amount.minor;
            (if all { 0 } else { payment.attempt.captured }, payment)
        }
    };
    let payment = if payment.order.status.is_terminal() { payment } else { attend_now(engine, merchant, id).await? };
    if taken > 0 && payment.attempt.captured == taken && payment.order.status == OrderStatus::Succeeded {
        // A part was taken before; the rest is let go, as was asked.
        return finish(engine, merchant, key, &payment, AnswerKind::Done).await;
    }
    if let Err(refusal) = refuse_ended(&payment) {
        // The customer was faster. The request may be made anew and will be told the same.
        if let Some(key) = key {
            key.release(engine, merchant).await?;
        }
        return Err(refusal);
    }
    let kind = if payment.order.status == OrderStatus::Canceled { AnswerKind::Done } else { AnswerKind::Accepted };
    finish(engine, merchant, key, &payment, kind).await
}

/// Writes the wish down.
async fn wish(engine: &Engine, merchant: MerchantId, id: PaymentOrderId, claim: Claim<'_>) -> Result<Wished, Error> {
    let payment = own(engine, merchant, id).await?;
    if payment.order.status == OrderStatus::Canceled {
        let answer = Answer::new(AnswerKind::Done, &PaymentOrderView::now(links(engine), &payment))?;
        claim.commit(Change::default(), &answer).await?;
        return Ok(Wished::Over(answer));
    }
    refuse_ended(&payment)?;
    let now = engine.now();
    let noted = settle(
        engine,
        payment,
        |p| p.request_cancel(now),
        |_, _, change| {
            claim.begins(*id.as_bytes(), change);
            Ok(())
        },
    );
    match noted.await {
        Err(Error::Conflict(_)) => Err(refuse_ended(&own(engine, merchant, id).await?).err().unwrap_or(Error::Busy)),
        noted => noted.map(Box::new).map(Wished::Noted),
    }
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
