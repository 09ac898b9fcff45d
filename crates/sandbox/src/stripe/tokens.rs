//! Tokens: a card as a browser hands it over, good for one use.

use super::cards;
use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payment_methods::{of_test_card, part};
use super::routes::{Args, Route};
use super::sources;
use crate::world::{Read, shown};
use serde_json::{Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("POST", "/v1/tokens", "tokens.create", "token", create).public(),
    Route::new("GET", "/v1/tokens/{id}", "tokens.retrieve", "token", retrieve),
];

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.room_for("token")?;
    let given = part(&args.params, "card");
    let mut token = json!({
        "id": ctx.id("tok"), "object": "token", "client_ip": null, "created": ctx.now(), "livemode": false, "type": "card", "used": false,
    });
    match given {
        Value::Object(_) => token["card"] = sources::typed(ctx, given)?,
        Value::String(name) => match cards::by_name(name) {
            Some(card) => token["card"] = sources::card_object(ctx, &of_test_card(ctx, card), &Value::Null),
            None => return Err(ApiError::no_such("card", name, "card")),
        },
        _ if args.params.has("pii") => token["type"] = json!("pii"),
        _ if args.params.has("cvc_update") => token["type"] = json!("cvc_update"),
        _ if args.params.has("bank_account") => {
            return Err(ApiError::invalid("This sandbox makes no tokens of bank accounts.").param("bank_account"));
        }
        _ => {
            return Err(ApiError::invalid(
                "You must supply either a card, customer, PII data, bank account, or account legal entity details to create a token.",
            ));
        }
    }
    ctx.store(&token);
    Ok(shown(&token))
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("token", args.id()).map(|t| shown(&t))
}
