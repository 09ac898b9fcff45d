//! Sending one event to the program: signed, and again where it does not answer.

use crate::gateway::{Event, cause};
use crate::output::{Tone, moment, paint};
use crate::system::SystemClock;
use ducat_connectors::{HttpMethod, SendFailure};
use ducat_domain::{Clock, Secret};
use ducat_engine::deliveries::signature::{self, KeyError, SharedSecret};
use ducat_engine::psp::{HttpTransport, Outgoing, Transport};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// How long the program may take to answer, as with the gateway's own webhooks.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often an event is sent to a program that does not answer, and the first rest between, which doubles.
const TRIES: u32 = 5;
const FIRST_REST: Duration = Duration::from_millis(500);

/// The program that takes the events.
pub struct Receiver<'a> {
    /// How it is reached.
    pub transport: &'a HttpTransport,
    /// Where it is.
    pub url: Url,
    /// What it verifies the signature with.
    pub secret: SharedSecret,
}

/// What became of an event.
pub struct Forwarded {
    /// The program's status, or why there is none.
    pub answer: Result<u16, String>,
    took: Duration,
    tries: u32,
}

impl Receiver<'_> {
    /// Sends an event until the program answers, or has been silent too often.
    pub async fn forward(&self, event: &Event) -> Forwarded {
        let body = body(event);
        let mut rest = FIRST_REST;
        for tries in 1.. {
            let begun = self.transport.elapsed();
            let request = match self.request(event, &body) {
                Ok(request) => request,
                Err(e) => return Forwarded { answer: Err(e.to_string()), took: Duration::ZERO, tries },
            };
            let reply = self.transport.send(request).await;
            let took = self.transport.elapsed().saturating_sub(begun);
            let why = match reply {
                Ok(reply) => return Forwarded { answer: Ok(reply.status), took, tries },
                Err(SendFailure::NotSent(why) | SendFailure::Lost(why)) => cause(&why).to_owned(),
            };
            if tries == TRIES {
                return Forwarded { answer: Err(why), took, tries };
            }
            if tries == 1 {
                eprintln!("ducat: {} does not answer ({why}); trying again", self.url);
            }
            tokio::time::sleep(rest).await;
            rest *= 2;
        }
        unreachable!("the last try returns")
    }

    fn request(&self, event: &Event, body: &str) -> Result<Outgoing, KeyError> {
        // Each try is signed anew: a receiver refuses what is older than a few minutes.
        let seconds = SystemClock.now().as_seconds();
        let secrets = std::slice::from_ref(&self.secret);
        let signature = signature::header(None, secrets, &event.id, seconds, body.as_bytes())?;
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", event.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        Ok(Outgoing {
            method: HttpMethod::Post,
            url: self.url.to_string(),
            headers: headers.map(|(name, value)| (name.to_owned(), Secret::new(value))).to_vec(),
            body: body.as_bytes().to_vec(),
            timeout: PATIENCE,
        })
    }
}

/// The event as the API writes it, with `timestamp` at its end, as Standard Webhooks wants it.
pub fn body(event: &Event) -> String {
    let text = event.text.get().trim_end();
    let open = text.strip_suffix('}').unwrap_or(text);
    format!("{open},\"timestamp\":{}}}", event.fields["created_at"])
}

impl Forwarded {
    /// Whether the program took it.
    pub fn is_taken(&self) -> bool {
        matches!(self.answer, Ok(200..=299))
    }

    /// One line for a person.
    pub fn line(&self, event: &Event) -> String {
        let tone = if self.is_taken() { Tone::Good } else { Tone::Bad };
        let answer = match &self.answer {
            Ok(status) => paint(&format!("{status} in {} ms", self.took.as_millis()), tone),
            Err(why) => paint(&format!("no answer after {} tries ({why})", self.tries), tone),
        };
        format!("{}  {:<33}  {}  {}  {answer}", moment(&event.fields["created_at"]), event.kind, event.subject(), event.id)
    }

    /// The same for a program.
    pub fn json(&self, event: &Event) -> Value {
        json!({
            "event": event.id, "type": event.kind, "subject": event.subject(), "taken": self.is_taken(),
            "status": self.answer.as_ref().ok(), "error": self.answer.as_ref().err(), "tries": self.tries,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_the_event_to_the_letter_with_its_moment_at_the_end() {
        let text = r#"{"id":"evt_1","type":"payment_order.pending", "created_at":"2026-11-21T07:18:13Z","data":{"z":1,"a":"}"}}"#;
        let event = Event::read(serde_json::value::RawValue::from_string(text.to_owned()).unwrap()).unwrap();
        let body = body(&event);
        assert_eq!(body, format!(r#"{},"timestamp":"2026-11-21T07:18:13Z"}}"#, &text[..text.len() - 1]));
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["timestamp"], "2026-11-21T07:18:13Z");
    }
}
