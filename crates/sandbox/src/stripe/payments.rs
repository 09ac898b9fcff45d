//! What happens to money: confirming an intent, the customer's authentication, delayed debits.

pub(crate) mod charge;
#[cfg(test)]
mod tests;

use super::cards::{self, CardOutcome, Decline};
use super::context::Ctx;
use super::disputes::{self, Case};
use super::errors::ApiError;
use super::{checkout, expand};
use crate::world::{Read, Task};
use charge::Try;
use serde_json::{Value, json};

/// How long a debit takes on the sandbox's clock: real ones take days, and a demonstration should see both halves.
const DEBIT_SECONDS: i64 = 5;
/// Accounts whose debits fail.
const FAILING_IBANS: [&str; 3] = ["IT60X0542811101000000123456", "AT861904300235473202", "AT051904300235473205"];

/// What became of a confirmation that was not declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paid {
    /// The money is taken.
    Succeeded,
    /// The money is held.
    RequiresCapture,
    /// The customer must authenticate on the page `/c/3ds/{intent}`.
    RequiresAction,
    /// A delayed method: the last word comes later.
    Processing,
}

/// Confirms a stored PaymentIntent with a stored PaymentMethod; stores and tells everything that follows (charge, balance transaction,
/// events), and hands the intent to [`super::checkout::intent_moved`]. A decline is a 402 that carries the intent, which is
/// `requires_payment_method` again.
pub(crate) fn confirm(ctx: &mut Ctx<'_>, intent_id: &str, method: &Value, return_url: Option<&str>) -> Result<Paid, ApiError> {
    let mut intent = ctx.load("payment_intent", intent_id)?;
    confirmable(&intent)?;
    fits(&intent, method)?;
    intent["payment_method"] = method["id"].clone();
    intent["next_action"] = Value::Null;
    intent["last_payment_error"] = Value::Null;
    if method.text("type") == "sepa_debit" {
        return debit(ctx, intent, method);
    }
    let outcome = charge::card_of(method).map_or(CardOutcome::Succeeds, |card| card.outcome);
    match outcome {
        CardOutcome::Declined(decline) | CardOutcome::DeclinedWhenCharged(decline) => {
            decline_now(ctx, intent, method, Try::Refused(decline))
        }
        CardOutcome::Blocked => decline_now(ctx, intent, method, Try::Blocked),
        _ if must_authenticate(&intent, method, outcome) => {
            if intent.yes("_off_session") || intent.yes("_error_on_requires_action") {
                return decline_now(ctx, intent, method, Try::Refused(cards::AUTHENTICATION));
            }
            Ok(ask_customer(ctx, intent, return_url))
        }
        _ => Ok(take(ctx, intent, method, false)),
    }
}

/// The customer passed or failed the authentication of an intent that requires it.
pub(crate) fn authenticate(ctx: &mut Ctx<'_>, intent_id: &str, passed: bool) -> Result<Paid, ApiError> {
    let mut intent = ctx.load("payment_intent", intent_id)?;
    if intent.text("status") != "requires_action" {
        return Err(unexpected(&intent, "authenticate", "requires_action"));
    }
    let method = ctx.load("payment_method", intent.text("payment_method"))?;
    intent["next_action"] = Value::Null;
    if !passed {
        let text = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
        let error = ApiError::state("payment_intent_authentication_failure", text)
            .status(402)
            .with("payment_method", expand::shown_deep(&method));
        return Err(refuse(ctx, intent, error));
    }
    match charge::card_of(&method).map(|card| card.outcome) {
        Some(CardOutcome::AuthenticatesThenDeclined(decline)) => decline_now(ctx, intent, &method, Try::Refused(decline)),
        _ => Ok(take(ctx, intent, &method, true)),
    }
}

/// The delayed debit of an intent is settled: it succeeds or fails by its account number.
pub(crate) fn settle_debit(ctx: &mut Ctx<'_>, intent_id: &str) {
    let Some(mut intent) = ctx.account.get("payment_intent", intent_id).filter(|i| i.text("status") == "processing").cloned()
    else {
        return;
    };
    let Some(mut charge) = ctx.account.get("charge", intent.text("latest_charge")).cloned() else { return };
    let method = ctx.account.get("payment_method", charge.text("payment_method")).cloned().unwrap_or_default();
    let iban: String = method.text("_iban").chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    if FAILING_IBANS.contains(&iban.as_str()) {
        let (code, text) =
            ("payment_intent_payment_attempt_failed", "The payment failed: the customer's bank refused the debit.");
        charge::fail(&mut charge, code, text);
        charge["outcome"]["network_status"] = json!("declined_by_network");
        charge["outcome"]["type"] = json!("issuer_declined");
        charge["outcome"]["seller_message"] = json!("The customer's bank refused the debit.");
        ctx.store_and_emit(&charge, "charge.failed");
        let error =
            ApiError::card(code, text).with("charge", charge["id"].clone()).with("payment_method", expand::shown_deep(&method));
        refuse(ctx, intent, error);
        return;
    }
    let amount = intent.int("amount");
    charge::settle(ctx, &mut charge, amount);
    ctx.store_and_emit(&charge, "charge.succeeded");
    intent["status"] = json!("succeeded");
    intent["amount_received"] = json!(amount);
    ctx.store_and_emit(&intent, "payment_intent.succeeded");
    checkout::intent_moved(ctx, &intent);
}

pub(crate) fn confirmable(intent: &Value) -> Result<(), ApiError> {
    match intent.text("status") {
        "requires_payment_method" | "requires_confirmation" | "requires_action" => Ok(()),
        "succeeded" | "requires_capture" => {
            let text = "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.";
            Err(ApiError::state("payment_intent_unexpected_state", text).with("payment_intent", expand::shown_deep(intent)))
        }
        _ => Err(unexpected(intent, "confirm", "requires_confirmation, requires_action")),
    }
}

/// Stripe's words for an intent whose status forbids an act.
pub(crate) fn unexpected(intent: &Value, act: &str, allowed: &str) -> ApiError {
    let past = match act {
        "cancel" => "canceled".to_owned(),
        "capture" | "authenticate" => format!("{act}d"),
        _ => format!("{act}ed"),
    };
    let status = intent.text("status");
    let text = if act == "capture" {
        format!(
            "This PaymentIntent could not be captured because it has a status of {status}. Only a PaymentIntent with one of the following statuses may be captured: {allowed}."
        )
    } else {
        format!(
            "You cannot {act} this PaymentIntent because it has a status of {status}. Only a PaymentIntent with one of the following statuses may be {past}: {allowed}."
        )
    };
    ApiError::state("payment_intent_unexpected_state", text).with("payment_intent", expand::shown_deep(intent))
}

/// Whether the method may pay this intent at all: its type is accepted and it belongs to nobody else.
pub(crate) fn fits(intent: &Value, method: &Value) -> Result<(), ApiError> {
    let (kind, id) = (method.text("type"), method.text("id"));
    let accepted = intent["payment_method_types"].as_array().is_none_or(|types| types.iter().any(|t| t == kind));
    if !accepted {
        let text = format!(
            "The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please attach a PaymentMethod of one of the following types: {}.",
            names(&intent["payment_method_types"])
        );
        return Err(ApiError::invalid(text).code("payment_intent_incompatible_payment_method").param("payment_method"));
    }
    if method.yes("_spent") || method.yes("_detached") {
        let text = "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.";
        return Err(ApiError::invalid(text));
    }
    match (method.some("customer"), intent.some("customer")) {
        (Some(owner), None) => {
            let text = format!(
                "The PaymentMethod {id} belongs to the Customer {owner}. Please include the Customer in the `customer` parameter on the PaymentIntent."
            );
            Err(ApiError::invalid(text).param("payment_method"))
        }
        (Some(owner), Some(customer)) if owner != customer => {
            let text = format!(
                "The customer does not have a payment method with the ID {id}. The payment method must be attached to the customer."
            );
            Err(ApiError::invalid(text).code("resource_missing").param("payment_method"))
        }
        _ => Ok(()),
    }
}

fn names(types: &Value) -> String {
    types.as_array().map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

fn must_authenticate(intent: &Value, method: &Value, outcome: CardOutcome) -> bool {
    match outcome {
        CardOutcome::Authenticates | CardOutcome::AuthenticatesThenDeclined(_) => true,
        CardOutcome::AuthenticatesUnlessSetUp => !(method.yes("_set_up") && intent.yes("_off_session")),
        _ => false,
    }
}

fn ask_customer(ctx: &mut Ctx<'_>, mut intent: Value, return_url: Option<&str>) -> Paid {
    let url = format!("{}/c/3ds/{}", ctx.public_url, intent.text("id"));
    intent["status"] = json!("requires_action");
    intent["next_action"] = match return_url {
        Some(back) => json!({ "type": "redirect_to_url", "redirect_to_url": { "return_url": back, "url": url } }),
        None => {
            json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": url, "source": ctx.id("src") } })
        }
    };
    ctx.store_and_emit(&intent, "payment_intent.requires_action");
    checkout::intent_moved(ctx, &intent);
    Paid::RequiresAction
}

/// Takes or holds the money.
fn take(ctx: &mut Ctx<'_>, mut intent: Value, method: &Value, authenticated: bool) -> Paid {
    let held = charge::holds(&intent, method);
    let tried = if held { Try::Held } else { Try::Taken };
    let charge = charge::make(ctx, &intent, method, tried, authenticated);
    intent["latest_charge"] = charge["id"].clone();
    let (status, field, event) = match held {
        true => ("requires_capture", "amount_capturable", "payment_intent.amount_capturable_updated"),
        false => ("succeeded", "amount_received", "payment_intent.succeeded"),
    };
    intent["status"] = json!(status);
    intent[field] = intent["amount"].clone();
    keep_method(ctx, &intent, method);
    ctx.store_and_emit(&intent, event);
    checkout::intent_moved(ctx, &intent);
    if !held {
        dispute_if_asked(ctx, &charge);
    }
    if held { Paid::RequiresCapture } else { Paid::Succeeded }
}

/// Some cards' holders dispute what was just taken.
pub(crate) fn dispute_if_asked(ctx: &mut Ctx<'_>, charge: &Value) {
    let method = ctx
        .account
        .get("payment_method", charge.text("payment_method"))
        .or_else(|| ctx.account.get("card", charge.text("payment_method")));
    match method.and_then(charge::card_of).map(|card| card.outcome) {
        Some(CardOutcome::Disputed(reason)) => disputes::open_by_card(ctx, charge.text("id"), reason, Case::Chargeback),
        Some(CardOutcome::Inquired) => disputes::open_by_card(ctx, charge.text("id"), "general", Case::Inquiry),
        _ => {}
    }
}

/// A method that is to be used again is attached to the customer; one that belongs to nobody has paid its only time.
fn keep_method(ctx: &mut Ctx<'_>, intent: &Value, method: &Value) {
    let mut kept = method.clone();
    let again = intent.some("setup_future_usage").is_some();
    let attaches = again && intent.has("customer") && !method.has("customer");
    kept["_set_up"] = json!(again || method.yes("_set_up"));
    kept["_spent"] = json!(!method.has("customer") && !attaches);
    if attaches {
        kept["customer"] = intent["customer"].clone();
    }
    ctx.store(&kept);
    if attaches {
        ctx.emit("payment_method.attached", &kept);
    }
}

fn debit(ctx: &mut Ctx<'_>, mut intent: Value, method: &Value) -> Result<Paid, ApiError> {
    if intent.text("currency") != "eur" {
        return Err(
            ApiError::invalid("The currency of a PaymentIntent that is paid by sepa_debit must be eur.").param("currency")
        );
    }
    let charge = charge::make(ctx, &intent, method, Try::Pending, false);
    intent["latest_charge"] = charge["id"].clone();
    intent["status"] = json!("processing");
    keep_method(ctx, &intent, method);
    ctx.store_and_emit(&intent, "payment_intent.processing");
    ctx.plan_in(DEBIT_SECONDS, Task::SettleDebit(intent.text("id").to_owned()));
    checkout::intent_moved(ctx, &intent);
    Ok(Paid::Processing)
}

fn decline_now(ctx: &mut Ctx<'_>, mut intent: Value, method: &Value, tried: Try) -> Result<Paid, ApiError> {
    let charge = charge::make(ctx, &intent, method, tried, false);
    let decline: Decline = match tried {
        Try::Refused(decline) => decline,
        _ => cards::FRAUDULENT,
    };
    intent["latest_charge"] = charge["id"].clone();
    Err(refuse(ctx, intent, charge::decline_error(&decline, charge.some("id"), method)))
}

/// The intent waits for another method; the error carries it whole.
fn refuse(ctx: &mut Ctx<'_>, mut intent: Value, error: ApiError) -> ApiError {
    intent["status"] = json!("requires_payment_method");
    intent["payment_method"] = Value::Null;
    intent["last_payment_error"] = error.object();
    ctx.store_and_emit(&intent, "payment_intent.payment_failed");
    checkout::intent_moved(ctx, &intent);
    error.with("payment_intent", expand::shown_deep(&intent))
}
