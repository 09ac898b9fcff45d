//! The payment page of a session: shows it, reads the form, pays, and sends the customer on. Sending the form twice pays once.

use super::address::see_other;
use super::asked;
use super::entry::{self, Entry, Mistake};
use super::pages::{self, Form};
use crate::http::{Reply, Request};
use crate::stripe::checkout::{self, KIND, destination};
use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::stripe::payment_methods::{self, TypedCard};
use crate::stripe::payments::Paid;
use crate::world::Read;
use serde_json::{Value, json};

/// The page as it is asked for: the form while the session is open, else what became of it.
pub(super) fn show(ctx: &Ctx<'_>, id: &str, request: &Request) -> Reply {
    let Ok(session) = ctx.load(KIND, id) else { return pages::unknown("There is no such payment page", "Check the link.") };
    match session.text("status") {
        "open" => {
            let after_bank = request.query.split('&').any(|pair| pair == "authentication=failed");
            let mistakes = if after_bank { vec![Mistake::new("", last_error(ctx, &session))] } else { Vec::new() };
            pages::form(200, ctx, &session, &Form::blank(&session), &mistakes)
        }
        "complete" => pages::completed(&session),
        _ => pages::expired(&session),
    }
}

/// The form was sent.
pub(super) fn take(ctx: &mut Ctx<'_>, id: &str, request: &Request) -> Reply {
    let Ok(session) = ctx.load(KIND, id) else { return pages::unknown("There is no such payment page", "Check the link.") };
    match session.text("status") {
        "open" => {}
        // The second of two clicks finds the work done.
        "complete" => return onward(&session),
        _ => return pages::expired(&session),
    }
    let entry = Entry::read(&request.body);
    let form = Form::typed(&session, &entry);
    let unanswered = asked::mistakes(&form.asked, &entry);
    if !unanswered.is_empty() {
        return pages::form(422, ctx, &session, &form, &unanswered);
    }
    if pages::is_free(&session) {
        return finish_free(ctx, &session, &entry, &form);
    }
    let method = match method(ctx, &session, &entry, &form) {
        Ok(method) => bill_to(ctx, method, &entry),
        Err(mistakes) => return pages::form(422, ctx, &session, &form, &mistakes),
    };
    remember(ctx, id, &entry, &form);
    match checkout::pay(ctx, id, &method) {
        Ok(Paid::RequiresAction) => match ctx.load(KIND, id).ok().and_then(|s| s.some("payment_intent").map(str::to_owned)) {
            Some(intent) => see_other(&format!("{}/c/3ds/{intent}", ctx.public_url)),
            None => pages::unknown("The payment could not be found", "Go back to the shop and start again."),
        },
        Ok(_) => onward(&ctx.load(KIND, id).unwrap_or(session)),
        Err(error) => {
            let session = ctx.load(KIND, id).unwrap_or(session);
            pages::form(402, ctx, &session, &form, &[mistake_of(&error)])
        }
    }
}

/// An order that costs nothing needs an address for the receipt and nothing else.
fn finish_free(ctx: &mut Ctx<'_>, session: &Value, entry: &Entry, form: &Form) -> Reply {
    if let Err(mistake) = entry::email(&form.email) {
        return pages::form(422, ctx, session, form, &[mistake]);
    }
    let id = session.text("id");
    remember(ctx, id, entry, form);
    match checkout::finish_free(ctx, id) {
        Ok(()) => onward(&ctx.load(KIND, id).unwrap_or_else(|_| session.clone())),
        Err(error) => pages::form(402, ctx, session, form, &[mistake_of(&error)]),
    }
}

/// Where a customer goes who has paid.
pub(super) fn onward(session: &Value) -> Reply {
    match destination(session) {
        Some(to) => see_other(&to),
        None => pages::completed(session),
    }
}

/// The stored PaymentMethod of what was typed.
fn method(ctx: &mut Ctx<'_>, session: &Value, entry: &Entry, form: &Form) -> Result<Value, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let email = keep(entry::email(&form.email), &mut mistakes);
    if form.debit {
        let iban = keep(entry::iban(entry.text("iban")), &mut mistakes);
        if form.name.is_empty() {
            mistakes.push(Mistake::new("name", "Enter the name of the account holder."));
        }
        let (Some(email), Some(iban), true) = (email, iban, mistakes.is_empty()) else { return Err(mistakes) };
        return payment_methods::from_debit(ctx, &iban, &form.name, &email).map_err(|e| vec![mistake_of(&e)]);
    }
    if !offers(session, "card") {
        return Err(vec![Mistake::new("", "This shop does not take cards here. Choose another way to pay.")]);
    }
    let number = keep(entry::number(entry.text("number")), &mut mistakes);
    let expiry = keep(entry::expiry(entry.text("expiry")), &mut mistakes);
    let cvc = keep(entry::cvc(entry.text("cvc")), &mut mistakes);
    let (Some(email), Some(number), Some((exp_month, exp_year)), Some(cvc)) = (email, number, expiry, cvc) else {
        return Err(mistakes);
    };
    let name = Some(form.name.as_str()).filter(|n| !n.is_empty());
    let card = TypedCard { number: &number, exp_month, exp_year, cvc: &cvc, name, email: Some(&email) };
    payment_methods::from_card(ctx, &card).map_err(|e| vec![mistake_of(&e)])
}

fn keep<T>(read: Result<T, Mistake>, mistakes: &mut Vec<Mistake>) -> Option<T> {
    read.map_err(|mistake| mistakes.push(mistake)).ok()
}

/// Whether the session can be paid this way.
pub(super) fn offers(session: &Value, kind: &str) -> bool {
    session["payment_method_types"].as_array().is_some_and(|all| all.iter().any(|k| k == kind))
}

/// The PaymentMethod with the address and the phone number that were typed beside it.
fn bill_to(ctx: &mut Ctx<'_>, mut method: Value, entry: &Entry) -> Value {
    let known = [("address", asked::address(entry, "billing")), ("phone", asked::text(entry, "phone"))];
    for (name, value) in known.into_iter().filter(|(_, v)| !v.is_null()) {
        method["billing_details"][name] = value;
    }
    ctx.store(&method);
    method
}

/// Keeps name, email and the answers with the session; card data is never kept.
fn remember(ctx: &mut Ctx<'_>, id: &str, entry: &Entry, form: &Form) {
    let Ok(mut session) = ctx.load(KIND, id) else { return };
    let text = |t: &str| if t.is_empty() { Value::Null } else { json!(t) };
    session["_typed"] = json!({ "email": text(&form.email), "name": text(&form.name) });
    asked::keep(&mut session, entry);
    ctx.store(&session);
}

/// The field that an error is about, by its code.
fn mistake_of(error: &ApiError) -> Mistake {
    let said = error.object();
    let field = match said["code"].as_str().unwrap_or_default() {
        "incorrect_number" | "invalid_number" => "number",
        "invalid_expiry_month" | "invalid_expiry_year" | "expired_card" => "expiry",
        "invalid_cvc" | "incorrect_cvc" => "cvc",
        "invalid_bank_account_iban" | "invalid_iban" => "iban",
        "email_invalid" => "email",
        _ => "",
    };
    Mistake::new(field, error.message())
}

fn last_error(ctx: &Ctx<'_>, session: &Value) -> String {
    let intent = session.some("payment_intent").and_then(|id| ctx.account.get("payment_intent", id));
    let said = intent.and_then(|i| i["last_payment_error"].some("message"));
    said.unwrap_or("The payment was not confirmed. Try again, or pay in another way.").to_owned()
}
