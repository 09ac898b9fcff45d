//! What Stripe's events mean. An event is a snapshot of one object at one moment: only where that snapshot is the whole truth about the
//! registration does it become an observation; everything else says merely that there is something to look at.

use super::amounts::from_wire;
use super::objects::{Metadata, Session, note};
use super::register::{ATTEMPT_NOTE, CAPTURE_NOTE};
use crate::{About, Fault, Message, News};
use ducat_domain::AttemptId;
use ducat_domain::payments::{Observation, Observed, PspToken};
use serde::Deserialize;
use serde_json::Value;

/// The kinds of event that mean something to us; the endpoint at Stripe is subscribed to these.
pub(super) const UNDERSTOOD: &[&str] = &[
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    // The fee may become known only after the payment.
    "charge.updated",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
];

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

/// What payments, charges and refunds have in common.
#[derive(Deserialize)]
struct Noted {
    metadata: Metadata,
}

/// Reads an event.
pub(super) fn read(body: &[u8]) -> Result<Message, Fault> {
    let malformed = |_| Fault::Protocol("a message that is no event of Stripe's".into());
    let Event { id, kind, data } = serde_json::from_slice(body).map_err(malformed)?;
    if !UNDERSTOOD.contains(&kind.as_str()) {
        return Ok(Message { dedupe: id, kind, news: News::Nothing });
    }
    let news = if kind.starts_with("checkout.session.") {
        about_session(&kind, &serde_json::from_value(data.object).map_err(malformed)?)
    } else {
        let Noted { metadata } = serde_json::from_value(data.object).map_err(malformed)?;
        let about = attempt(note(&metadata, ATTEMPT_NOTE)).map(|attempt| About { attempt: Some(attempt), ..About::default() });
        about.map_or(News::Nothing, |about| News::Registration(about, None))
    };
    Ok(Message { dedupe: id, kind, news })
}

/// Sessions that others make on the same account carry their own references, which are none of our ids.
fn about_session(kind: &str, session: &Session) -> News {
    let ours = attempt(note(&session.metadata, ATTEMPT_NOTE)).or_else(|| attempt(session.client_reference_id.as_deref()));
    let Some(attempt) = ours else { return News::Nothing };
    let about = About {
        token: Some(PspToken(session.id.clone())),
        psp_payment: session.payment_id().map(str::to_owned),
        attempt: Some(attempt),
    };
    News::Registration(about, observe(kind, session))
}

fn attempt(text: Option<&str>) -> Option<String> {
    let text = text?;
    text.parse::<AttemptId>().is_ok().then(|| text.to_owned())
}

/// The whole truth, where the snapshot holds it. A delayed payment that failed is fetched instead, because the reason is not in it.
fn observe(kind: &str, session: &Session) -> Option<Observation> {
    let state = match (kind, session.status.as_deref(), session.payment_status.as_deref()) {
        ("checkout.session.completed" | "checkout.session.async_payment_succeeded", Some("complete"), Some("paid")) => {
            paid(session)?
        }
        ("checkout.session.expired", Some("expired"), Some("unpaid")) => Observed::Expired,
        _ => return None,
    };
    Some(Observation {
        token: PspToken(session.id.clone()),
        psp_payment: session.payment_id().map(str::to_owned),
        redirect_url: None,
        state,
        decline: None,
        fees: Vec::new(),
        refunds: Vec::new(),
        card: None,
        disputes: Vec::new(),
    })
}

/// With a manual capture the session's amount is not what was taken.
fn paid(session: &Session) -> Option<Observed> {
    if note(&session.metadata, CAPTURE_NOTE).is_some() {
        return None;
    }
    let amount = from_wire(session.amount_total, session.currency.as_deref()).ok()?;
    (amount.minor > 0).then_some(Observed::Captured(amount))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ATTEMPT, paid as paid_session, session};
    use super::*;
    use ducat_domain::Money;
    use proptest::prelude::*;
    use serde_json::json;

    fn event(kind: &str, object: Value) -> Value {
        json!({"id": "evt_1", "object": "event", "type": kind, "created": 1, "data": {"object": object}})
    }

    fn message(kind: &str, object: Value) -> Message {
        read(event(kind, object).to_string().as_bytes()).unwrap()
    }

    /// What a message says of a registration.
    fn said(message: &Message) -> (&About, Option<&Observation>) {
        match &message.news {
            News::Registration(about, seen) => (about, seen.as_ref()),
            other => panic!("nothing of a registration: {other:?}"),
        }
    }

    fn completed() -> Value {
        let mut session = paid_session();
        session["payment_intent"] = json!("pi_1");
        session
    }

    #[test]
    fn a_paid_session_is_money_taken() {
        for kind in ["checkout.session.completed", "checkout.session.async_payment_succeeded"] {
            let message = message(kind, completed());
            assert_eq!((message.dedupe.as_str(), message.kind.as_str()), ("evt_1", kind));
            let about = About {
                token: Some(PspToken("cs_test_1".into())),
                psp_payment: Some("pi_1".into()),
                attempt: Some(ATTEMPT.into()),
            };
            assert_eq!(said(&message).0, &about);
            let seen = said(&message).1.unwrap();
            assert_eq!(seen.state, Observed::Captured(Money::new(4_999, "EUR".parse().unwrap())));
            assert_eq!(seen.psp_payment.as_deref(), Some("pi_1"));
        }
    }

    #[test]
    fn a_completed_session_that_is_not_paid_is_to_be_looked_at() {
        let message = message("checkout.session.completed", session("complete"));
        assert_eq!(said(&message).1, None);
    }

    #[test]
    fn a_manual_capture_is_to_be_looked_at_whatever_the_snapshot_says() {
        let mut manual = completed();
        manual["metadata"]["ducat_capture"] = json!("manual");
        assert_eq!(said(&message("checkout.session.completed", manual)).1, None);
    }

    #[test]
    fn words_and_currencies_that_did_not_exist_are_to_be_looked_at() {
        for (field, value) in [("payment_status", json!("paid_in_kind")), ("status", json!("done")), ("currency", json!("xyz"))] {
            let mut strange = completed();
            strange[field] = value;
            let message = message("checkout.session.completed", strange);
            assert_eq!(said(&message).1, None, "{field}");
        }
    }

    #[test]
    fn an_expired_session_is_expired() {
        let message = message("checkout.session.expired", session("expired"));
        assert_eq!(said(&message).1.unwrap().state, Observed::Expired);
    }

    #[test]
    fn a_failed_delayed_payment_is_to_be_looked_at_for_its_reason() {
        let message = message("checkout.session.async_payment_failed", session("complete"));
        assert_eq!(said(&message).1, None);
    }

    #[test]
    fn payments_charges_and_refunds_are_placed_by_our_note() {
        for kind in UNDERSTOOD.iter().filter(|kind| !kind.starts_with("checkout")) {
            let message = message(kind, json!({"id": "x_1", "metadata": {"ducat_attempt": ATTEMPT}}));
            assert_eq!(said(&message), (&About { attempt: Some(ATTEMPT.into()), ..About::default() }, None), "{kind}");
        }
    }

    #[test]
    fn what_others_do_on_the_same_account_is_none_of_ours() {
        let mut foreign = completed();
        foreign["metadata"] = json!({"ducat_attempt": "yes"});
        foreign["client_reference_id"] = json!("order-12");
        for message in [
            message("checkout.session.completed", foreign),
            message("payment_intent.succeeded", json!({"id": "pi_1", "metadata": {}})),
            message("charge.refunded", json!({"id": "ch_1", "metadata": null})),
            message("customer.created", completed()),
            message("checkout.session.invented", completed()),
        ] {
            assert_eq!(message.news, News::Nothing, "{}", message.kind);
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in ["", "{}", "[]", "null", r#"{"id":1,"type":"a","data":{"object":{}}}"#, r#"{"id":"evt_1","type":"a"}"#] {
            assert!(matches!(read(body.as_bytes()), Err(Fault::Protocol(_))), "{body}");
        }
    }

    /// Replaces or removes what `path` leads to.
    fn mutate(value: &mut Value, path: &[usize], with: &Option<Value>) {
        let Some((&first, rest)) = path.split_first() else { return };
        let Value::Object(map) = value else { return };
        let Some(name) = map.keys().nth(first % map.len().max(1)).cloned() else { return };
        if let (false, Some(Value::Object(_))) = (rest.is_empty(), map.get(&name)) {
            mutate(&mut map[&name], rest, with);
        } else if let Some(with) = with {
            map.insert(name, with.clone());
        } else {
            map.remove(&name);
        }
    }

    fn scrap() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            Just(None),
            Just(Some(Value::Null)),
            any::<i64>().prop_map(|n| Some(json!(n))),
            ".{0,20}".prop_map(|s| Some(json!(s))),
            Just(Some(json!([1, {"a": []}]))),
            Just(Some(json!({"object": {"id": {}}}))),
        ]
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(body: Vec<u8>) {
            let _ = read(&body);
        }

        #[test]
        fn no_mutation_of_an_event_makes_the_reader_panic_or_invent_money(
            kind in 0..UNDERSTOOD.len(), path in proptest::collection::vec(0_usize..20, 1..5), with in scrap(),
        ) {
            let mut event = event(UNDERSTOOD[kind], completed());
            mutate(&mut event, &path, &with);
            let read = read(event.to_string().as_bytes()).map(|message| message.news);
            if let Ok(News::Registration(_, Some(Observation { state: Observed::Captured(amount), .. }))) = read {
                prop_assert_eq!(amount.minor, event["data"]["object"]["amount_total"].as_i64().unwrap());
            }
        }

        #[test]
        fn an_event_that_is_cut_short_is_refused(length in 0_usize..400) {
            let body = event("checkout.session.completed", completed()).to_string();
            prop_assert!(read(&body.as_bytes()[..length]).is_err());
        }
    }
}
