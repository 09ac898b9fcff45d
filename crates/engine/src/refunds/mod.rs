//! Refunds: giving money back.
//!
//! - the verbs: `create`, `get` (and list), `resolve` (find out what became of one).
//! - `tell`: telling the PSP. `hear`: what the PSP says. `surplus`: money that came twice goes back by itself.
//! - `view`: what the API shows.

mod create;
mod get;
mod hear;
mod resolve;
mod surplus;
mod tell;
mod view;

pub use create::{NewRefund, create};
pub use get::{get, list};
pub(crate) use hear::hear;
pub(crate) use resolve::resolve;
pub(crate) use surplus::return_surplus;
pub use view::RefundView;

use crate::payments::Matter;
use crate::{Engine, Error};
use ducat_domain::payments::{Payment, Refund};
use ducat_domain::{MerchantId, RefundId};

/// A refund with its payment.
#[derive(Clone)]
struct RefundOf {
    payment: Payment,
    refund: Refund,
}

impl Matter for RefundOf {
    fn payment(&self) -> &Payment {
        &self.payment
    }

    async fn read_again(&self, engine: &Engine) -> Result<Self, Error> {
        let found = read(engine, self.payment.order.merchant, self.refund.id).await?;
        found.ok_or_else(|| Error::Internal(format!("refund {} is gone", self.refund.id)))
    }
}

/// The refund as it stands: its order first, so that what is read beside it is never older.
async fn read(engine: &Engine, merchant: MerchantId, id: RefundId) -> Result<Option<RefundOf>, Error> {
    let Some(known) = engine.store().refund(merchant, id).await? else { return Ok(None) };
    let payment = engine.store().payment_by_attempt(merchant, known.attempt).await?;
    let refund = engine.store().refund(merchant, id).await?;
    Ok(payment.zip(refund).map(|(payment, refund)| RefundOf { payment, refund }))
}
