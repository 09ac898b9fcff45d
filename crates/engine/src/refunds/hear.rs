//! What a PSP says of a refund, applied: to the refund that we began, or to one that was made at the PSP.

use super::RefundOf;
use crate::payments::{Matter, settle_matter};
use crate::{Engine, Error};
use ducat_domain::payments::{Part, Payment, Refund, RefundSeen};
use ducat_domain::{RefundId, Timestamp};
use ducat_store::{InboxState, InboxWrite};
use std::time::Duration;

/// A refund as far as it is known, looked up anew each time.
#[derive(Clone)]
struct Heard<'a> {
    payment: Payment,
    refund: Option<Refund>,
    seen: &'a RefundSeen,
}

impl Matter for Heard<'_> {
    fn payment(&self) -> &Payment {
        &self.payment
    }

    async fn read_again(&self, engine: &Engine) -> Result<Self, Error> {
        let payment = self.payment.read_again(engine).await?;
        let refund = known(engine, &payment, self.seen).await?;
        Ok(Self { payment, refund, seen: self.seen })
    }
}

/// Applies what the PSP says of a refund of this payment, with the message that said it. A refund that was made at the PSP begins like
/// every other, and moves on then.
pub(crate) async fn hear(
    engine: &Engine,
    payment: Payment,
    seen: &RefundSeen,
    inbox: Option<InboxWrite>,
) -> Result<Payment, Error> {
    let refund = known(engine, &payment, seen).await?;
    let begun = refund.is_some();
    let payment = step(engine, Heard { payment, refund, seen }, inbox).await?;
    if begun {
        return Ok(payment);
    }
    let refund = known(engine, &payment, seen).await?;
    match refund {
        Some(_) => step(engine, Heard { payment, refund, seen }, None).await,
        None => Ok(payment),
    }
}

async fn step(engine: &Engine, heard: Heard<'_>, inbox: Option<InboxWrite>) -> Result<Payment, Error> {
    let now = engine.now();
    let id = RefundId::new(now, engine.chance());
    let settled = settle_matter(
        engine,
        heard,
        |heard: Heard<'_>| match heard.refund {
            Some(refund) => {
                let check_at = next_check(&refund, now);
                heard.payment.refund_heard(refund, heard.seen, now, check_at)
            }
            None => heard.payment.refund_found(id, heard.seen, now, now.plus(FIRST_CHECK)),
        },
        |after, news, change| {
            change.inbox = inbox.clone().map(|mut message| {
                message.state = if news { InboxState::Applied } else { InboxState::Ignored };
                message.order = Some(after.payment.order.id);
                message
            });
            Ok(())
        },
    )
    .await?;
    Ok(settled.payment)
}

/// The same for a refund at hand.
pub(super) async fn one(engine: &Engine, of: RefundOf, seen: &RefundSeen, inbox: Option<InboxWrite>) -> Result<RefundOf, Error> {
    let now = engine.now();
    let settled = settle_matter(
        engine,
        of.clone(),
        |of: RefundOf| {
            let check_at = next_check(&of.refund, now);
            of.payment.refund_heard(of.refund, seen, now, check_at)
        },
        |_, _, change| {
            change.inbox.clone_from(&inbox);
            Ok(())
        },
    )
    .await?;
    match settled.part {
        Some(Part::Refund(refund)) => Ok(RefundOf { payment: settled.payment, refund }),
        _ => super::read(engine, of.payment.order.merchant, of.refund.id).await?.ok_or(Error::NotFound("refund")),
    }
}

/// The first time between two looks at a refund that the PSP has accepted.
const FIRST_CHECK: Duration = Duration::from_secs(60);
/// The longest.
const LAST_CHECK: Duration = Duration::from_secs(6 * 3600);

/// When the PSP is asked again about a refund that it has accepted: often at first, then ever less.
pub(super) fn next_check(refund: &Refund, now: Timestamp) -> Timestamp {
    now.plus((now.since(refund.created_at) / 2).clamp(FIRST_CHECK, LAST_CHECK))
}

/// The refund that the PSP speaks of: by our id, which it carries, or by its own. Never one of another attempt.
async fn known(engine: &Engine, payment: &Payment, seen: &RefundSeen) -> Result<Option<Refund>, Error> {
    if let Some(id) = seen.ours
        && let Some(refund) = engine.store().refund(payment.order.merchant, id).await?.filter(|r| r.attempt == payment.attempt.id)
    {
        return Ok(Some(refund));
    }
    let (merchant, account) = (payment.order.merchant, payment.attempt.psp_account);
    let found = engine.store().refund_by_psp(merchant, account, &seen.psp_refund).await?;
    Ok(found.filter(|r| r.attempt == payment.attempt.id))
}
