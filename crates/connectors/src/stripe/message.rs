//! What Stripe's events mean. An event is a snapshot of one object at one moment: only where that snapshot is the whole truth about its
//! registration, refund, dispute or payout is it told as such; everything else says merely that there is something to look at.

use super::amounts::from_wire;
use super::objects::{Dispute, Expandable, Metadata, Named, Payout, Refund, Session, id_of, note};
use super::register::{ATTEMPT_NOTE, CAPTURE_NOTE};
use super::{dispute, payout, refund};
use crate::{About, Fault, Message, News};
use ducat_domain::AttemptId;
use ducat_domain::payments::{Observation, Observed, PspToken};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

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
    "charge.captured",
    "charge.expired",
    // A part was captured, or the fee became known after the payment.
    "charge.updated",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
];

#[derive(Deserialize)]
struct Event<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Data<'a>,
}

/// What it is about, to be read once the kind is known.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: &'a RawValue,
}

/// What payments and charges have in common.
#[derive(Deserialize)]
struct Noted {
    id: String,
    metadata: Metadata,
    payment_intent: Option<Expandable<Named>>,
}

/// Reads an event.
pub(super) fn read(body: &[u8]) -> Result<Message, Fault> {
    // Looked at once as text, and not each piece of it on its own.
    let text = std::str::from_utf8(body).map_err(malformed)?;
    let Event { id, kind, data } = serde_json::from_str(text).map_err(malformed)?;
    if !UNDERSTOOD.contains(&kind.as_str()) {
        return Ok(Message { dedupe: id, kind, news: News::Nothing });
    }
    let news = match kind.split_once('.') {
        Some(("checkout", _)) => about_session(&kind, &object(data)?),
        Some(("payment_intent", _)) => {
            let Noted { id, metadata, .. } = object(data)?;
            to_be_looked_at(about(&metadata, Some(&id)))
        }
        Some(("charge", what)) if what.starts_with("dispute.") => about_dispute(&object(data)?),
        Some(("charge", _)) => {
            let Noted { metadata, payment_intent, .. } = object(data)?;
            to_be_looked_at(about(&metadata, id_of(payment_intent.as_ref())))
        }
        Some(("refund", _)) => about_refund(&object(data)?),
        // There is nothing to be looked at that would say more: a status that did not exist is refused.
        _ => News::Payout(payout::seen(&object::<Payout>(data)?)?),
    };
    Ok(Message { dedupe: id, kind, news })
}

fn malformed<E>(_: E) -> Fault {
    Fault::Protocol("a message that is no event of Stripe's".into())
}

fn object<T: DeserializeOwned>(data: Data<'_>) -> Result<T, Fault> {
    serde_json::from_str(data.object.get()).map_err(malformed)
}

/// Which registration an object of Stripe's belongs to, where it says so.
fn about(metadata: &Metadata, payment: Option<&str>) -> Option<About> {
    let about = About { token: None, psp_payment: payment.map(str::to_owned), attempt: attempt(note(metadata, ATTEMPT_NOTE)) };
    (about != About::default()).then_some(about)
}

fn to_be_looked_at(about: Option<About>) -> News {
    about.map_or(News::Nothing, |about| News::Registration(about, None))
}

/// What is not understood of a refund is to be looked at, and refused there.
fn about_refund(object: &Refund) -> News {
    let Some(about) = about(&object.metadata, id_of(object.payment_intent.as_ref())) else { return News::Nothing };
    match refund::seen(object) {
        Ok(seen) if refund::gives_back(object) => News::Refund(about, seen),
        _ => News::Registration(about, None),
    }
}

fn about_dispute(object: &Dispute) -> News {
    let Some(about) = about(&object.metadata, id_of(object.payment_intent.as_ref())) else { return News::Nothing };
    match dispute::seen(object) {
        Ok(seen) => News::Dispute(about, seen),
        Err(_) => News::Registration(about, None),
    }
}

/// Sessions that others make on the same account carry their own references, which are none of our ids.
fn about_session(kind: &str, session: &Session) -> News {
    let Some(attempt) = attempt_of(session) else { return News::Nothing };
    let about = About {
        token: Some(PspToken(session.id.clone())),
        psp_payment: session.payment_id().map(str::to_owned),
        attempt: Some(attempt),
    };
    News::Registration(about, observe(kind, session))
}

/// Our attempt's id, which the session carries twice.
pub(super) fn attempt_of(session: &Session) -> Option<String> {
    attempt(note(&session.metadata, ATTEMPT_NOTE)).or_else(|| attempt(session.client_reference_id.as_deref()))
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
    use super::super::samples::{ATTEMPT, disputed, paid as paid_session, refund, session};
    use super::*;
    use ducat_domain::Money;
    use ducat_domain::payments::RefundState;
    use ducat_domain::settlement::PayoutStatus;
    use proptest::prelude::*;
    use serde_json::{Value, json};

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

    /// An object of the kind that an event is about, as Stripe sends it.
    fn object_of(kind: &str) -> Value {
        match kind.split('.').collect::<Vec<_>>()[..] {
            ["checkout", ..] => completed(),
            ["charge", "dispute", _] => disputed("needs_response"),
            ["refund", _] => refund("re_1", "pending"),
            ["payout", _] => json!({
                "id": "po_1", "object": "payout", "amount": 700, "currency": "eur", "status": "paid", "arrival_date": 9, "created": 8,
            }),
            ["payment_intent", _] => json!({"id": "pi_1", "object": "payment_intent", "metadata": {"ducat_attempt": ATTEMPT}}),
            _ => json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"ducat_attempt": ATTEMPT}}),
        }
    }

    #[test]
    fn every_kind_that_is_understood_says_something() {
        for kind in UNDERSTOOD {
            assert_ne!(message(kind, object_of(kind)).news, News::Nothing, "{kind}");
        }
    }

    #[test]
    fn payments_and_charges_are_placed_by_our_note_and_by_the_payment() {
        let charges = UNDERSTOOD.iter().filter(|kind| kind.starts_with("charge.") && !kind.contains("dispute"));
        for kind in UNDERSTOOD.iter().filter(|kind| kind.starts_with("payment_intent.")).chain(charges) {
            let message = message(kind, object_of(kind));
            let about = About { token: None, psp_payment: Some("pi_1".into()), attempt: Some(ATTEMPT.into()) };
            assert_eq!(said(&message), (&about, None), "{kind}");
        }
    }

    #[test]
    fn a_refund_that_was_made_at_stripe_is_placed_by_its_payment_and_told_as_it_stands() {
        for (kind, status, state) in [
            ("refund.created", "succeeded", RefundState::Succeeded),
            ("refund.updated", "pending", RefundState::Pending),
            ("refund.failed", "failed", RefundState::Failed),
        ] {
            let News::Refund(about, seen) = message(kind, refund("re_1", status)).news else { panic!("{kind}") };
            assert_eq!(about, About { psp_payment: Some("pi_1".into()), ..About::default() });
            assert_eq!((seen.psp_refund.as_str(), seen.state, seen.ours), ("re_1", state, None));
        }
    }

    #[test]
    fn a_dispute_is_told_as_it_stands() {
        for kind in UNDERSTOOD.iter().filter(|kind| kind.contains("dispute")) {
            let News::Dispute(about, seen) = message(kind, disputed("needs_response")).news else { panic!("{kind}") };
            assert_eq!((about.psp_payment.as_deref(), seen.psp_dispute.as_str()), (Some("pi_1"), "du_1"));
        }
    }

    #[test]
    fn a_payout_is_told_as_it_stands() {
        let News::Payout(seen) = message("payout.paid", object_of("payout.paid")).news else { panic!() };
        assert_eq!((seen.psp_payout.as_str(), seen.status), ("po_1", PayoutStatus::Paid));
    }

    #[test]
    fn a_status_that_did_not_exist_is_never_guessed_at() {
        let strange = |kind: &str| {
            let mut object = object_of(kind);
            object["status"] = json!("postponed");
            read(event(kind, object).to_string().as_bytes())
        };
        for kind in ["refund.updated", "charge.dispute.updated"] {
            assert!(matches!(strange(kind).unwrap().news, News::Registration(_, None)), "{kind}");
        }
        assert!(matches!(strange("payout.updated"), Err(Fault::Protocol(_))));
    }

    #[test]
    fn a_hold_that_lapsed_is_no_refund_of_money() {
        let mut lapsed = refund("re_1", "succeeded");
        lapsed["reason"] = json!("expired_uncaptured_charge");
        assert_eq!(said(&message("refund.created", lapsed)).1, None);
    }

    #[test]
    fn what_others_do_on_the_same_account_is_none_of_ours() {
        let mut foreign = completed();
        foreign["metadata"] = json!({"ducat_attempt": "yes"});
        foreign["client_reference_id"] = json!("order-12");
        let mut legacy = refund("re_1", "succeeded");
        legacy["payment_intent"] = Value::Null;
        for message in [
            message("checkout.session.completed", foreign),
            message("charge.refunded", json!({"id": "ch_1", "metadata": null})),
            message("refund.created", legacy),
            message("customer.created", completed()),
            message("checkout.session.invented", completed()),
        ] {
            assert_eq!(message.news, News::Nothing, "{}", message.kind);
        }
        // Only its payment says whose it is, and that one is looked up among ours.
        let other = message("payment_intent.succeeded", json!({"id": "pi_9", "metadata": {"ducat_attempt": "yes"}}));
        assert_eq!(said(&other), (&About { psp_payment: Some("pi_9".into()), ..About::default() }, None));
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
            let mut event = event(UNDERSTOOD[kind], object_of(UNDERSTOOD[kind]));
            mutate(&mut event, &path, &with);
            let amount = |name: &str| event["data"]["object"][name].as_i64().unwrap();
            match read(event.to_string().as_bytes()).map(|message| message.news) {
                Ok(News::Registration(_, Some(Observation { state: Observed::Captured(taken), .. }))) => {
                    prop_assert_eq!(taken.minor, amount("amount_total"));
                }
                Ok(News::Refund(_, seen)) => prop_assert_eq!(seen.amount.minor, amount("amount")),
                Ok(News::Dispute(_, seen)) => prop_assert_eq!(seen.amount.minor, amount("amount")),
                Ok(News::Payout(seen)) => prop_assert_eq!(seen.amount.minor, amount("amount")),
                _ => {}
            }
        }

        #[test]
        fn an_event_that_is_cut_short_is_refused(length in 0_usize..400) {
            let body = event("checkout.session.completed", completed()).to_string();
            prop_assert!(read(&body.as_bytes()[..length]).is_err());
        }
    }
}
