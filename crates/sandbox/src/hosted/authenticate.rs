//! The bank's page in the box: the customer passes or fails 3-D Secure by a button, and goes back where the payment came from.

use super::address::{see_other, with_query};
use super::entry::Entry;
use super::{pages, pay};
use crate::http::{Reply, Request};
use crate::stripe::checkout::KIND;
use crate::stripe::context::Ctx;
use crate::stripe::{payments, setup_intents};
use crate::world::Read;
use serde_json::Value;

/// The kind of object that waits behind this page: saving a method needs its holder just as paying does.
pub(super) fn kind_of(id: &str) -> &'static str {
    if id.starts_with("seti_") { "setup_intent" } else { "payment_intent" }
}

pub(super) fn show(ctx: &Ctx<'_>, id: &str) -> Reply {
    let Ok(intent) = ctx.load(kind_of(id), id) else {
        return pages::unknown("There is nothing to confirm here", "Check the link.");
    };
    if intent.text("status") != "requires_action" {
        return settled(ctx, &intent);
    }
    let session = session_of(ctx, &intent);
    pages::authentication(&intent, session.as_ref(), return_url(&intent).as_deref())
}

pub(super) fn take(ctx: &mut Ctx<'_>, id: &str, request: &Request) -> Reply {
    let Ok(before) = ctx.load(kind_of(id), id) else {
        return pages::unknown("There is nothing to confirm here", "Check the link.");
    };
    if before.text("status") != "requires_action" {
        return settled(ctx, &before);
    }
    let passed = match Entry::read(&request.body).text("outcome") {
        "complete" => true,
        "fail" => false,
        _ => return show(ctx, id),
    };
    let return_url = return_url(&before);
    let confirmed = match kind_of(id) {
        "setup_intent" => setup_intents::authenticate(ctx, id, passed).is_ok(),
        _ => payments::authenticate(ctx, id, passed).is_ok(),
    };
    let intent = ctx.load(kind_of(id), id).unwrap_or(before);
    match session_of(ctx, &intent) {
        Some(session) if confirmed => pay::onward(&session),
        Some(session) => see_other(&format!("{}/c/pay/{}?authentication=failed", ctx.public_url, session.text("id"))),
        None => back(&intent, return_url.as_deref(), confirmed),
    }
}

/// A page that was opened or sent again after the answer was given.
fn settled(ctx: &Ctx<'_>, intent: &Value) -> Reply {
    match session_of(ctx, intent) {
        Some(session) if session.text("status") == "complete" => pay::onward(&session),
        Some(session) => see_other(&format!("{}/c/pay/{}", ctx.public_url, session.text("id"))),
        None => pages::notice(
            200,
            "Nothing left to confirm",
            "Your bank does not wait for your confirmation any more. You can close this page.",
        ),
    }
}

fn session_of(ctx: &Ctx<'_>, intent: &Value) -> Option<Value> {
    ctx.account.get(KIND, intent.some("_checkout_session")?).cloned()
}

fn return_url(intent: &Value) -> Option<String> {
    let named = intent["next_action"]["redirect_to_url"].some("return_url").or_else(|| intent.some("_return_url"));
    named.map(str::to_owned)
}

/// Back to the integrator's own page, which learns how it went.
fn back(intent: &Value, return_url: Option<&str>, passed: bool) -> Reply {
    let kind = kind_of(intent.text("id"));
    let status = if passed { "succeeded" } else { "failed" };
    match return_url {
        Some(url) => see_other(&with_query(
            url,
            &[
                (kind, intent.text("id")),
                (&format!("{kind}_client_secret"), intent.text("client_secret")),
                ("redirect_status", status),
            ],
        )),
        None if passed => pages::notice(200, "Confirmed", "You can close this page."),
        None => pages::notice(200, "Not confirmed", "The authentication failed. You can close this page and try again."),
    }
}
