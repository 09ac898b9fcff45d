//! Requests and replies as values. The engine's client sends the one and brings the other.

use std::time::Duration;

/// A request as a connector wants it sent. Authentication, idempotency header and version are added by the client, from the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// GET or POST.
    pub method: HttpMethod,
    /// From the base on, such as `/v1/refunds?limit=3`.
    pub path: String,
    /// The body with its media type; empty for a GET.
    pub body: Vec<u8>,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The key that makes the request happen once at the PSP. Every request that changes something has one.
    pub key: Option<String>,
}

/// What a request does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// Looks.
    Get,
    /// Acts.
    Post,
}

/// An answer that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, with values.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl HttpReply {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// What came of a request.
pub type Reply = Result<HttpReply, SendFailure>;

/// Why no answer arrived. The two kinds must never be confused: only the first is safe to call "not done".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// It surely never reached the PSP: no connection, no address.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// It may have: time-out, lost connection, half an answer.
    #[error("the answer was lost: {0}")]
    Lost(String),
}

/// How long a PSP asked us to wait.
pub(crate) fn retry_after(reply: &HttpReply) -> Option<Duration> {
    let seconds: u64 = reply.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}
