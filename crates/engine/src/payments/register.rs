//! Telling the PSP about an attempt, and writing down what came of it. The intent is committed before; no transaction is open here.

use super::commit::{Along, Waiting, observe, settle};
use super::plan;
use crate::psp::{self, Patience};
use crate::{Engine, Error, Problem};
use ducat_connectors::{Account, Connector, Fault, Operation, Outcome, Registration, Step};
use ducat_domain::payments::{Decline, DeclineCode, Payment};
use ducat_domain::{MerchantId, PspAccountId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How much of a key's lifetime is left unused, because clocks differ.
const KEY_MARGIN: Duration = Duration::from_secs(3600);
/// From this age on a refused request may have been refused for its age.
const STALE_REQUEST: Duration = Duration::from_secs(300);

/// The PSP of an attempt: its translator and the opened credentials.
#[derive(Clone)]
pub(crate) struct Psp {
    pub connector: &'static dyn Connector,
    pub account: Arc<Account>,
    /// Whose account, and which.
    pub merchant: MerchantId,
    pub id: PspAccountId,
}

/// Opens the credentials of the attempt's PSP account.
pub(crate) async fn open_psp(engine: &Engine, payment: &Payment) -> Result<Psp, Error> {
    let id = payment.attempt.psp_account;
    let opened = crate::psp_accounts::opened(engine, id).await?.ok_or_else(|| Error::Internal(format!("{id} is gone")))?;
    Ok(opened.psp.clone())
}

impl Psp {
    /// Whether the PSP still remembers the key of something that was begun then.
    pub(crate) fn remembers(&self, engine: &Engine, begun: Timestamp) -> bool {
        engine.now().since(begun) + KEY_MARGIN < self.connector.spec().idempotency.lifetime
    }

    /// Whether the PSP is surely done with what it was sent up to then: what it does not know now, it will never know.
    pub(crate) fn is_done_with(&self, engine: &Engine, sent: Timestamp) -> bool {
        engine.now().since(sent) > self.connector.spec().processing_window + engine.settings().psp_timeout
    }

    /// Carries an operation out at the PSP.
    pub(crate) async fn talk(&self, engine: &Engine, operation: &Operation) -> Result<Outcome, Fault> {
        self.go_on(engine, operation, self.first_step(operation)).await
    }

    fn first_step(&self, operation: &Operation) -> Result<Step, Fault> {
        self.connector.step(operation, &self.account, &[])
    }

    /// Carries an operation out whose first step is known.
    async fn go_on(&self, engine: &Engine, operation: &Operation, first: Result<Step, Fault>) -> Result<Outcome, Fault> {
        let request = engine.settings().psp_timeout;
        // Going through pages takes many requests, which nobody waits for but a job: it has the better part of its lease.
        let total = match operation {
            Operation::Find { .. } | Operation::Statement { .. } => (engine.settings().lease * 2 / 3).max(request),
            _ => request,
        };
        let patience = Patience { total, request, ..Patience::default() };
        let said = psp::go_on(engine.transport(), self.connector, &self.account, operation, first, patience).await;
        if matches!(said, Err(Fault::Config(_))) {
            // Somebody may have put the credentials right on another node.
            engine.accounts().forget(self);
        }
        said
    }
}

/// A registration, and how telling the PSP of it begins. A connector does no I/O, so that is known before anything is stored.
pub(super) struct Rehearsed {
    operation: Operation,
    first: Result<Step, Fault>,
}

impl Rehearsed {
    pub(super) fn of(engine: &Engine, psp: &Psp, payment: &Payment) -> Self {
        let operation = Operation::Register(registration(engine, payment));
        let first = psp.first_step(&operation);
        Self { operation, first }
    }

    /// What the PSP cannot take by its connector's own rules. What is wrong with the account is no fault of the request: it is written down, and heals
    /// with the account.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.first {
            Err(Fault::Invalid(why)) => Err(Error::Invalid(Problem::field("amount_not_supported", "/amount", *why))),
            _ => Ok(()),
        }
    }
}

/// Registers the attempt, or asks again with the same key: the PSP gives the same answer. What cannot be told stays `unknown`.
/// Gives the payment as it is then, and the fault if there was one.
pub(super) async fn register(
    engine: &Engine,
    psp: &Psp,
    payment: Payment,
    rehearsed: Rehearsed,
    caller: Option<&Waiting<'_>>,
) -> Result<(Payment, Option<Fault>), Error> {
    match psp.go_on(engine, &rehearsed.operation, rehearsed.first).await {
        Ok(outcome) => {
            let payment = conclude(engine, payment, outcome, caller).await?;
            engine.registered().remember(&payment);
            Ok((payment, None))
        }
        // Nothing was sent, and nothing ever can be: that is a refusal.
        Err(Fault::Invalid(why)) => {
            let decline = Decline::said(DeclineCode::RefusedByPsp, why);
            Box::pin(conclude(engine, payment, Outcome::Refused(decline), caller)).await.map(|payment| (payment, None))
        }
        Err(fault) => {
            tracing::warn!(order = %payment.order.id, attempt = %payment.attempt.id, %fault, "the registration is not confirmed");
            let payment =
                if fault.may_have_happened() { Box::pin(note_unknown(engine, payment, caller)).await? } else { payment };
            Ok((payment, Some(fault)))
        }
    }
}

async fn note_unknown(engine: &Engine, payment: Payment, caller: Option<&Waiting<'_>>) -> Result<Payment, Error> {
    let now = engine.now();
    let check_at = now.plus(plan::back_off(1, None, 0));
    let decide = |p: Payment| Ok(p.registration_unknown(now, check_at));
    settle(engine, payment, decide, |after, _, change| caller.map_or(Ok(()), |c| c.amend(engine, after, change))).await
}

/// Writes the outcome of a registration, or of a look for it, down.
pub(super) async fn conclude(
    engine: &Engine,
    payment: Payment,
    outcome: Outcome,
    caller: Option<&Waiting<'_>>,
) -> Result<Payment, Error> {
    let now = engine.now();
    match outcome {
        Outcome::Seen(seen) => observe(engine, payment, &seen, Along { caller, ..Along::default() }).await,
        Outcome::Refused(decline) => {
            let decide = |p: Payment| {
                // Somebody may have concluded it meanwhile, by a message.
                if !p.attempt.status.is_unconfirmed() {
                    return Ok(None);
                }
                // An old request may be refused for its age alone, such as a session that would end too soon. Nothing came of it
                // (a PSP that had acted would repeat its answer), so a fresh attempt asks the same anew.
                let stale = now.since(p.attempt.created_at) > STALE_REQUEST;
                let moved = if stale {
                    p.registration_absent(decline.clone(), now)
                } else {
                    p.registration_refused(decline.clone(), now)
                };
                moved.map(Some)
            };
            let amend = |after: &Payment, _, change: &mut _| caller.map_or(Ok(()), |c| c.amend(engine, after, change));
            Box::pin(settle(engine, payment, decide, amend)).await
        }
        other => Err(Error::Internal(format!("the connector answers a registration with {other:?}"))),
    }
}

/// What the PSP is told. Made only from what is written down, so that the same attempt always gives the same bytes.
fn registration(engine: &Engine, payment: &Payment) -> Registration {
    let (order, terms) = (&payment.order, &payment.order.terms);
    let pay = format!("{}/pay/{}", engine.settings().public_url, order.id);
    let sum = terms.line_items.iter().try_fold(0i64, |sum, line| {
        line.unit_amount.checked_mul(i64::from(line.quantity)).and_then(|part| sum.checked_add(part))
    });
    Registration {
        attempt: payment.attempt.id.to_string(),
        order: order.id.to_string(),
        reference: terms.reference.clone(),
        amount: terms.amount,
        capture: terms.capture,
        description: terms.description.clone(),
        // The PSP would charge the sum of the lines, so they go along only where that is the amount.
        line_items: if sum == Some(terms.amount.minor) { terms.line_items.clone() } else { Vec::new() },
        customer_email: terms.customer.as_ref().and_then(|c| c.email.clone()),
        return_url: format!("{pay}/return"),
        cancel_url: format!("{pay}/return?canceled=1"),
        expires_at: terms.expires_at,
        created_at: payment.attempt.created_at,
    }
}

/// A fault of the talk, for somebody who set the account up and waits.
pub(crate) fn psp_problem(fault: &Fault) -> Error {
    let code = match fault {
        Fault::Config(_) => "psp_account_misconfigured",
        Fault::Retry { .. } | Fault::Unknown(_) | Fault::Stuck(_) => "psp_unavailable",
        Fault::Unsupported | Fault::Invalid(_) | Fault::Protocol(_) => "psp_refused",
    };
    Error::Psp(Problem::new(code, fault.to_string()))
}
