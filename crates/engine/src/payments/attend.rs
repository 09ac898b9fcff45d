//! Seeing to an order: whatever is due next. Resolves what is unknown, asks where no message came, closes what must not be paid any
//! more, lets lapse what nobody paid. Every order that can still move has one job that comes here.

use super::commit::{Along, observe, settle};
use super::get::own;
use super::plan;
use super::register::{Psp, Rehearsed, conclude, open_psp, register};
use super::try_again::begin;
use crate::{Engine, Error};
use ducat_connectors::{Fault, Operation, Outcome};
use ducat_domain::payments::{AttemptStatus, Decline, DeclineCode, Observation, Observed, OrderStatus, Payment};
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp};
use ducat_store::{Change, ClaimedJob};

/// How often an order at rest is looked at for something that the PSP may still tell, such as its fee.
const MAX_LOOKS_AT_REST: u32 = 6;

/// Runs a claimed job.
pub(crate) async fn attend(engine: &Engine, order: PaymentOrderId, claimed: ClaimedJob) -> Result<(), Error> {
    let Some(payment) = engine.store().payment(claimed.merchant, order).await? else { return Ok(()) };
    let (payment, fault) = match both(engine, payment.clone()).await {
        Ok((payment, fault)) => (payment, fault),
        Err(error) => {
            tracing::error!(%order, %error, "seeing to the order failed");
            (payment, Some(Fault::Protocol(error.to_string())))
        }
    };
    let soon = plan::soon(engine, &claimed, fault.as_ref());
    let job = match (fault, plan::next_look(&payment, engine.now())) {
        (Some(_), _) => claimed.again(soon),
        (None, Some(_)) if payment.order.status.is_terminal() && claimed.tries >= MAX_LOOKS_AT_REST => claimed.done(),
        // What is due at once although a look has just changed nothing waits all the same.
        (None, Some(at)) => claimed.again(at.max(soon)),
        (None, None) => claimed.done(),
    };
    Ok(engine.store().commit(Change { jobs: vec![job], ..Change::default() }).await?)
}

async fn both(engine: &Engine, payment: Payment) -> Result<(Payment, Option<Fault>), Error> {
    let (payment, fault) = step(engine, payment).await?;
    let other = beside(engine, &payment).await?;
    Ok((payment, fault.or(other)))
}

/// What else an order may need beside its latest attempt: the truth about the one that paid it, and surplus money sent back.
async fn beside(engine: &Engine, latest: &Payment) -> Result<Option<Fault>, Error> {
    if latest.attempt.number == 1 {
        return Ok(None);
    }
    let paid_by = latest.order.paid_by.filter(|id| *id != latest.attempt.id);
    let fault = match paid_by {
        Some(id) => match engine.store().payment_by_attempt(latest.order.merchant, id).await? {
            Some(payment) => look_at(engine, payment).await?.1,
            None => None,
        },
        None => None,
    };
    crate::refunds::return_surplus(engine, latest.order.merchant, latest.order.id).await?;
    Ok(fault)
}

/// Asks the PSP about the attempt of this payment, and applies all that it says: money, fees, refunds, disputes.
pub(crate) async fn look_at(engine: &Engine, payment: Payment) -> Result<(Payment, Option<Fault>), Error> {
    let psp = open_psp(engine, &payment).await?;
    fetch(engine, &psp, payment).await
}

/// Sees to an order at once, for a caller who waits.
pub(crate) async fn attend_now(engine: &Engine, merchant: MerchantId, order: PaymentOrderId) -> Result<Payment, Error> {
    step(engine, own(engine, merchant, order).await?).await.map(|(payment, _)| payment)
}

/// One step: the payment as it is then, and the fault that is in the way.
async fn step(engine: &Engine, payment: Payment) -> Result<(Payment, Option<Fault>), Error> {
    let now = engine.now();
    let attempt = &payment.attempt;
    let unwanted = is_unwanted(&payment, now);
    if attempt.status.is_unconfirmed() {
        let psp = open_psp(engine, &payment).await?;
        let (payment, fault) = resolve(engine, &psp, payment, unwanted).await?;
        let confirmed = fault.is_none() && payment.attempt.status.is_live() && !payment.attempt.status.is_unconfirmed();
        return if confirmed && is_unwanted(&payment, now) { close(engine, &psp, payment).await } else { Ok((payment, fault)) };
    }
    // Without anything alive, an order whose time is over just lapses; before that, a message may have made us look.
    let only_lapses = unwanted && !attempt.status.is_live() && !payment.order.status.is_terminal();
    if attempt.token.is_some() && !only_lapses {
        let psp = open_psp(engine, &payment).await?;
        if unwanted && attempt.status.is_live() {
            return close(engine, &psp, payment).await;
        }
        let (payment, fault) = fetch(engine, &psp, payment).await?;
        // Asked at every look, so that a crash between a decline and this changes nothing.
        return if fault.is_none() && crate::declines::is_over(engine, &payment).await? {
            tracing::warn!(order = %payment.order.id, declines = payment.attempt.declines, "too many declines: the order is closed");
            close(engine, &psp, payment).await
        } else {
            Ok((payment, fault))
        };
    }
    if payment.order.status == OrderStatus::Created && !unwanted {
        return begin(engine, payment).await;
    }
    let payment = settle(engine, payment, |p| Ok(p.expire(now)), |_, _, _| Ok(())).await?;
    Ok((payment, None))
}

/// Whether the order must not be paid any more: called off, lapsed, or ended otherwise. Money that is held is let go only on request.
fn is_unwanted(payment: &Payment, now: Timestamp) -> bool {
    let order = &payment.order;
    let lapsed = now >= order.terms.expires_at && payment.attempt.status != AttemptStatus::Authorized;
    let paid_elsewhere = order.paid_by.is_some_and(|id| id != payment.attempt.id);
    let ended = order.status.is_terminal() && order.paid_by != Some(payment.attempt.id);
    order.cancel_requested_at.is_some() || lapsed || paid_elsewhere || ended
}

/// Finds out what became of a registration without an answer. Asking again under the same key is exact while the PSP remembers the key;
/// after that, or where the key only repeats an error, or where nobody wants the order any more, it is looked for instead.
async fn resolve(engine: &Engine, psp: &Psp, payment: Payment, unwanted: bool) -> Result<(Payment, Option<Fault>), Error> {
    if psp.remembers(engine, payment.attempt.created_at) && !unwanted {
        let rehearsed = Rehearsed::of(engine, psp, &payment);
        let (payment, fault) = register(engine, psp, payment, rehearsed, None).await?;
        return match fault {
            // The key can bring nothing new into being any more.
            Some(Fault::Stuck(_)) => {
                let quiet_since = payment.attempt.created_at;
                find(engine, psp, payment, quiet_since).await
            }
            other => Ok((payment, other)),
        };
    }
    // Nothing was sent after the order was called off or had lapsed.
    let order = &payment.order;
    let unwanted_since = order.cancel_requested_at.unwrap_or(order.terms.expires_at).min(engine.now());
    let quiet_since = unwanted_since.max(payment.attempt.created_at);
    find(engine, psp, payment, quiet_since).await
}

async fn find(engine: &Engine, psp: &Psp, payment: Payment, quiet_since: Timestamp) -> Result<(Payment, Option<Fault>), Error> {
    let operation = Operation::Find { reference: payment.attempt.id.to_string(), since: payment.attempt.created_at };
    match psp.talk(engine, &operation).await {
        Ok(Outcome::Absent) => absent(engine, psp, payment, quiet_since).await,
        Ok(outcome) => conclude(engine, payment, outcome, None).await.map(|payment| (payment, None)),
        Err(fault) => Ok((payment, Some(fault))),
    }
}

/// The PSP has no such registration. That is definite only once its own processing of what we sent last is surely over; until then it
/// is asked again.
async fn absent(engine: &Engine, psp: &Psp, payment: Payment, quiet_since: Timestamp) -> Result<(Payment, Option<Fault>), Error> {
    let now = engine.now();
    if !psp.is_done_with(engine, quiet_since) {
        let reason = "the PSP does not know the registration, and may still be processing it".to_owned();
        return Ok((payment, Some(Fault::Retry { reason, after: None })));
    }
    let decline = Decline::of(DeclineCode::NotRegistered);
    let decide = |p: Payment| {
        if p.attempt.status.is_unconfirmed() { p.registration_absent(decline.clone(), now).map(Some) } else { Ok(None) }
    };
    settle(engine, payment, decide, |_, _, _| Ok(())).await.map(|payment| (payment, None))
}

async fn fetch(engine: &Engine, psp: &Psp, payment: Payment) -> Result<(Payment, Option<Fault>), Error> {
    let Some(token) = payment.attempt.token.clone() else { return Ok((payment, None)) };
    look(engine, psp, payment, Operation::Fetch(token)).await
}

/// Ends a registration that nobody has paid, or lets held money go.
async fn close(engine: &Engine, psp: &Psp, payment: Payment) -> Result<(Payment, Option<Fault>), Error> {
    let Some(token) = payment.attempt.token.clone() else { return Ok((payment, None)) };
    let operation = if payment.attempt.status == AttemptStatus::Authorized {
        Operation::Void { token, key: format!("{}-void", payment.attempt.id) }
    } else {
        Operation::Close { token, key: format!("{}-close", payment.attempt.id) }
    };
    look(engine, psp, payment, operation).await
}

async fn look(engine: &Engine, psp: &Psp, payment: Payment, operation: Operation) -> Result<(Payment, Option<Fault>), Error> {
    match psp.talk(engine, &operation).await {
        Ok(Outcome::Seen(seen)) => {
            let payment = observe(engine, payment, &seen, Along::default()).await?;
            Ok((keep_watch(engine, payment).await?, None))
        }
        Ok(Outcome::Absent) if is_surely_gone(engine, psp, &payment) => {
            tracing::error!(order = %payment.order.id, attempt = %payment.attempt.id, "the PSP no longer knows a registration that it had confirmed");
            let Some(token) = payment.attempt.token.clone() else { return Ok((payment, None)) };
            let gone = Observation {
                token,
                psp_payment: None,
                redirect_url: None,
                state: Observed::Expired,
                decline: None,
                fees: Vec::new(),
                refunds: Vec::new(),
                card: None,
                disputes: Vec::new(),
            };
            Ok((observe(engine, payment, &gone, Along::default()).await?, None))
        }
        Ok(other) => {
            let fault = Fault::Protocol(format!("{other:?} for a known registration"));
            tracing::error!(order = %payment.order.id, %fault, "the PSP contradicts itself");
            Ok((payment, Some(fault)))
        }
        Err(fault) => {
            tracing::warn!(order = %payment.order.id, %fault, "the PSP could not be asked");
            Ok((payment, Some(fault)))
        }
    }
}

/// Whether a registration that the PSP does not find has definitely ended: nobody had acted on it, and what the PSP may still be
/// processing is over. Money that was on its way is never written off like this; a person has to look.
fn is_surely_gone(engine: &Engine, psp: &Psp, payment: &Payment) -> bool {
    payment.attempt.status == AttemptStatus::RequiresAction && psp.is_done_with(engine, payment.attempt.created_at)
}

/// The time of the next look moves on although nothing else did, so that a quiet registration is not asked about for ever in a row.
async fn keep_watch(engine: &Engine, mut payment: Payment) -> Result<Payment, Error> {
    let now = engine.now();
    if payment.attempt.status.is_live() && payment.attempt.check_at.is_some_and(|at| at <= now) {
        let at = plan::check_at(engine.settings(), &payment, now);
        payment.attempt.check_at = Some(at);
    }
    Ok(payment)
}
