//! What a PSP says about one registration, in our words.

use super::{Decline, PspToken};
use crate::Money;
use serde::{Deserialize, Serialize};

/// The truth about a registration as its PSP tells it, by an answer or by a verified message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The PSP's id for the registration.
    pub token: PspToken,
    /// The PSP's id for the payment behind it, where it has one.
    pub psp_payment: Option<String>,
    /// The PSP's page for the customer, while it can be used.
    pub redirect_url: Option<String>,
    /// How far it is.
    pub state: Observed,
    /// The last refusal, where there was one.
    pub decline: Option<Decline>,
    /// What the PSP charged so far; empty where it did not say.
    pub fees: Vec<Fee>,
}

/// How far a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Waiting for the customer.
    Open,
    /// The customer acted; the last word is not said.
    Processing,
    /// The money is held.
    Authorized(Money),
    /// The money is taken.
    Captured(Money),
    /// Refused for good; nothing can be paid on it any more.
    Failed,
    /// Called off, or the hold let go.
    Canceled,
    /// Lapsed unpaid.
    Expired,
}

/// One line of what the PSP charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// The PSP's id of the line.
    pub psp_line: String,
    /// How much; in the currency in which the PSP settles.
    pub amount: Money,
}
