//! How PSPs speak. A connector is a pure translator: given an operation and the answers so far it says the next request or the outcome;
//! given a verified message it says what that means. It does no I/O, knows no clock and sees no database.
//!
//! - `spec`: what the engine reads as data: authentication, idempotency, webhook trust, capabilities.
//! - `wire`: requests and replies as values.
//! - `operation`: what the engine can ask for, and what comes of it.
//! - `trust`: the one place where a message becomes a [`VerifiedMessage`].
//! - one folder per PSP.

pub mod operation;
pub mod spec;
pub mod stripe;
pub mod trust;
pub mod wire;

pub use operation::{
    About, Account, EvidenceFile, Fault, Fees, Message, News, Operation, Outcome, Registration, StatementPage, Step,
};
pub use spec::{
    Auth, Capability, ErrorReplay, EvidenceError, EvidenceRules, Find, Idempotency, Operations, Setting, Spec, TextField, Trust,
};
pub use trust::{TrustError, VerifiedMessage, is_signed_at_all, verify};
pub use wire::{HttpMethod, HttpReply, HttpRequest, Reply, SendFailure};

/// A PSP's translator.
pub trait Connector: Send + Sync + 'static {
    /// Everything about the PSP that is data.
    fn spec(&self) -> &'static Spec;

    /// The next request, or the outcome. Called again with each reply appended; the same arguments always give the same answer.
    fn step(&self, operation: &Operation, account: &Account, seen: &[Reply]) -> Result<Step, Fault>;

    /// What a message means. Most PSPs send more kinds than concern us: those mean nothing.
    fn message(&self, message: &VerifiedMessage, account: &Account) -> Result<Message, Fault>;
}

/// Every connector there is. Registering one is one line here.
static CONNECTORS: &[&dyn Connector] = &[&stripe::Stripe];

/// The connector of the PSP with this name.
pub fn connector(psp: &str) -> Option<&'static dyn Connector> {
    CONNECTORS.iter().copied().find(|c| c.spec().name == psp)
}

/// All connectors, for documentation and routing.
pub fn all() -> impl Iterator<Item = &'static dyn Connector> {
    CONNECTORS.iter().copied()
}
