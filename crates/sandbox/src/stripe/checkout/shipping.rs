//! Shipping options of a session: existing rates or new ones; the first is the one that is charged.

use super::ask;
use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::world::Read;
use serde_json::{Map, Value, json};

const MAX_OPTIONS: usize = 5;

/// What was understood of the options before any rate is made.
pub(super) struct Options {
    given: Vec<Value>,
    amounts: Vec<i64>,
}

impl Options {
    /// Reads the options; every rate must be in the session's currency.
    pub fn read(ctx: &Ctx<'_>, params: &Map<String, Value>, currency: &str) -> Result<Self, ApiError> {
        let given = params.get("shipping_options").and_then(Value::as_array).cloned().unwrap_or_default();
        if given.len() > MAX_OPTIONS {
            return Err(ApiError::invalid(format!("You may only specify up to {MAX_OPTIONS} shipping options."))
                .param("shipping_options"));
        }
        let read = given.iter().enumerate().map(|(i, option)| amount(ctx, option, currency, &format!("shipping_options[{i}]")));
        let amounts = read.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { given, amounts })
    }

    /// What shipping adds to the total.
    pub fn charged(&self) -> i64 {
        self.amounts.first().copied().unwrap_or(0)
    }

    /// Makes the rates that are new; answers the session's `shipping_options` and `shipping_cost`.
    pub fn make(self, ctx: &mut Ctx<'_>) -> Result<(Value, Value), ApiError> {
        let mut shown = Vec::new();
        for (option, amount) in self.given.into_iter().zip(self.amounts) {
            let rate = match (option.some("shipping_rate"), &option["shipping_rate_data"]) {
                (None, Value::Object(data)) => json!(ask(ctx, "/v1/shipping_rates", data.clone())?.text("id")),
                (id, _) => json!(id),
            };
            shown.push(json!({ "shipping_amount": amount, "shipping_rate": rate }));
        }
        let cost = match shown.first() {
            None => Value::Null,
            Some(first) => json!({
                "amount_subtotal": first["shipping_amount"], "amount_tax": 0, "amount_total": first["shipping_amount"],
                "shipping_rate": first["shipping_rate"],
            }),
        };
        Ok((Value::Array(shown), cost))
    }
}

fn amount(ctx: &Ctx<'_>, option: &Value, currency: &str, path: &str) -> Result<i64, ApiError> {
    let fixed = match (option.some("shipping_rate"), &option["shipping_rate_data"]) {
        (Some(_), Value::Object(_)) => {
            let text = "You may only specify one of these parameters: shipping_rate, shipping_rate_data.";
            return Err(ApiError::invalid(text).param(path));
        }
        (Some(id), _) => {
            let param = format!("{path}[shipping_rate]");
            let rate = ctx.load_param("shipping_rate", id, &param)?;
            if !rate.yes("active") {
                return Err(ApiError::invalid(format!("The shipping rate `{id}` is not active.")).param(&param));
            }
            rate["fixed_amount"].clone()
        }
        (None, data @ Value::Object(_)) => data["fixed_amount"].clone(),
        (None, _) => return Err(ApiError::missing(&format!("{path}[shipping_rate]"))),
    };
    let own = (fixed.text("currency") == currency).then(|| fixed["amount"].as_i64()).flatten();
    let amount = own.or_else(|| fixed["currency_options"][currency]["amount"].as_i64());
    match amount {
        Some(amount @ 0..) => Ok(amount),
        Some(_) => Err(ApiError::invalid("Invalid non-negative integer").code("parameter_invalid_integer").param(path)),
        None => Err(ApiError::invalid(format!("The shipping rate must be in the session's currency `{currency}`.")).param(path)),
    }
}
