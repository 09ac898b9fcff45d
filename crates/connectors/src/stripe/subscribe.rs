//! Tells Stripe where its messages go, in the version in which we read them.

use super::form::Form;
use super::message::UNDERSTOOD;
use super::objects::WebhookEndpoint;
use super::reading::{Answer, Asked, read};
use super::spec::API_VERSION;
use crate::{Fault, Outcome, Reply, Step};
use ducat_domain::Secret;

pub(super) fn step(url: &str, key: &str, seen: &[Reply]) -> Result<Step, Fault> {
    let Some(reply) = seen.last() else { return Ok(Step::Send(request(url, key))) };
    match read::<WebhookEndpoint>(reply, Asked::Act)? {
        Answer::Good(endpoint) => Ok(Step::Done(Outcome::Subscribed(Secret::new(endpoint.secret)))),
        // An address that Stripe cannot reach, or too many of them: for people to mend.
        Answer::Refused(refusal) => Err(Fault::Config(refusal.to_string())),
    }
}

fn request(url: &str, key: &str) -> crate::HttpRequest {
    let mut form = Form::new().with("url", url).with("api_version", API_VERSION).with("description", "Ducat");
    for (index, kind) in UNDERSTOOD.iter().enumerate() {
        form = form.with(&format!("enabled_events[{index}]"), kind);
    }
    form.post("/v1/webhook_endpoints", format!("{key}:subscribe"))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, field, fields, json, reply, sent};
    use super::*;

    const URL: &str = "https://pay.example/v1/inbound/stripe/psp_1";

    #[test]
    fn exactly_the_messages_that_are_understood_are_asked_for() {
        let request = sent(step(URL, "psp_1", &[]));
        let kinds: Vec<_> = fields(&request).into_iter().filter(|(n, _)| n.starts_with("enabled")).map(|(_, v)| v).collect();
        assert_eq!(kinds, UNDERSTOOD);
        assert_eq!(field(&request, "url").as_deref(), Some(URL));
        assert_eq!(field(&request, "api_version").as_deref(), Some(API_VERSION));
        assert_eq!(request.key.as_deref(), Some("psp_1:subscribe"));
    }

    #[test]
    fn the_secret_is_handed_over() {
        let endpoint = serde_json::json!({"object": "webhook_endpoint", "id": "we_1", "secret": "whsec_1"});
        assert_eq!(done(step(URL, "k", &[json(&endpoint)])), Outcome::Subscribed(Secret::new("whsec_1")));
    }

    #[test]
    fn an_endpoint_without_its_secret_is_not_taken_for_one() {
        let endpoint = reply(200, r#"{"object":"webhook_endpoint","id":"we_1"}"#);
        assert!(matches!(step(URL, "k", &[endpoint]), Err(Fault::Unknown(_))));
    }

    #[test]
    fn an_address_that_stripe_refuses_is_for_people_to_mend() {
        let refused = error(400, "invalid_request_error", Some("url_invalid"));
        assert_eq!(step(URL, "k", &[refused]).unwrap_err(), Fault::Config("HTTP 400, url_invalid".into()));
    }
}
