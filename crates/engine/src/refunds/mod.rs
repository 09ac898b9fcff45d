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
        read(engine, self.refund.id).await?.ok_or_else(|| Error::Internal(format!("refund {} is gone", self.refund.id)))
    }
}

/// The refund as it stands: its order first, so that what is read beside it is never older.
async fn read(engine: &Engine, id: ducat_domain::RefundId) -> Result<Option<RefundOf>, Error> {
    let Some(known) = engine.store().refund(id).await? else { return Ok(None) };
    let payment = engine.store().payment_by_attempt(known.attempt).await?;
    let refund = engine.store().refund(id).await?;
    Ok(payment.zip(refund).map(|(payment, refund)| RefundOf { payment, refund }))
}
