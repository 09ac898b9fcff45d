//! `ducat cancel`: calls an order off.

use crate::cli::{Audience, Cancel};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::{Failure, output};
use serde_json::json;
use std::process::ExitCode;

/// Asks for it, and says how the order stands.
pub async fn run(config: &Config, asked: Cancel) -> Result<ExitCode, Failure> {
    let gateway = Gateway::open(config, &asked.target)?;
    let answer = gateway.post(&format!("/v1/payment_orders/{}/cancel", asked.order), &json!({})).await?;
    if Audience::from(asked.form) == Audience::Program {
        return Ok(output::say(answer.text()));
    }
    let order = answer.json()?;
    let told = match order["status"].as_str() {
        Some("canceled") => format!("{} is canceled.", asked.order),
        status => format!(
            "{} is {}: the PSP has not confirmed yet; it is canceled as soon as it does. Watch it: ducat orders {}",
            asked.order,
            status.unwrap_or("under way"),
            asked.order
        ),
    };
    Ok(output::say(&told))
}
