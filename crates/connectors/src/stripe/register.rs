//! Tells Stripe about an attempt: one Checkout Session under the attempt's id as key. The request depends on nothing but the registration,
//! so that sending it again is the same request to the last byte.

use super::amounts;
use super::form::{Form, clip};
use super::objects::Session;
use super::reading::{Answer, Asked, read};
use super::standing;
use crate::{Fault, Outcome, Registration, Reply, Step};
use ducat_domain::payments::{CaptureMode, LineItem};
use ducat_domain::{Money, Timestamp};
use std::time::Duration;

/// Under which name Stripe's objects carry our attempt's id.
pub(super) const ATTEMPT_NOTE: &str = "ducat_attempt";
/// Under which name a session says that its money is only held at first.
pub(super) const CAPTURE_NOTE: &str = "ducat_capture";

/// Stripe's limits: characters of a value of metadata, lines of a session.
pub(super) const NOTE_LIMIT: usize = 500;
const LINES_LIMIT: usize = 100;
/// What a customer still reads of a name or purpose.
const NAME_LIMIT: usize = 250;
const DESCRIPTION_LIMIT: usize = 500;

/// A session lives at least 30 minutes and at most 24 hours from the moment in which Stripe makes it.
const SHORTEST: Duration = Duration::from_secs(30 * 60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How much later than the attempt's beginning a request may still arrive and keep to the shortest life. The order's own end is
/// kept by closing the session, so a session that lives longer does no harm.
const LATE: Duration = Duration::from_secs(10 * 60);
/// How far our clock may be ahead of Stripe's.
const AHEAD: Duration = Duration::from_secs(2 * 60);

pub(super) fn step(registration: &Registration, seen: &[Reply]) -> Result<Step, Fault> {
    let Some(reply) = seen.last() else { return request(registration).map(Step::Send) };
    match read::<Session>(reply, Asked::Act)? {
        Answer::Good(session) => standing::of_session(&session).map(|seen| Step::Done(Outcome::Seen(seen))),
        Answer::Refused(refusal) => Ok(Step::Done(Outcome::Refused(refusal.decline()))),
    }
}

fn request(registration: &Registration) -> Result<crate::HttpRequest, Fault> {
    let form = Form::new()
        .with("mode", "payment")
        .with("client_reference_id", &registration.attempt)
        .with("success_url", &registration.return_url)
        .with("cancel_url", &registration.cancel_url)
        .with("expires_at", &expires_at(registration).as_seconds().to_string())
        .with_some("customer_email", registration.customer_email.as_deref());
    let form = notes(form, "metadata", registration);
    let form = notes(form, "payment_intent_data[metadata]", registration);
    let form = payment(form, registration);
    Ok(lines(form, registration)?.post("/v1/checkout/sessions", registration.attempt.clone()))
}

/// What leads from Stripe's objects back to ours. Charges inherit the payment's notes.
fn notes(form: Form, field: &str, registration: &Registration) -> Form {
    let manual = (registration.capture == CaptureMode::Manual).then_some("manual");
    form.with(&format!("{field}[ducat_order]"), &registration.order)
        .with(&format!("{field}[{ATTEMPT_NOTE}]"), &registration.attempt)
        .with(&format!("{field}[reference]"), clip(&registration.reference, NOTE_LIMIT))
        .with_some(&format!("{field}[{CAPTURE_NOTE}]"), manual)
}

fn payment(form: Form, registration: &Registration) -> Form {
    let description = registration.description.as_deref().map(|text| clip(text, DESCRIPTION_LIMIT));
    let manual = (registration.capture == CaptureMode::Manual).then_some("manual");
    form.with_some("payment_intent_data[description]", description.filter(|text| !text.trim().is_empty()))
        .with_some("payment_intent_data[capture_method]", manual)
        // Where the card allows it, the money can then be taken in parts.
        .with_some("payment_method_options[card][request_multicapture]", manual.map(|_| "if_available"))
}

/// What is bought, line by line where Stripe can show it so, else in one line.
fn lines(mut form: Form, registration: &Registration) -> Result<Form, Fault> {
    // Refused before anything else, so that no sum of lines gets past the limits of an amount.
    amounts::to_wire(registration.amount)?;
    let items = &registration.line_items;
    if !items.is_empty() && sum(registration) != Some(registration.amount.minor) {
        return Err(Fault::Invalid("the line items do not sum to the amount"));
    }
    if items.is_empty() || items.len() > LINES_LIMIT || !items.iter().all(|item| is_sayable(item, registration.amount)) {
        let purpose = registration.description.as_deref().filter(|text| !text.trim().is_empty());
        return line(form, 0, purpose.unwrap_or(&registration.reference), 1, registration.amount);
    }
    for (index, item) in items.iter().enumerate() {
        let unit = Money::new(item.unit_amount, registration.amount.currency);
        form = line(form, index, &item.name, item.quantity, unit)?;
    }
    Ok(form)
}

fn line(form: Form, index: usize, name: &str, quantity: u32, unit: Money) -> Result<Form, Fault> {
    let field = |name: &str| format!("line_items[{index}]{name}");
    Ok(form
        .with(&field("[price_data][currency]"), &amounts::code(unit.currency))
        .with(&field("[price_data][unit_amount]"), &amounts::to_wire(unit)?.to_string())
        .with(&field("[price_data][product_data][name]"), clip(name, NAME_LIMIT))
        .with(&field("[quantity]"), &quantity.to_string()))
}

/// Whether Stripe can show the line: it has no free or negative lines, and its decimals may be fewer than the currency's.
fn is_sayable(item: &LineItem, amount: Money) -> bool {
    let unit = Money::new(item.unit_amount, amount.currency);
    item.quantity > 0 && !item.name.trim().is_empty() && amounts::to_wire(unit).is_ok()
}

fn sum(registration: &Registration) -> Option<i64> {
    registration
        .line_items
        .iter()
        .try_fold(0_i64, |sum, item| sum.checked_add(item.unit_amount.checked_mul(i64::from(item.quantity))?))
}

/// The order's end, held within what Stripe allows.
fn expires_at(registration: &Registration) -> Timestamp {
    let earliest = registration.created_at.plus(SHORTEST + LATE);
    let latest = registration.created_at.plus(LONGEST - AHEAD);
    registration.expires_at.clamp(earliest, latest)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, field, fields, json, paid, reply, sent, session};
    use super::*;
    use ducat_domain::payments::{DeclineCode, Observed};
    use proptest::prelude::*;

    fn registration() -> Registration {
        Registration {
            attempt: "pa_1".into(),
            order: "po_1".into(),
            reference: "cart-77".into(),
            amount: Money::new(4_999, "EUR".parse().unwrap()),
            capture: CaptureMode::Automatic,
            description: None,
            line_items: vec![],
            customer_email: None,
            return_url: "https://pay.example/pay/po_1/return".into(),
            cancel_url: "https://pay.example/pay/po_1".into(),
            expires_at: Timestamp::from_seconds(1_003_600),
            created_at: Timestamp::from_seconds(1_000_000),
        }
    }

    fn item(name: &str, quantity: u32, unit_amount: i64) -> LineItem {
        LineItem { name: name.into(), quantity, unit_amount }
    }

    fn register(registration: &Registration) -> crate::HttpRequest {
        sent(step(registration, &[]))
    }

    #[test]
    fn a_plain_order_becomes_a_session_with_one_line() {
        let request = register(&registration());
        assert_eq!((request.path.as_str(), request.key.as_deref()), ("/v1/checkout/sessions", Some("pa_1")));
        let text: Vec<_> = fields(&request).iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(
            text,
            [
                "mode=payment",
                "client_reference_id=pa_1",
                "success_url=https://pay.example/pay/po_1/return",
                "cancel_url=https://pay.example/pay/po_1",
                "expires_at=1003600",
                "metadata[ducat_order]=po_1",
                "metadata[ducat_attempt]=pa_1",
                "metadata[reference]=cart-77",
                "payment_intent_data[metadata][ducat_order]=po_1",
                "payment_intent_data[metadata][ducat_attempt]=pa_1",
                "payment_intent_data[metadata][reference]=cart-77",
                "line_items[0][price_data][currency]=eur",
                "line_items[0][price_data][unit_amount]=4999",
                "line_items[0][price_data][product_data][name]=cart-77",
                "line_items[0][quantity]=1",
            ]
        );
    }

    #[test]
    fn what_is_bought_is_shown_line_by_line() {
        let items = vec![item("Tea & <b>cake</b>", 2, 2_000), item("Delivery", 1, 999)];
        let request = register(&Registration { line_items: items, customer_email: Some("a@b.example".into()), ..registration() });
        assert_eq!(field(&request, "line_items[0][price_data][product_data][name]").as_deref(), Some("Tea & <b>cake</b>"));
        assert_eq!(field(&request, "line_items[0][quantity]").as_deref(), Some("2"));
        assert_eq!(field(&request, "line_items[1][price_data][unit_amount]").as_deref(), Some("999"));
        assert_eq!(field(&request, "customer_email").as_deref(), Some("a@b.example"));
    }

    #[test]
    fn lines_that_stripe_cannot_show_become_one() {
        let too_many: Vec<_> = (0..101).map(|n| item(&format!("n{n}"), 1, if n == 0 { 4_899 } else { 1 })).collect();
        for items in [vec![item("Cake", 1, 5_999), item("Discount", 1, -1_000)], too_many, vec![item(" ", 1, 4_999)]] {
            let request = register(&Registration { line_items: items, description: Some("Your order".into()), ..registration() });
            assert_eq!(field(&request, "line_items[0][price_data][unit_amount]").as_deref(), Some("4999"));
            assert_eq!(field(&request, "line_items[0][price_data][product_data][name]").as_deref(), Some("Your order"));
            assert_eq!(field(&request, "line_items[1][quantity]"), None);
        }
    }

    #[test]
    fn lines_that_do_not_sum_to_the_amount_are_not_sent() {
        for items in [vec![item("Cake", 1, 4_998)], vec![item("Cake", u32::MAX, i64::MAX)]] {
            let wrong = Registration { line_items: items, ..registration() };
            assert!(matches!(step(&wrong, &[]), Err(Fault::Invalid(_))));
        }
    }

    #[test]
    fn an_amount_that_stripe_cannot_take_is_not_sent() {
        let wrong = Registration { amount: Money::new(1_234_567, "KWD".parse().unwrap()), ..registration() };
        assert!(matches!(step(&wrong, &[]), Err(Fault::Invalid(_))));
    }

    #[test]
    fn a_manual_capture_is_asked_for_and_noted() {
        let request = register(&Registration { capture: CaptureMode::Manual, ..registration() });
        assert_eq!(field(&request, "payment_intent_data[capture_method]").as_deref(), Some("manual"));
        assert_eq!(field(&request, "metadata[ducat_capture]").as_deref(), Some("manual"));
    }

    #[test]
    fn long_texts_are_cut_to_what_stripe_takes() {
        let request = register(&Registration {
            reference: "ä".repeat(600),
            description: Some("ß".repeat(900)),
            line_items: vec![item(&"ü".repeat(300), 1, 4_999)],
            ..registration()
        });
        let length = |name: &str| field(&request, name).map(|v| v.chars().count());
        assert_eq!(length("metadata[reference]"), Some(500));
        assert_eq!(length("payment_intent_data[description]"), Some(500));
        assert_eq!(length("line_items[0][price_data][product_data][name]"), Some(250));
    }

    #[test]
    fn a_session_lives_as_long_as_the_order_where_stripe_allows_it() {
        let at = |seconds: i64| {
            let expires_at = Timestamp::from_seconds(1_000_000 + seconds);
            super::expires_at(&Registration { expires_at, ..registration() }).as_seconds() - 1_000_000
        };
        assert_eq!(at(3_600), 3_600);
        assert_eq!(at(60), 40 * 60, "a request that is late by ten minutes still gives it its thirty");
        assert_eq!(at(7 * 86_400), 86_400 - 120);
    }

    #[test]
    fn the_answer_is_an_open_registration() {
        let Outcome::Seen(seen) = done(step(&registration(), &[json(&session("open"))])) else { panic!() };
        assert_eq!((seen.state, seen.token.0.as_str()), (Observed::Open, "cs_test_1"));
        let Outcome::Seen(seen) = done(step(&registration(), &[json(&paid())])) else { panic!() };
        assert!(matches!(seen.state, Observed::Captured(_)));
    }

    #[test]
    fn a_refusal_keeps_stripe_s_code() {
        let refused = error(400, "invalid_request_error", Some("amount_too_small"));
        let Outcome::Refused(decline) = done(step(&registration(), &[refused])) else { panic!() };
        assert_eq!((decline.code, decline.psp_code.as_deref()), (DeclineCode::RefusedByPsp, Some("amount_too_small")));
    }

    #[test]
    fn an_answer_that_cannot_be_read_leaves_the_registration_unknown() {
        assert!(matches!(step(&registration(), &[reply(200, "<html>")]), Err(Fault::Unknown(_))));
    }

    proptest! {
        #[test]
        fn the_same_registration_gives_the_same_bytes_within_stripe_s_limits(
            reference in ".{1,700}", names in proptest::collection::vec((".{0,300}", 1_u32..9, -5_i64..500), 0..110),
            created in 0_i64..4_000_000_000, lasts in -100_i64..10_000_000, manual: bool,
        ) {
            let line_items: Vec<_> = names.iter().map(|(name, quantity, unit)| item(name, *quantity, *unit)).collect();
            let total: i64 = line_items.iter().map(|i| i.unit_amount * i64::from(i.quantity)).sum();
            let registration = Registration {
                reference,
                amount: Money::new(if line_items.is_empty() { 4_999 } else { total }, "EUR".parse().unwrap()),
                line_items,
                capture: if manual { CaptureMode::Manual } else { CaptureMode::Automatic },
                created_at: Timestamp::from_seconds(created),
                expires_at: Timestamp::from_seconds(created + lasts),
                ..registration()
            };
            match (step(&registration, &[]), step(&registration.clone(), &[])) {
                (Ok(Step::Send(once)), Ok(Step::Send(again))) => {
                    prop_assert_eq!(&once, &again);
                    let life = field(&once, "expires_at").unwrap().parse::<i64>().unwrap() - created;
                    prop_assert!((30 * 60..24 * 60 * 60).contains(&life));
                    let units: i64 = (0..100).filter_map(|n| {
                        let of = |name: &str| field(&once, &format!("line_items[{n}]{name}"))?.parse::<i64>().ok();
                        Some(of("[price_data][unit_amount]")? * of("[quantity]")?)
                    }).sum();
                    prop_assert_eq!(units, registration.amount.minor);
                }
                (Err(Fault::Invalid(_)), Err(Fault::Invalid(_))) => prop_assert!(registration.amount.minor <= 0),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
