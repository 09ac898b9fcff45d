//! Another attempt on the same order, once the one before has surely ended without money.

use super::attend::attend_now;
use super::commit::{Write, change};
use super::create::{choose_psp, hurry};
use super::get::{on_page, own};
use super::plan::FRESH;
use super::register::{Rehearsed, register};
use crate::{Engine, Error};
use ducat_connectors::Fault;
use ducat_domain::payments::{Payment, TransitionError};
use ducat_domain::{AttemptId, PaymentOrderId};
use ducat_store::CommitError;
use std::net::IpAddr;

/// The customer wants to pay, and comes from this address: gives the address of the PSP's page, beginning a new attempt where the last
/// one has ended. Nothing while the PSP has not answered yet, or when there is nothing to pay any more.
pub async fn go_pay(engine: &Engine, id: PaymentOrderId, visitor: Option<IpAddr>) -> Result<Option<String>, Error> {
    let payment = on_page(engine, id).await?;
    if !payment.order.status.is_terminal() {
        crate::declines::arrive(engine, &payment, visitor).await?;
    }
    if payment.attempt.redirect_url.is_some() || payment.order.status.is_terminal() {
        return Ok(payment.attempt.redirect_url);
    }
    // While the first caller may still be waiting for the PSP, nobody else asks.
    let asked_already = payment.attempt.status.is_unconfirmed() && payment.attempt.check_at.is_some_and(|at| engine.now() < at);
    let payment = if can_try_again(engine, &payment) {
        begin(engine, payment).await?.0
    } else if asked_already || !engine.may_ask_again(id, FRESH) {
        payment
    } else {
        attend_now(engine, payment.order.merchant, id).await?
    };
    Ok(payment.attempt.redirect_url)
}

/// Whether a new attempt may be begun.
pub(super) fn can_try_again(engine: &Engine, payment: &Payment) -> bool {
    next_attempt(engine, payment.clone(), payment.attempt.psp_account, payment.attempt.psp.clone()).is_ok()
}

fn next_attempt(
    engine: &Engine,
    payment: Payment,
    account: ducat_domain::PspAccountId,
    psp: String,
) -> Result<ducat_domain::payments::Moved, TransitionError> {
    let now = engine.now();
    let next = (AttemptId::new(now, engine.chance()), account, psp);
    payment.start_attempt(next, now, now.plus(engine.settings().lease))
}

/// Begins a new attempt: the same three phases as the first.
pub(super) async fn begin(engine: &Engine, payment: Payment) -> Result<(Payment, Option<Fault>), Error> {
    let account = choose_psp(engine, payment.order.merchant, &payment.order.terms).await?;
    let (merchant, id) = (payment.order.merchant, payment.order.id);
    let moved = next_attempt(engine, payment, account.kept.id, account.kept.psp.clone())
        .map_err(|e| Error::Conflict(crate::Problem::new("payment_order_state", e.to_string())))?;
    let payment = moved.payment.clone();
    match engine.store().commit(change(engine, moved, Write::AddAttempt)?).await {
        Ok(()) => engine.announce(id),
        // Another tab was faster: what it began is what there is.
        Err(CommitError::Stale) => {
            return Ok((own(engine, merchant, id).await?, None));
        }
        Err(e) => return Err(e.into()),
    }
    let rehearsed = Rehearsed::of(engine, &account.psp, &payment);
    let (payment, fault) = register(engine, &account.psp, payment, rehearsed, None).await?;
    if fault.is_some() {
        hurry(engine, &payment).await?;
    }
    Ok((payment, fault))
}
