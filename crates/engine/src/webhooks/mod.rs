//! Messages of PSPs.
use crate::{Engine, Error};
use ducat_connectors::TrustError;
use ducat_domain::PspAccountId;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is stored; whatever it means is done or scheduled.
    Stored,
    /// It was there already.
    Duplicate,
}

/// Why a message is turned away.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No such account, or not of this PSP.
    #[error("there is no such PSP account")]
    NoAccount,
    /// The sender is not proved.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// It is proved, but cannot be read.
    #[error("the message cannot be read")]
    Malformed,
    /// Something of ours failed; the PSP will send it again.
    #[error(transparent)]
    Failed(#[from] Error),
}

#[allow(unused_variables)]
/// Verifies, stores and applies a message. `header` looks a header up by its name in lower case.
pub async fn receive(engine: &Engine, psp: &str, account: PspAccountId, header: impl Fn(&str) -> Option<String>, body: &[u8]) -> Result<Received, ReceiveError> { unreachable!() }
