//! `ducat refund`: gives money back, and waits until the PSP has said something definite about it.

use crate::cli::{Audience, Refund};
use crate::config::Config;
use crate::gateway::{Answer, Gateway, TalkError};
use crate::output::{self, amount};
use crate::{Failure, major};
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// How often a refund whose fate is unknown is looked at, and how often at the most.
const EVERY: Duration = Duration::from_millis(500);
const LOOKS: u32 = 60;

/// Asks for the refund, and ends with 1 where it failed.
pub async fn run(config: &Config, asked: Refund) -> Result<ExitCode, Failure> {
    let gateway = Gateway::open(config, &asked.target)?;
    let mut body = Map::new();
    if let Some(minor) = major::asked(&gateway, &asked.order.to_string(), &asked.amount).await? {
        body.insert("amount".into(), json!(minor));
    }
    if let Some(reason) = &asked.reason {
        body.insert("reason".into(), json!(reason));
    }
    let path = format!("/v1/payment_orders/{}/refunds", asked.order);
    let answer = settled(&gateway, gateway.post(&path, &Value::Object(body)).await?).await?;
    let refund = answer.json()?;
    let said = match Audience::from(asked.form) {
        Audience::Program => output::say(answer.text()),
        Audience::Person => output::say(&told(&refund)),
    };
    Ok(if refund["status"] == "failed" { ExitCode::FAILURE } else { said })
}

/// The refund once its fate is known or the PSP is working on it, or as it stands when our patience is over.
async fn settled(gateway: &Gateway, mut answer: Answer) -> Result<Answer, TalkError> {
    for _ in 0..LOOKS {
        let refund = answer.json()?;
        let (Some("unknown"), Some(id)) = (refund["status"].as_str(), refund["id"].as_str()) else { break };
        tokio::time::sleep(EVERY).await;
        answer = gateway.get(&format!("/v1/refunds/{id}")).await?;
    }
    Ok(answer)
}

fn told(refund: &Value) -> String {
    let text = |name: &str| refund[name].as_str().unwrap_or_default().to_owned();
    let (id, order, much) = (text("id"), text("payment_order"), amount(&refund["amount"], &refund["currency"]));
    match refund["status"].as_str() {
        Some("succeeded") => format!("{id}: {much} of {order} are given back."),
        Some("pending") => {
            format!("{id}: {much} of {order} are on their way back; the PSP has taken it on and will say when it is done.")
        }
        Some("failed") => {
            let failure = &refund["failure"];
            let why = failure["message"].as_str().or(failure["code"].as_str()).unwrap_or("the PSP gave no reason");
            format!("{id}: {much} of {order} were NOT given back: {why}")
        }
        _ => format!(
            "{id}: whether {much} of {order} are given back is not known yet: the PSP's answer was lost. The gateway finds out by \
             itself; do not ask for it again. Watch it: ducat orders {order}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_refund_is_told_for_what_it_is() {
        let refund = |status: &str| {
            told(&json!({"id": "re_1", "payment_order": "po_1", "amount": 1234, "currency": "EUR", "status": status,
                "failure": {"message": "The bank refused."}}))
        };
        assert_eq!(refund("succeeded"), "re_1: 12.34 EUR of po_1 are given back.");
        assert!(refund("pending").contains("on their way"));
        assert!(refund("failed").contains("NOT given back: The bank refused."));
        assert!(refund("unknown").contains("do not ask for it again"));
    }
}
