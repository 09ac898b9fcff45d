//! What a PSP says of a dispute, applied: to the one that we know, or to a new one.

use crate::payments::{Matter, settle_matter};
use crate::{Engine, Error};
use ducat_domain::DisputeId;
use ducat_domain::payments::{Dispute, DisputeSeen, Part, Payment};
use ducat_store::{Change, CommitError, InboxState, InboxWrite, Unique};

/// A dispute as far as it is known, looked up anew each time.
#[derive(Clone)]
struct Heard<'a> {
    payment: Payment,
    dispute: Option<Dispute>,
    seen: &'a DisputeSeen,
}

impl Matter for Heard<'_> {
    fn payment(&self) -> &Payment {
        &self.payment
    }

    async fn read_again(&self, engine: &Engine) -> Result<Self, Error> {
        let payment = self.payment.read_again(engine).await?;
        let dispute = known(engine, &payment, self.seen).await?;
        Ok(Self { payment, dispute, seen: self.seen })
    }
}

/// The most steps that one word of a PSP is taken in.
const MAX_STEPS: usize = 12;

/// Applies what the PSP says of a dispute of this payment, step by step, with the message that said it in the last of them: a crash in
/// between makes the PSP say it again.
pub(crate) async fn hear(
    engine: &Engine,
    mut payment: Payment,
    seen: &DisputeSeen,
    inbox: Option<InboxWrite>,
) -> Result<Payment, Error> {
    let mut moved = false;
    for _ in 0..MAX_STEPS {
        let dispute = known(engine, &payment, seen).await?;
        let before = payment.order.version;
        payment = step(engine, Heard { payment, dispute, seen }).await?;
        if payment.order.version == before {
            break;
        }
        moved = true;
    }
    if let Some(message) = inbox {
        let state = if moved { InboxState::Applied } else { InboxState::Ignored };
        let inbox = Some(InboxWrite { state, order: Some(payment.order.id), ..message });
        match engine.store().commit(Change { inbox, ..Change::default() }).await {
            Err(CommitError::Taken(Unique::Message)) => return Err(Error::Duplicate),
            other => other?,
        }
    }
    Ok(payment)
}

async fn step(engine: &Engine, heard: Heard<'_>) -> Result<Payment, Error> {
    let now = engine.now();
    let id = DisputeId::new(now, engine.chance());
    let settled = settle_matter(
        engine,
        heard,
        |heard: Heard<'_>| heard.payment.dispute_heard(heard.dispute.ok_or(id), heard.seen, now),
        |after, _, change| {
            // Evidence is about people: it is not kept longer than it is of use.
            if let Some(Part::Dispute(dispute)) = &after.part
                && dispute.status.is_decided()
            {
                change.forget_files.push((after.payment.order.merchant, dispute.id));
            }
            Ok(())
        },
    )
    .await?;
    Ok(settled.payment)
}

/// The dispute that the PSP speaks of. Never one of another attempt.
async fn known(engine: &Engine, payment: &Payment, seen: &DisputeSeen) -> Result<Option<Dispute>, Error> {
    let (merchant, account) = (payment.order.merchant, payment.attempt.psp_account);
    let found = engine.store().dispute_by_psp(merchant, account, &seen.psp_dispute).await?;
    Ok(found.filter(|d| d.attempt == payment.attempt.id))
}
