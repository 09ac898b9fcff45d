//! Why a use case came to nothing, in words that the web turns into problems.

use ducat_store::{CommitError, ReadError};
use std::time::Duration;

/// A refusal that the caller can understand and mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// Stable, for machines: `reference_taken`.
    pub code: &'static str,
    /// For people: what is wrong, and what would be right.
    pub detail: String,
    /// A JSON pointer to the field at fault, such as `/line_items/0/quantity`.
    pub param: Option<String>,
    /// What a machine wants to know besides, by name: `claimed_by`.
    pub members: Vec<(&'static str, String)>,
}

impl Problem {
    /// A problem that is not about one field.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), param: None, members: Vec::new() }
    }

    /// A problem with one field.
    pub fn field(code: &'static str, param: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(code, detail) }
    }

    /// The same, with one thing more that a machine wants to know.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.members.push((name, value.into()));
        self
    }
}

/// Why a use case came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is at fault: a field has a value it may not have.
    #[error(transparent)]
    Invalid(Problem),
    /// There is no such thing, or it is another merchant's: the caller cannot tell which.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It cannot be done as things stand.
    #[error(transparent)]
    Conflict(Problem),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A request under this key is still running.
    #[error("a request under this idempotency key is still running")]
    KeyBusy,
    /// A PSP says something that does not fit our books. A person has to look.
    #[error("the PSP's word does not fit our books: {0}")]
    Mismatch(String),
    /// The PSP's message was there already.
    #[error("the message was there already")]
    Duplicate,
    /// The PSP account does not work: wrong key, wrong settings, not reachable.
    #[error(transparent)]
    Psp(Problem),
    /// Too many payments of this customer, or from this address, were declined.
    #[error("too many payments were declined; wait {} s", wait.as_secs())]
    TooManyDeclines {
        /// For how long nothing more is tried.
        wait: Duration,
    },
    /// Too much is waiting already; come again soon.
    #[error("too much is waiting; try again")]
    Busy,
    /// The database could not be read or written, or nobody knows whether it was: who asks again under the same key finds out.
    #[error("{0}")]
    Unavailable(String),
    /// Something of ours failed. The text is for the log, not for the caller.
    #[error("{0}")]
    Internal(String),
}

impl From<ReadError> for Error {
    fn from(e: ReadError) -> Self {
        Self::Unavailable(e.to_string())
    }
}

impl From<CommitError> for Error {
    fn from(e: CommitError) -> Self {
        match e {
            CommitError::Busy => Self::Busy,
            CommitError::Stale => {
                Self::Conflict(Problem::new("changed_meanwhile", "somebody else changed it meanwhile; look and try again"))
            }
            CommitError::Unknown(_) | CommitError::Unavailable(_) => Self::Unavailable(e.to_string()),
            CommitError::Taken(_) | CommitError::Refused(_) | CommitError::BalanceOutOfRange => Self::Internal(e.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_of_which_nobody_knows_may_be_asked_again_like_one_that_could_not_be_made() {
        for lost in [CommitError::Unknown("cut off".into()), CommitError::Unavailable("gone".into())] {
            assert!(matches!(Error::from(lost), Error::Unavailable(_)));
        }
        assert!(matches!(Error::from(CommitError::Refused("a rule".into())), Error::Internal(_)));
    }
}
