//! Disputes: payers who say that a payment was wrong, or ask about it.
//!
//! - the verbs: `get` (and list), `answer` (evidence, acceptance), `files` (add, list), `see_to` (tell the PSP, remind the merchant).
//! - `hear`: what the PSP says. `view`: what the API shows.

mod answer;
mod files;
mod get;
mod hear;
mod see_to;
mod view;

pub use answer::{NewEvidence, accept, submit};
pub use files::{FileView, NewFile, add_file, files};
pub use get::{get, list};
pub(crate) use hear::hear;
pub(crate) use see_to::see_to;
pub use view::DisputeView;

use crate::payments::Matter;
use crate::{Engine, Error};
use ducat_domain::payments::{Dispute, Payment};
use ducat_domain::{DisputeId, MerchantId};

/// A dispute with its payment.
#[derive(Clone)]
struct DisputeOf {
    payment: Payment,
    dispute: Dispute,
}

impl Matter for DisputeOf {
    fn payment(&self) -> &Payment {
        &self.payment
    }

    async fn read_again(&self, engine: &Engine) -> Result<Self, Error> {
        let found = read(engine, self.payment.order.merchant, self.dispute.id).await?;
        found.ok_or_else(|| Error::Internal(format!("dispute {} is gone", self.dispute.id)))
    }
}

/// The dispute as it stands: its order first, so that what is read beside it is never older.
async fn read(engine: &Engine, merchant: MerchantId, id: DisputeId) -> Result<Option<DisputeOf>, Error> {
    let Some(known) = engine.store().dispute(merchant, id).await? else { return Ok(None) };
    let payment = engine.store().payment_by_attempt(merchant, known.attempt).await?;
    let dispute = engine.store().dispute(merchant, id).await?;
    Ok(payment.zip(dispute).map(|(payment, dispute)| DisputeOf { payment, dispute }))
}

/// The merchant's own dispute; another merchant's is as unknown as none.
async fn own(engine: &Engine, merchant: MerchantId, id: DisputeId) -> Result<DisputeOf, Error> {
    read(engine, merchant, id).await?.ok_or(Error::NotFound("dispute"))
}
