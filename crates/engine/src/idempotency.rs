//! Requests that may come twice: the caller's key, and the answer that is given again byte for byte.

/// The caller's key with a digest of what was asked.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// The `Idempotency-Key`, 1 to 255 characters.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub fingerprint: [u8; 32],
}

/// What kind of answer it is. The web alone knows which HTTP status that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// Something new was made.
    Created,
    /// It was there already, or was changed.
    Done,
    /// It is written down, and goes on by itself.
    Accepted,
}

impl AnswerKind {
    /// The kind as text, as it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Done => "done",
            Self::Accepted => "accepted",
        }
    }

    /// The kind with this text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Created, Self::Done, Self::Accepted].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What kind.
    pub kind: AnswerKind,
    /// The JSON body.
    pub body: Vec<u8>,
    /// Whether it is a stored answer given again.
    pub replayed: bool,
}
