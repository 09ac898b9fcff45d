//! One try: signed anew, sent, and looked at.

use super::redact;
use crate::psp::Outgoing;
use crate::webhook_endpoints::EndpointKeys;
use crate::{Engine, Error};
use ducat_connectors::{HttpMethod, HttpReply, Reply};
use ducat_domain::webhooks::{DeliveryTry, TryAnswer, WebhookEndpoint};
use ducat_domain::{EventId, Secret, Timestamp};
use std::time::Duration;

/// How long a receiver may take, from the name of its host to the head of its answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// The headers of an answer that are kept, and how much of each.
const KEPT_HEADERS: &[&str] =
    &["content-type", "content-length", "date", "location", "retry-after", "server", "request-id", "x-request-id"];
const KEPT_OF_A_HEADER: usize = 256;

/// What is shown instead of the signatures: enough to see which there were.
const SIGNATURE: &str = "webhook-signature";

/// How long an overloaded receiver is left alone when it does not say.
const REST: Duration = Duration::from_secs(5);

/// What is to be carried.
pub(crate) struct Parcel<'a> {
    /// Where to.
    pub endpoint: &'a WebhookEndpoint,
    /// What it is signed with.
    pub keys: &'a EndpointKeys,
    /// The event that it tells of.
    pub event: EventId,
    /// What is sent.
    pub body: &'a [u8],
    /// Which try it is.
    pub number: u32,
}

/// What came of a try.
pub(crate) struct Carried {
    /// The try, as it is written down.
    pub went: DeliveryTry,
    /// The receiver is gone for good (410).
    pub gone: bool,
    /// The receiver wants to be left alone for so long.
    pub rest: Option<Duration>,
}

impl Carried {
    /// Whether the receiver took it.
    pub fn arrived(&self) -> bool {
        self.went.error.is_none()
    }
}

/// Signs the body and brings it to the endpoint. An error is one of ours; what the receiver does is an outcome.
pub(crate) async fn carry(engine: &Engine, parcel: Parcel<'_>) -> Result<Carried, Error> {
    let (endpoint, at) = (parcel.endpoint, engine.now());
    let id = parcel.event.to_string();
    let signature = parcel.keys.sign(&id, at, parcel.body)?;
    let headers = vec![
        ("content-type".to_owned(), Secret::new("application/json")),
        ("webhook-id".to_owned(), Secret::new(id)),
        ("webhook-timestamp".to_owned(), Secret::new(at.as_seconds().to_string())),
        (SIGNATURE.to_owned(), signature),
    ];
    let request_headers = headers.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect();
    let request =
        Outgoing { method: HttpMethod::Post, url: endpoint.url.clone(), headers, body: parcel.body.to_vec(), timeout: TIMEOUT };
    let begun = engine.courier().elapsed();
    let reply = engine.courier().send(request).await;
    let took = engine.courier().elapsed().saturating_sub(begun);
    let error = error(&reply);
    let answer = reply.as_ref().ok();
    Ok(Carried {
        gone: answer.is_some_and(|reply| reply.status == 410),
        rest: answer.filter(|_| error.is_some()).and_then(|reply| rest(reply, at)),
        went: DeliveryTry {
            number: parcel.number,
            at,
            took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            url: endpoint.url.clone(),
            request_headers,
            answer: answer.map(kept),
            error,
        },
    })
}

/// A header of ours as it is kept: of signatures only their kinds.
fn shown(name: &str, value: &Secret) -> String {
    if name != SIGNATURE {
        return value.expose().to_owned();
    }
    let kinds = value.expose().split(' ').filter_map(|signature| signature.split(',').next());
    kinds.map(|kind| format!("{kind},[redacted]")).collect::<Vec<_>>().join(" ")
}

/// Why it did not arrive. Only 2xx says that it did: a redirect is not followed.
fn error(reply: &Reply) -> Option<String> {
    match reply {
        Ok(reply) if (200..300).contains(&reply.status) => None,
        Ok(reply) if (300..400).contains(&reply.status) => Some("redirects are not followed; give the address itself".into()),
        Ok(reply) if reply.status == 410 => Some("the receiver does not want deliveries any more (410)".into()),
        Ok(reply) => Some(format!("the receiver answered {}", reply.status)),
        Err(failure) => Some(redact::redacted(&failure.to_string())),
    }
}

/// How long the receiver wants to be left alone: as it says, or for a moment where it is overloaded and does not say.
fn rest(reply: &HttpReply, now: Timestamp) -> Option<Duration> {
    let said = reply.header("retry-after").and_then(|text| {
        let text = text.trim();
        let seconds = text.parse().ok().map(Duration::from_secs);
        seconds.or_else(|| Timestamp::parse_http_date(text).map(|until| until.since(now)))
    });
    said.or_else(|| matches!(reply.status, 429 | 502 | 504).then_some(REST))
}

fn kept(reply: &HttpReply) -> TryAnswer {
    let keep = |(name, value): &(String, String)| {
        let beginning: String = value.chars().take(KEPT_OF_A_HEADER).collect();
        KEPT_HEADERS.contains(&name.as_str()).then(|| (name.clone(), redact::redacted(&beginning)))
    };
    let (body, truncated) = redact::head(&reply.body);
    TryAnswer { status: reply.status, headers: reply.headers.iter().filter_map(keep).collect(), body, truncated }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, headers: &[(&str, &str)]) -> HttpReply {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        HttpReply { status, headers, body: b"no".to_vec() }
    }

    #[test]
    fn only_2xx_is_success() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(error(&Ok(reply(status, &[]))), None, "{status}");
        }
        for status in [199, 300, 301, 304, 308, 400, 404, 410, 429, 500, 503] {
            assert!(error(&Ok(reply(status, &[]))).is_some(), "{status}");
        }
    }

    #[test]
    fn a_receiver_says_how_long_it_wants_to_be_left_alone() {
        let now = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
        let rest = |status, header: Option<&str>| {
            rest(&reply(status, &header.map(|h| ("retry-after", h)).into_iter().collect::<Vec<_>>()), now).map(|d| d.as_secs())
        };
        assert_eq!(rest(503, Some("120")), Some(120));
        assert_eq!(rest(429, Some(" Sat, 21 Nov 2026 10:01:30 GMT")), Some(90));
        assert_eq!(rest(503, Some("Sat, 21 Nov 2020 10:01:30 GMT")), Some(0));
        assert_eq!((rest(429, None), rest(502, Some("soon")), rest(504, None)), (Some(5), Some(5), Some(5)));
        assert_eq!((rest(500, None), rest(503, None)), (None, None));
    }

    #[test]
    fn of_signatures_only_their_kinds_are_kept_and_of_headers_only_a_few() {
        assert_eq!(shown(SIGNATURE, &Secret::new("v1a,abc= v1,def= v1,ghi=")), "v1a,[redacted] v1,[redacted] v1,[redacted]");
        let kept =
            kept(&reply(200, &[("set-cookie", "session=1"), ("server", &"x".repeat(999)), ("location", "/4242424242424242")]));
        assert_eq!(kept.headers[0].1.len(), KEPT_OF_A_HEADER);
        assert_eq!(kept.headers[1..], [("location".to_owned(), "/[redacted]".to_owned())]);
    }
}
