//! The one place where the engine's errors become HTTP statuses.

use super::catalogue as kinds;
use super::{Kind, Problem};
use ducat_engine::api_keys::AuthError;
use ducat_engine::webhooks::ReceiveError;
use ducat_engine::{Error, Problem as Refusal};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(refusal) => refused(&kinds::INVALID_VALUE, refusal),
            Error::Conflict(refusal) => refused(&kinds::CONFLICT, refusal),
            Error::NotFound(what) => Self::not_found(what),
            Error::KeyReused => Self::new(
                &kinds::IDEMPOTENCY_KEY_REUSED,
                "This Idempotency-Key was used for another request. Use a new key for a new request.",
            ),
            Error::KeyBusy => {
                Self::new(&kinds::IDEMPOTENCY_IN_PROGRESS, "A request under this Idempotency-Key is still running.")
                    .retry_after(1)
            }
            Error::TooManyDeclines { wait } => Self::too_many_declines(wait),
            Error::Busy => Self::new(&kinds::BUSY, "Too much is waiting already. Nothing was done; try again.").retry_after(1),
            Error::Unavailable(why) => Self::unavailable(why),
            Error::Psp(refusal) if refusal.code == kinds::PSP_ACCOUNT_MISCONFIGURED.code => refused(&kinds::CONFLICT, refusal),
            Error::Psp(refusal) => refused(&kinds::PSP_REFUSED, refusal),
            Error::Mismatch(_) | Error::Duplicate | Error::Internal(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Invalid => Self::unauthorized("The API key is not valid."),
            AuthError::Network => Self::new(&kinds::NETWORK_NOT_ALLOWED, "This API key may not be used from your network."),
            AuthError::Failed(error) => error.into(),
        }
    }
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::NoAccount => Self::not_found("PSP account"),
            ReceiveError::Untrusted(why) => Self::new(&kinds::BAD_SIGNATURE, sentence(&why.to_string())),
            ReceiveError::Malformed => Self::new(&kinds::MALFORMED_MESSAGE, "The message is signed, but cannot be read."),
            ReceiveError::Failed(error) => error.into(),
        }
    }
}

/// A refusal in the engine's words. Where the engine's code has a page of its own, that page decides about the status too, as long as
/// it is of the same family.
fn refused(family: &'static Kind, refusal: Refusal) -> Problem {
    let kind = kinds::find(refusal.code).filter(|kind| kind.status == family.status).unwrap_or(family);
    // The engine says "must be …" of a field: here it gets its subject.
    let subject = refusal.param.as_deref().filter(|_| refusal.detail.starts_with("must ")).map(|p| p.trim_start_matches('/'));
    let detail = subject.map_or_else(|| sentence(&refusal.detail), |name| format!("{name} {}.", refusal.detail));
    Problem {
        code: refusal.code,
        param: refusal.param.map(Into::into),
        members: refusal.members.into(),
        ..Problem::new(kind, detail)
    }
}

/// The text with a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut whole: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    whole.push_str(chars.as_str());
    if !whole.ends_with(['.', '!', '?']) {
        whole.push('.');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use std::time::Duration;

    #[test]
    fn each_failure_of_the_engine_has_its_status() {
        let status = |error: Error| Problem::from(error).status();
        assert_eq!(status(Error::Invalid(Refusal::new("amount_too_small", "too small"))), StatusCode::BAD_REQUEST);
        assert_eq!(status(Error::Conflict(Refusal::new("reference_taken", "taken"))), StatusCode::CONFLICT);
        assert_eq!(status(Error::NotFound("payment order")), StatusCode::NOT_FOUND);
        assert_eq!(status(Error::KeyReused), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(status(Error::KeyBusy), StatusCode::CONFLICT);
        assert_eq!(status(Error::TooManyDeclines { wait: Duration::ZERO }), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(status(Error::Busy), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(Error::Unavailable("gone".into())), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(Error::Internal("secret".into())), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn what_failed_inside_is_for_the_log_only() {
        for error in [Error::Internal("the disk is full".into()), Error::Unavailable("the disk is full".into())] {
            let problem = Problem::from(error);
            assert_eq!(problem.hidden(), Some("the disk is full"));
            assert!(!problem.detail.contains("disk"));
        }
    }
}
