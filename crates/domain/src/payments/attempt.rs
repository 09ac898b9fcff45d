//! One try of one order at one PSP account.

use super::{Decline, Fee};
use crate::{AttemptId, PspAccountId, Timestamp};
use serde::{Deserialize, Serialize};

/// How many attempts one order may make.
pub const MAX_ATTEMPTS: u16 = 20;

/// The name of a PSP, in lower case: `stripe`.
pub type PspName = String;

/// The PSP's id for our registration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PspToken(pub String);

/// A try, and how far it came. Its id is also our key at the PSP: one registration per attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its id, and the uniqueness key that the PSP is given.
    pub id: AttemptId,
    /// Whose credentials.
    pub psp_account: PspAccountId,
    /// Which PSP.
    pub psp: PspName,
    /// 1 for the order's first try.
    pub number: u16,
    /// When the registration was first written down; the key's lifetime counts from here.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: AttemptStatus,
    /// The PSP's id for the registration, once we know it.
    pub token: Option<PspToken>,
    /// The PSP's id for the payment behind the registration, where it has one.
    pub psp_payment: Option<String>,
    /// The PSP's page for the customer.
    pub redirect_url: Option<String>,
    /// The last refusal.
    pub decline: Option<Decline>,
    /// How many refusals there were.
    pub declines: u16,
    /// When the PSP is to be asked; never empty while the status is `unknown`.
    pub check_at: Option<Timestamp>,
    /// Minor units authorised at the PSP.
    pub authorized: i64,
    /// Minor units captured at the PSP.
    pub captured: i64,
    /// Minor units that a capture under way will have captured in all; 0 where none is.
    pub capturing: i64,
    /// Minor units given back.
    pub refunded: i64,
    /// Minor units on their way back.
    pub refunding: i64,
    /// Minor units withheld or lost in disputes.
    pub disputed: i64,
    /// How many disputes are not decided.
    pub open_disputes: u16,
    /// The money came although the order was paid by another attempt.
    pub surplus: bool,
    /// What the PSP charged, by its own lines.
    pub fees: Vec<Fee>,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Written down with its key; the PSP is being told.
    Registering,
    /// We told the PSP and cannot tell what happened.
    Unknown,
    /// The PSP knows it and waits for the customer.
    RequiresAction,
    /// The customer acted; the PSP has not said its last word.
    Processing,
    /// The money is held for us.
    Authorized,
    /// The money is ours to receive.
    Captured,
    /// Refused for good.
    Failed,
    /// Called off before any money moved, or the hold was let go.
    Canceled,
    /// The customer did not come in time.
    Expired,
}

impl AttemptStatus {
    /// Every status there is.
    pub const ALL: &[Self] = &[
        Self::Registering,
        Self::Unknown,
        Self::RequiresAction,
        Self::Processing,
        Self::Authorized,
        Self::Captured,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
    ];

    /// The status as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "registering",
            Self::Unknown => "unknown",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// Whether money may still come through it without anything new being asked of the customer or the PSP.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Registering | Self::Unknown | Self::RequiresAction | Self::Processing | Self::Authorized)
    }

    /// Whether the PSP has not yet confirmed the registration.
    pub const fn is_unconfirmed(self) -> bool {
        matches!(self, Self::Registering | Self::Unknown)
    }

    /// Whether it has the money, held or taken.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Authorized | Self::Captured)
    }
}
