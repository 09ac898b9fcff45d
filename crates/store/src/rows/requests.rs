//! Messages of PSPs, and requests that may be repeated.

use ducat_domain::Timestamp;

/// What became of a PSP's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxState {
    /// It moved the order.
    Applied,
    /// It said nothing new, or nothing that concerns us.
    Ignored,
    /// The PSP is asked because of it.
    Checked,
    /// It does not fit what we know; its body is kept for a person.
    Refused,
}

impl InboxState {
    /// The state as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Ignored => "ignored",
            Self::Checked => "checked",
            Self::Refused => "refused",
        }
    }
}

/// An answer that is given again, byte for byte, when the request comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// What kind of answer, in the engine's words.
    pub kind: String,
    /// The body, of whatever bytes. It is packed when it is written and unpacked when it is read.
    pub body: Vec<u8>,
}

/// What is kept of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// What was asked, digested.
    pub fingerprint: [u8; 32],
    /// Until when nobody else may take the request over, while it is not answered.
    pub locked_until: Timestamp,
    /// What it is about, while it is not answered: the bytes of an id.
    pub subject: Option<[u8; 16]>,
    /// The answer, once there is one.
    pub answer: Option<StoredAnswer>,
}
