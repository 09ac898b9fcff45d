//! What went wrong between us and the gateway, as one sentence that says what to do.

use ducat_connectors::HttpReply;
use serde::Deserialize;
use std::fmt;

/// Why a request came to nothing.
#[derive(Debug)]
pub enum TalkError {
    /// Nobody is there.
    Unreachable(String),
    /// No answer, or not a whole one: what was asked may have been done.
    Lost(String),
    /// The gateway does not know the key.
    WrongKey {
        /// What it said.
        refusal: Box<Refusal>,
        /// Where we had the key from.
        key_source: String,
    },
    /// The gateway said no.
    Refused(Box<Refusal>),
    /// Something answered that is no gateway of ours.
    Strange {
        /// What it said, for a person.
        told: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is no JSON of ours.
    Unreadable(String),
}

/// A refusal, as RFC 9457 writes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Refusal {
    status: u16,
    title: String,
    detail: String,
    /// Stable, for programs.
    pub code: String,
    param: Option<String>,
    request_id: String,
}

/// The refusal in an answer; nothing where there is none of ours.
pub fn read_refusal(reply: &HttpReply) -> Option<Box<Refusal>> {
    serde_json::from_slice(&reply.body).ok()
}

/// The last cause in what the HTTP client says, such as `Connection refused (os error 111)`: what comes before says only that it failed.
pub fn cause(why: &str) -> &str {
    why.rsplit(": ").next().unwrap_or(why)
}

impl TalkError {
    pub(super) fn unreachable(url: &str, why: &str) -> Self {
        let why = cause(why);
        Self::Unreachable(format!("{url} does not answer ({why}); is `ducat serve` running there? Another address: --url"))
    }

    pub(super) fn lost(url: &str, why: &str) -> Self {
        let why = cause(why);
        Self::Lost(format!("the answer of {url} was lost ({why}); what was asked may have been done all the same"))
    }

    pub(super) fn strange(url: &str, status: u16) -> Self {
        Self::Strange { told: format!("{url} answers {status}, and not as Ducat does; is it the right address?"), status }
    }

    /// Whether it may go away by itself: the gateway is down, restarting or has too much to do.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) => true,
            Self::Refused(refusal) => refusal.status == 429 || refusal.status >= 500,
            Self::Strange { status, .. } => matches!(status, 502..=504),
            Self::WrongKey { .. } | Self::Unreadable(_) => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = if self.detail.is_empty() { &self.title } else { &self.detail };
        write!(f, "{} ({}", told.trim_end_matches('.'), self.code)?;
        if let Some(param) = &self.param {
            write!(f, " at {param}")?;
        }
        write!(f, ", {})", self.request_id)
    }
}

impl fmt::Display for TalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(told) | Self::Lost(told) | Self::Strange { told, .. } => f.write_str(told),
            Self::WrongKey { refusal, key_source } => {
                write!(f, "{refusal}; the key came from {key_source}. Another one: --api-key or DUCAT_API_KEY")
            }
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unreadable(why) => write!(f, "the gateway's answer cannot be read: {why}"),
        }
    }
}

impl std::error::Error for TalkError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> HttpReply {
        HttpReply { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_refusal_is_one_sentence_with_its_code_and_the_request() {
        let body = r#"{"type":"/docs/errors/not_found","title":"There is no such thing","status":404,
            "detail":"There is no such payment order.","code":"not_found","request_id":"req_1"}"#;
        let refusal = read_refusal(&reply(404, body)).unwrap();
        assert_eq!(refusal.to_string(), "There is no such payment order (not_found, req_1)");
        assert!(!TalkError::Refused(refusal).may_pass());
        assert!(read_refusal(&reply(404, "<html>")).is_none());
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        let busy = |status| {
            let body = format!(r#"{{"title":"t","status":{status},"detail":"d","code":"c","param":"/x","request_id":"r"}}"#);
            TalkError::Refused(read_refusal(&reply(status, &body)).unwrap())
        };
        assert!(busy(503).may_pass() && busy(429).may_pass() && !busy(409).may_pass());
        assert_eq!(busy(409).to_string(), "d (c at /x, r)");
        assert!(TalkError::strange("http://x", 502).may_pass() && !TalkError::strange("http://x", 404).may_pass());
    }
}
