//! What the engine reads about a PSP as data.

use std::collections::BTreeMap;
use std::time::Duration;

/// A PSP, described.
#[derive(Debug)]
pub struct Spec {
    /// The name in our API: `stripe`.
    pub name: &'static str,
    /// The name for people: `Stripe`.
    pub title: &'static str,
    /// Where its API lives.
    pub base: &'static str,
    /// What of its API lives elsewhere: the beginning of the path, and the base there.
    pub elsewhere: &'static [(&'static str, &'static str)],
    /// Which setting holds another base, for a sandbox; it counts for all of the API.
    pub base_setting: &'static str,
    /// How a request proves who sends it.
    pub auth: Auth,
    /// Headers on every request: API version and the like.
    pub headers: &'static [(&'static str, &'static str)],
    /// How a request is made to happen once.
    pub idempotency: Idempotency,
    /// How a registration is found after its answer was lost.
    pub find: Find,
    /// How its messages are proved.
    pub trust: Trust,
    /// What an account needs.
    pub settings: &'static [Setting],
    /// What it can do.
    pub capabilities: &'static [Capability],
    /// What can be said to a dispute, where the PSP takes evidence.
    pub evidence: Option<EvidenceRules>,
    /// How long after a registration the PSP may still finish processing it, unseen by a look-up.
    pub processing_window: Duration,
}

/// How a request proves who sends it.
#[derive(Clone, Copy, Debug)]
pub enum Auth {
    /// `Authorization: Bearer` with the value of this setting.
    Bearer(&'static str),
}

/// How a request is made to happen once at the PSP.
#[derive(Clone, Copy, Debug)]
pub struct Idempotency {
    /// The header that carries the key.
    pub header: &'static str,
    /// How long the PSP remembers a key, at least.
    pub lifetime: Duration,
    /// What a repeated key gives after an error.
    pub errors: ErrorReplay,
}

/// What a repeated key gives after the first request failed inside the PSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorReplay {
    /// The stored error, again and again.
    Stored,
    /// A new try.
    Executed,
}

/// How a registration is found by our own reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// By going through the PSP's list from a time on.
    Listing,
    /// Not at all.
    Never,
}

/// How the PSP's messages are proved. There is no default: a PSP that does not sign would have to be written down as such.
#[derive(Clone, Copy, Debug)]
pub enum Trust {
    /// A header `t=<unix seconds>,v1=<hex>,…`: HMAC-SHA256 over `t.body` with the whole secret; any `v1` may match.
    TimestampedHmacSha256 {
        /// The header, in lower case.
        header: &'static str,
        /// The setting that holds the secrets; several are separated by a space while one is being replaced.
        secret_setting: &'static str,
        /// How far the time may be from ours, either way.
        tolerance: Duration,
    },
}

/// One setting of an account.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the API.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// Whether an account is useless without it.
    pub required: bool,
    /// Whether it must never be shown again.
    pub secret: bool,
}

/// What a PSP can do with one method.
#[derive(Debug)]
pub struct Capability {
    /// Our name of the method: `hosted`.
    pub method: &'static str,
    /// ISO codes; empty for all.
    pub currencies: &'static [&'static str],
    /// The least amount in minor units, by currency; the rest has none but 1.
    pub minimums: &'static [(&'static str, i64)],
    /// The largest amount in minor units.
    pub maximum: i64,
    /// What may be done.
    pub operations: &'static [Operations],
    /// For how long after a payment it can be given back; without one, for ever.
    pub refund_window: Option<Duration>,
}

/// What can be said and shown to a dispute.
#[derive(Debug)]
pub struct EvidenceRules {
    /// The texts, by the names of their fields.
    pub texts: &'static [TextField],
    /// The names of the fields that take a file.
    pub files: &'static [&'static str],
    /// How many characters all texts may have together.
    pub text_limit: usize,
    /// How many bytes a file may have.
    pub file_limit: usize,
    /// The media types that a file may be of.
    pub media_types: &'static [&'static str],
}

/// A field of evidence that takes a text.
#[derive(Clone, Copy, Debug)]
pub struct TextField {
    /// Its name.
    pub name: &'static str,
    /// How many characters it may have.
    pub limit: usize,
}

/// What is wrong with evidence, by the name of the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// There is no such field, or it takes the other kind.
    #[error("evidence has no field {field} that takes a {kind}")]
    UnknownField {
        /// The name that was given.
        field: String,
        /// `text` or `file`.
        kind: &'static str,
    },
    /// The text has too many characters.
    #[error("the evidence in {field} has more than {limit} characters")]
    TextTooLong {
        /// Which field.
        field: String,
        /// What it may have.
        limit: usize,
    },
    /// All texts together have too many characters.
    #[error("the evidence has more than {limit} characters in all")]
    TooMuchText {
        /// What it may have.
        limit: usize,
    },
    /// The file is empty or too large.
    #[error("the file in {field} must have from 1 to {limit} bytes")]
    FileSize {
        /// Which field.
        field: String,
        /// What it may have.
        limit: usize,
    },
    /// The file is of another kind than the PSP takes.
    #[error("the file in {field} must be one of {kinds}")]
    MediaType {
        /// Which field.
        field: String,
        /// What it may be.
        kinds: String,
    },
}

impl EvidenceError {
    /// The name of the field that is wrong; nothing where it is all of them together.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::UnknownField { field, .. }
            | Self::TextTooLong { field, .. }
            | Self::FileSize { field, .. }
            | Self::MediaType { field, .. } => Some(field),
            Self::TooMuchText { .. } => None,
        }
    }
}

impl EvidenceRules {
    /// Checks one text.
    pub fn check_text(&self, name: &str, text: &str) -> Result<(), EvidenceError> {
        let known = self.texts.iter().find(|field| field.name == name);
        let Some(TextField { limit, .. }) = known else {
            return Err(EvidenceError::UnknownField { field: name.to_owned(), kind: "text" });
        };
        if text.chars().count() > *limit {
            return Err(EvidenceError::TextTooLong { field: name.to_owned(), limit: *limit });
        }
        Ok(())
    }

    /// Checks all texts, each and together.
    pub fn check_texts(&self, texts: &BTreeMap<String, String>) -> Result<(), EvidenceError> {
        for (name, text) in texts {
            self.check_text(name, text)?;
        }
        let all: usize = texts.values().map(|text| text.chars().count()).sum();
        if all <= self.text_limit { Ok(()) } else { Err(EvidenceError::TooMuchText { limit: self.text_limit }) }
    }

    /// Checks one file by what is said of it.
    pub fn check_file(&self, name: &str, media_type: &str, bytes: usize) -> Result<(), EvidenceError> {
        let field = name.to_owned();
        if !self.files.contains(&name) {
            return Err(EvidenceError::UnknownField { field, kind: "file" });
        }
        if !self.media_types.contains(&media_type) {
            return Err(EvidenceError::MediaType { field, kinds: self.media_types.join(", ") });
        }
        if bytes == 0 || bytes > self.file_limit {
            return Err(EvidenceError::FileSize { field, limit: self.file_limit });
        }
        Ok(())
    }
}

/// What may be done with a payment at a PSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operations {
    /// Authorise now, capture later.
    ManualCapture,
    /// Capture less than was authorised.
    PartialCapture,
    /// Capture in several parts.
    MultiCapture,
    /// Capture more than was authorised.
    OverCapture,
    /// Let a hold go.
    Void,
    /// Give money back, whole.
    Refund,
    /// Give money back in parts.
    PartialRefund,
    /// Look it up by the PSP's token.
    Fetch,
    /// Look it up by our reference.
    Find,
    /// End it unpaid.
    Close,
}
