//! How Stripe's replies are read, and the one place where a failure of the talk gets its name.
//! Sources: Stripe's pages on errors, low-level errors and idempotent requests.

use super::objects::{ApiError, ErrorBody, Object};
use crate::wire::retry_after;
use crate::{Fault, HttpReply, Reply, SendFailure};
use ducat_domain::payments::{Decline, DeclineCode};
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;

/// How long to stay away when Stripe says that trying again now is of no use.
const NOT_SOON: Duration = Duration::from_secs(60);

/// What a request wanted, which decides what its failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To look: asking again does no harm.
    Look,
    /// To act, under a key: it may have happened.
    Act,
}

/// A reply that says something.
#[derive(Debug)]
pub(super) enum Answer<T> {
    /// What was asked for.
    Good(T),
    /// Stripe understood and said no; nothing happened.
    Refused(Refusal),
}

/// Why Stripe said no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: u16,
    pub error: Box<ApiError>,
}

/// Reads a reply. Every fault of every operation is named here.
pub(super) fn read<T: Object>(reply: &Reply, asked: Asked) -> Result<Answer<T>, Fault> {
    let reply = reply.as_ref().map_err(|failure| unanswered(failure, asked))?;
    match reply.status {
        200..=299 => parse(reply).map(Answer::Good).ok_or_else(|| garbage(reply, asked)),
        401 | 403 => Err(Fault::Config(seen(reply))),
        409 | 429 => Err(retry(reply)),
        400..=499 if wants_retry(reply) == Some(true) => Err(retry(reply)),
        // Stripe was let down by somebody else, or a proxy gave up waiting: whether it happened is open.
        408 | 424 | 500..=599 => Err(broken(reply, asked)),
        400..=499 => refused(reply),
        _ => Err(Fault::Protocol(seen(reply))),
    }
}

/// Reads a reply to a question whose refusal would make no sense.
pub(super) fn look<T: Object>(reply: &Reply) -> Result<T, Fault> {
    match read(reply, Asked::Look)? {
        Answer::Good(object) => Ok(object),
        Answer::Refused(refusal) => Err(refusal.unexpected()),
    }
}

impl Refusal {
    /// Whether there is no such object.
    pub(super) fn is_missing(&self) -> bool {
        self.status == 404 && self.error.code.as_deref() == Some("resource_missing")
    }

    /// The refusal as an outcome: a decline of the card, or of our request.
    pub(super) fn decline(&self) -> Decline {
        if self.status == 402 && self.error.kind.as_deref() == Some("card_error") {
            return super::declines::decline(&self.error);
        }
        let word = self.error.code.as_deref().or(self.error.kind.as_deref());
        Decline { psp_code: word.map(str::to_owned), ..Decline::of(DeclineCode::RefusedByPsp) }
    }

    /// The refusal as a fault, where it was not to be expected.
    pub(super) fn unexpected(&self) -> Fault {
        Fault::Protocol(self.to_string())
    }
}

/// The codes only: messages may repeat what was sent.
impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = self.error.code.as_deref().or(self.error.kind.as_deref()).unwrap_or("no code");
        write!(f, "HTTP {}, {}", self.status, shown(word))?;
        match &self.error.param {
            Some(param) => write!(f, " ({})", shown(param)),
            None => Ok(()),
        }
    }
}

fn unanswered(failure: &SendFailure, asked: Asked) -> Fault {
    match (failure, asked) {
        (SendFailure::Lost(why), Asked::Act) => Fault::Unknown(why.clone()),
        (SendFailure::Lost(why) | SendFailure::NotSent(why), _) => Fault::Retry { reason: why.clone(), after: None },
    }
}

fn garbage(reply: &HttpReply, asked: Asked) -> Fault {
    let reason = format!("{}, but not the JSON that was expected", seen(reply));
    match asked {
        Asked::Act => Fault::Unknown(reason),
        Asked::Look => Fault::Retry { reason, after: None },
    }
}

/// Not processed: a key in use, too many requests, a busy object, or Stripe's own advice.
fn retry(reply: &HttpReply) -> Fault {
    let wait = (wants_retry(reply) == Some(false)).then_some(NOT_SOON);
    Fault::Retry { reason: seen(reply), after: retry_after(reply).max(wait) }
}

fn broken(reply: &HttpReply, asked: Asked) -> Fault {
    let replayed = reply.header("idempotent-replayed").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    match asked {
        Asked::Look => retry(reply),
        // The same key would bring the same error for as long as Stripe remembers it.
        Asked::Act if replayed || wants_retry(reply) == Some(false) => Fault::Stuck(seen(reply)),
        Asked::Act => Fault::Unknown(seen(reply)),
    }
}

fn refused<T>(reply: &HttpReply) -> Result<Answer<T>, Fault> {
    let Ok(ErrorBody { error }) = serde_json::from_slice(&reply.body) else {
        return Err(Fault::Protocol(format!("{}, and not in Stripe's words", seen(reply))));
    };
    let refusal = Refusal { status: reply.status, error: Box::new(error) };
    match refusal.error.kind.as_deref() {
        Some("card_error" | "invalid_request_error") => Ok(Answer::Refused(refusal)),
        // The key was used for something else, or a kind of error that did not exist when this was written.
        _ => Err(refusal.unexpected()),
    }
}

/// What an object says of itself.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    object: Cow<'a, str>,
}

fn parse<T: Object>(reply: &HttpReply) -> Option<T> {
    // Read twice, which costs less than a tree of everything that is in it.
    let text = std::str::from_utf8(&reply.body).ok()?;
    let Named { object } = serde_json::from_str(text).ok()?;
    if object != T::KIND {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Stripe's advice to its own libraries.
fn wants_retry(reply: &HttpReply) -> Option<bool> {
    match reply.header("stripe-should-retry")? {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// What is said of a reply in a log: enough for Stripe's support to find it, nothing of its body.
fn seen(reply: &HttpReply) -> String {
    match reply.header("request-id") {
        Some(id) => format!("HTTP {} ({})", reply.status, shown(id)),
        None => format!("HTTP {}", reply.status),
    }
}

/// A foreign word as it may stand in a log: short and plain.
pub(super) fn shown(word: &str) -> String {
    word.chars().take(64).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// A word of an enumeration that did not exist when this was written.
pub(super) fn strange(what: &str, word: Option<&str>) -> Fault {
    Fault::Protocol(format!("{what} {}", word.map_or_else(|| "missing".to_owned(), shown)))
}

#[cfg(test)]
mod tests {
    use super::super::objects::Session;
    use super::super::samples::{error, json, reply, session};
    use super::*;
    use proptest::prelude::*;

    fn fault(reply: &Reply, asked: Asked) -> Fault {
        match read::<Session>(reply, asked) {
            Err(fault) => fault,
            Ok(answer) => panic!("no fault: {answer:?}"),
        }
    }

    fn with(status: u16, headers: &[(&str, &str)]) -> Reply {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Ok(HttpReply { status, headers, body: b"{}".to_vec() })
    }

    #[test]
    fn what_was_never_sent_may_be_sent_again() {
        let failure = Err(SendFailure::NotSent("no route".into()));
        for asked in [Asked::Look, Asked::Act] {
            assert!(matches!(fault(&failure, asked), Fault::Retry { after: None, .. }));
        }
    }

    #[test]
    fn a_lost_answer_is_unknown_for_what_acts_and_harmless_for_what_looks() {
        let failure = Err(SendFailure::Lost("time-out".into()));
        assert_eq!(fault(&failure, Asked::Act), Fault::Unknown("time-out".into()));
        assert!(matches!(fault(&failure, Asked::Look), Fault::Retry { .. }));
    }

    #[test]
    fn bad_credentials_are_a_matter_of_configuration() {
        for status in [401, 403] {
            assert!(matches!(fault(&error(status, "invalid_request_error", None), Asked::Act), Fault::Config(_)));
        }
    }

    #[test]
    fn a_key_in_use_and_a_limit_are_tried_again_when_stripe_says() {
        assert!(matches!(fault(&with(409, &[]), Asked::Act), Fault::Retry { after: None, .. }));
        let limited = with(429, &[("retry-after", "7")]);
        assert!(matches!(fault(&limited, Asked::Act), Fault::Retry { after: Some(wait), .. } if wait.as_secs() == 7));
        let discouraged = with(429, &[("retry-after", "7"), ("stripe-should-retry", "false")]);
        assert!(matches!(fault(&discouraged, Asked::Act), Fault::Retry { after: Some(NOT_SOON), .. }));
    }

    #[test]
    fn a_server_error_is_unknown_for_what_acts_and_stuck_once_it_is_repeated_from_the_store() {
        for status in [500, 502, 503, 504, 424, 408] {
            assert!(matches!(fault(&with(status, &[]), Asked::Act), Fault::Unknown(_)), "{status}");
            assert!(matches!(fault(&with(status, &[]), Asked::Look), Fault::Retry { .. }), "{status}");
            let replayed = with(status, &[("idempotent-replayed", "true")]);
            assert!(matches!(fault(&replayed, Asked::Act), Fault::Stuck(_)), "{status}");
        }
        // Stripe's word that a retry is fine does not say that nothing happened.
        assert!(matches!(fault(&with(500, &[("stripe-should-retry", "true")]), Asked::Act), Fault::Unknown(_)));
        assert!(matches!(fault(&with(500, &[("stripe-should-retry", "false")]), Asked::Act), Fault::Stuck(_)));
    }

    #[test]
    fn stripe_may_ask_for_another_try_after_a_refusal() {
        assert!(matches!(fault(&with(400, &[("stripe-should-retry", "true")]), Asked::Act), Fault::Retry { .. }));
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_unknown_for_what_acts() {
        for body in ["", "{", "<html>", "[]", "null", r#"{"object":"refund","id":"re_1"}"#, r#"{"object":"checkout.session"}"#] {
            assert!(matches!(fault(&reply(200, body), Asked::Act), Fault::Unknown(_)), "{body}");
            assert!(matches!(fault(&reply(200, body), Asked::Look), Fault::Retry { .. }), "{body}");
        }
    }

    #[test]
    fn redirects_and_foreign_errors_are_not_guessed_at() {
        for strange in [
            reply(301, ""),
            reply(100, ""),
            reply(404, "<html>"),
            error(400, "idempotency_error", None),
            error(400, "news", None),
        ] {
            assert!(matches!(fault(&strange, Asked::Act), Fault::Protocol(_)), "{strange:?}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_code_and_shows_no_message() {
        let body = r#"{"error":{"type":"invalid_request_error","code":"amount_too_small","param":"amount","message":"sk_live_1 said so"}}"#;
        let Ok(Answer::Refused(refusal)) = read::<Session>(&reply(400, body), Asked::Act) else { panic!() };
        assert_eq!(refusal.decline().psp_code.as_deref(), Some("amount_too_small"));
        assert_eq!(refusal.to_string(), "HTTP 400, amount_too_small (amount)");
    }

    #[test]
    fn a_log_can_name_the_request() {
        let reply = with(500, &[("request-id", "req_1\nforged")]);
        assert_eq!(fault(&reply, Asked::Act), Fault::Unknown("HTTP 500 (req_1?forged)".into()));
    }

    #[test]
    fn fields_that_stripe_adds_do_not_matter() {
        let mut value = session("open");
        value["brand_new"] = serde_json::json!({"nested": [1]});
        assert!(matches!(read::<Session>(&json(&value), Asked::Look), Ok(Answer::Good(_))));
    }

    proptest! {
        #[test]
        fn no_reply_makes_the_reader_panic(status: u16, body: Vec<u8>, name in "[a-z-]{0,22}", value in ".*") {
            let reply = Ok(HttpReply { status, headers: vec![(name, value)], body });
            let _ = read::<Session>(&reply, Asked::Act);
            let _ = read::<Session>(&reply, Asked::Look);
        }
    }
}
