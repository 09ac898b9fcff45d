//! Captures: taking money that is held, whole or in parts.
//!
//! - the verbs: `create`, `resolve` (find out what became of one).
//! - `tell`: telling the PSP. `view`: what the API shows.

mod create;
mod resolve;
mod tell;
mod view;

pub use create::{NewCapture, create};
pub(crate) use resolve::resolve;
pub use view::CaptureView;

use crate::payments::Matter;
use crate::{Engine, Error};
use ducat_domain::payments::{Capture, Payment};
use ducat_domain::{CaptureId, MerchantId};

/// A capture with its payment.
#[derive(Clone)]
struct CaptureOf {
    payment: Payment,
    capture: Capture,
}

impl Matter for CaptureOf {
    fn payment(&self) -> &Payment {
        &self.payment
    }

    async fn read_again(&self, engine: &Engine) -> Result<Self, Error> {
        let found = read(engine, self.payment.order.merchant, self.capture.id).await?;
        found.ok_or_else(|| Error::Internal(format!("capture {} is gone", self.capture.id)))
    }
}

/// The capture as it stands: its order first, so that what is read beside it is never older.
async fn read(engine: &Engine, merchant: MerchantId, id: CaptureId) -> Result<Option<CaptureOf>, Error> {
    let Some(known) = engine.store().capture(merchant, id).await? else { return Ok(None) };
    let payment = engine.store().payment_by_attempt(merchant, known.attempt).await?;
    let capture = engine.store().capture(merchant, id).await?;
    Ok(payment.zip(capture).map(|(payment, capture)| CaptureOf { payment, capture }))
}
