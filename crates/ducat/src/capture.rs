//! `ducat capture`: takes money that is held.

use crate::cli::{Audience, Capture};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::output::{self, amount};
use crate::{Failure, major};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Asks for it, and says how the order stands.
pub async fn run(config: &Config, asked: Capture) -> Result<ExitCode, Failure> {
    let gateway = Gateway::open(config, &asked.target)?;
    let order = asked.order.to_string();
    let mut body = Map::new();
    if let Some(minor) = major::asked(&gateway, &order, &asked.amount).await? {
        body.insert("amount".into(), json!(minor));
    }
    if asked.keep_rest {
        body.insert("final".into(), json!(false));
    }
    let answer = gateway.post(&format!("/v1/payment_orders/{order}/capture"), &Value::Object(body)).await?;
    match Audience::from(asked.form) {
        Audience::Program => Ok(output::say(answer.text())),
        Audience::Person => Ok(output::say(&told(&answer.json()?))),
    }
}

fn told(order: &Value) -> String {
    let id = order["id"].as_str().unwrap_or("The order");
    let taken = amount(&order["amount_captured"], &order["currency"]);
    match order["status"].as_str() {
        Some("succeeded") => format!("{id} is succeeded: {taken} are taken."),
        Some(status) => format!("{id} is {status}: {taken} are taken so far. Watch it: ducat orders {id}"),
        None => format!("{id}: the gateway's answer has no status."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_told_with_where_the_order_stands() {
        let order = |status: &str| told(&json!({"id": "po_1", "status": status, "amount_captured": 1000, "currency": "EUR"}));
        assert_eq!(order("succeeded"), "po_1 is succeeded: 10.00 EUR are taken.");
        assert!(order("authorized").contains("10.00 EUR are taken so far"));
    }
}
