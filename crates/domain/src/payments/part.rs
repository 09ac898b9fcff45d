//! What moves along with its order: a capture, a refund or a dispute. The order's version guards it, so it needs none of its own.

use super::{Capture, Dispute, Refund};

/// A part of an order's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Money that was held is taken.
    Capture(Capture),
    /// Money is given back.
    Refund(Refund),
    /// The payer disputes the payment.
    Dispute(Dispute),
}
