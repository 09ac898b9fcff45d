//! The end of a session that nobody paid: on demand, or when its time has come.

use super::ask;
use super::session::KIND;
use crate::stripe::context::Ctx;
use crate::stripe::errors::{Answer, ApiError};
use crate::stripe::routes::Args;
use crate::world::Read;
use serde_json::{Map, Value, json};

pub(super) fn expire(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let session = ctx.load(KIND, args.id())?;
    let status = session.text("status");
    if status != "open" {
        let text = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {status}."
        );
        return Err(ApiError::invalid(text));
    }
    Ok(end(ctx, session))
}

/// Called by the agenda at `expires_at`; a session that is no longer open stays as it is.
pub(crate) fn expire_when_due(ctx: &mut Ctx<'_>, id: &str) {
    if let Some(session) = ctx.account.get(KIND, id).filter(|s| s.text("status") == "open").cloned() {
        end(ctx, session);
    }
}

fn end(ctx: &mut Ctx<'_>, mut session: Value) -> Value {
    session["status"] = json!("expired");
    session["url"] = Value::Null;
    ctx.store_and_emit(&session, "checkout.session.expired");
    if let Some(intent) = session.some("payment_intent") {
        // An intent that cannot be cancelled any more has moved on, and the session could not have been open.
        let _ = ask(ctx, &format!("/v1/payment_intents/{intent}/cancel"), Map::new());
    }
    session
}
