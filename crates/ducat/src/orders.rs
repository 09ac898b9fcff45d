//! `ducat orders`: the newest orders, or one with everything that happened to it.

use crate::Failure;
use crate::cli::{Audience, Orders};
use crate::config::Config;
use crate::gateway::{Answer, Gateway, TalkError};
use crate::output::{self, Cell, amount, moment, paint, tone_of};
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;

/// Shows what was asked for.
pub async fn run(config: &Config, asked: Orders) -> Result<ExitCode, Failure> {
    let gateway = Gateway::open(config, &asked.target)?;
    let audience = Audience::from(asked.form);
    let id = match (&asked.id, &asked.reference) {
        (Some(id), _) => Some(id.to_string()),
        (None, Some(reference)) => Some(with_reference(&gateway, reference).await?),
        (None, None) => None,
    };
    let Some(id) = id else {
        let answer = gateway.get(&list_path(&asked)).await?;
        return match audience {
            Audience::Program => Ok(output::say(answer.text())),
            Audience::Person => Ok(output::say(&listing(&answer.json()?))),
        };
    };
    let answer = one(&gateway, &id).await?;
    match audience {
        Audience::Program => Ok(output::say(answer.text())),
        Audience::Person => Ok(output::say(&told(&answer.json()?))),
    }
}

/// One order with everything that belongs to it.
async fn one(gateway: &Gateway, id: &str) -> Result<Answer, TalkError> {
    gateway.get(&format!("/v1/payment_orders/{id}?expand=attempts,refunds,events")).await
}

async fn with_reference(gateway: &Gateway, reference: &str) -> Result<String, Failure> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("reference", reference).finish();
    let list = gateway.get(&format!("/v1/payment_orders?{query}")).await?.json()?;
    let found = list["data"][0]["id"].as_str();
    found.map(str::to_owned).ok_or_else(|| format!("there is no order with the reference {reference}").into())
}

fn list_path(asked: &Orders) -> String {
    let mut query = url::form_urlencoded::Serializer::new(format!("limit={}", asked.limit));
    if let Some(status) = &asked.status {
        query.append_pair("status", status);
    }
    format!("/v1/payment_orders?{}", query.finish())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn status(value: &Value) -> Cell {
    let text = text(value);
    let tone = tone_of(&text);
    Cell::toned(text, tone)
}

fn listing(list: &Value) -> String {
    let orders: Vec<[Cell; 7]> = rows(&list["data"])
        .map(|order| {
            [
                text(&order["id"]).into(),
                text(&order["reference"]).into(),
                Cell::right(amount(&order["amount"], &order["currency"])),
                status(&order["status"]),
                text(&order["psp"]).into(),
                moment(&order["created_at"]).into(),
                notes(order).into(),
            ]
        })
        .collect();
    if orders.is_empty() {
        return "No orders. `ducat trigger payment_order.succeeded` makes one.".to_owned();
    }
    let mut told = output::table(["ID", "REFERENCE", "AMOUNT", "STATUS", "PSP", "CREATED (UTC)", ""], &orders);
    if list["has_more"] == true {
        told.push_str("\n\nThere are more: --limit, --status.");
    }
    told
}

/// What a person should not overlook.
fn notes(order: &Value) -> String {
    let mut notes = Vec::new();
    for (name, what) in [("amount_refunded", "refunded"), ("amount_disputed", "disputed")] {
        if order[name].as_i64().is_some_and(|minor| minor > 0) {
            notes.push(format!("{} {what}", amount(&order[name], &order["currency"])));
        }
    }
    if order["paid_late"] == true {
        notes.push("paid late".to_owned());
    }
    if order["latest_attempt"]["status"] == "unknown" {
        notes.push("PSP's answer lost".to_owned());
    }
    notes.join(", ")
}

fn told(order: &Value) -> String {
    let mut told = String::new();
    let mut line = |name: &str, what: String| {
        // Writing into a text cannot fail.
        let _ = writeln!(told, "{name:<11} {what}");
    };
    let state = text(&order["status"]);
    line("Order", text(&order["id"]));
    line("Reference", text(&order["reference"]));
    line("Amount", amount(&order["amount"], &order["currency"]));
    line("Status", paint(&state, tone_of(&state)));
    for (name, field) in [
        ("Authorized", "amount_authorized"),
        ("Captured", "amount_captured"),
        ("Refunded", "amount_refunded"),
        ("Disputed", "amount_disputed"),
    ] {
        if order[field].as_i64().is_some_and(|minor| minor > 0) {
            line(name, amount(&order[field], &order["currency"]));
        }
    }
    line("Created", format!("{} UTC", moment(&order["created_at"])));
    if matches!(state.as_str(), "created" | "pending") {
        line("Expires", format!("{} UTC", moment(&order["expires_at"])));
        line("Checkout", text(&order["checkout_url"]));
    }
    if order["paid_late"] == true {
        line("Note", "the money came after the order had ended".to_owned());
    }
    told.push_str(&section("ATTEMPT", &attempts(order)));
    told.push_str(&section("REFUND", &refunds(order)));
    told.push_str(&section("TIME (UTC)", &timeline(order)));
    told
}

/// A table below the rest; nothing where there are no rows.
fn section(first: &str, rows: &[[Cell; 4]]) -> String {
    let head = match first {
        "ATTEMPT" => [first, "STATUS", "AT THE PSP", "WHY"],
        "REFUND" => [first, "STATUS", "AMOUNT", "WHY"],
        _ => [first, "EVENT", "STATUS", "ID"],
    };
    if rows.is_empty() { String::new() } else { format!("\n{}\n", output::table(head, rows)) }
}

fn attempts(order: &Value) -> Vec<[Cell; 4]> {
    let one = |attempt: &Value| {
        let at_psp = format!("{} {}", text(&attempt["psp"]), text(&attempt["psp_token"]));
        let why = attempt["failure"]["message"].as_str().unwrap_or_default();
        let code = attempt["failure"]["code"].as_str().map(|code| format!(" ({code})")).unwrap_or_default();
        [text(&attempt["id"]).into(), status(&attempt["status"]), at_psp.into(), format!("{why}{code}").into()]
    };
    rows(&order["attempts"]).map(one).collect()
}

fn refunds(order: &Value) -> Vec<[Cell; 4]> {
    let one = |refund: &Value| {
        let why = refund["failure"]["message"].as_str().or(refund["reason"].as_str()).unwrap_or_default();
        let amount = Cell::right(amount(&refund["amount"], &refund["currency"]));
        [text(&refund["id"]).into(), status(&refund["status"]), amount, why.into()]
    };
    rows(&order["refunds"]).map(one).collect()
}

fn timeline(order: &Value) -> Vec<[Cell; 4]> {
    let one = |event: &Value| {
        let kind = text(&event["type"]);
        let tone = tone_of(&kind);
        [
            moment(&event["created_at"]).into(),
            Cell::toned(kind, tone),
            text(&event["data"]["status"]).into(),
            text(&event["id"]).into(),
        ]
    };
    rows(&order["events"]).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_person_should_not_overlook_stands_beside_the_order() {
        let order = json!({"amount_refunded": 1234, "amount_disputed": 0, "currency": "EUR", "paid_late": true,
            "latest_attempt": {"status": "captured"}});
        assert_eq!(notes(&order), "12.34 EUR refunded, paid late");
        assert_eq!(notes(&json!({"latest_attempt": {"status": "unknown"}})), "PSP's answer lost");
    }

    #[test]
    fn one_order_tells_its_attempts_and_its_refunds() {
        let order = json!({
            "id": "po_1", "reference": "r", "amount": 4999, "currency": "EUR", "status": "succeeded", "amount_captured": 4999,
            "amount_refunded": 1000, "created_at": "2026-11-21T07:18:13Z",
            "attempts": [{"id": "pa_1", "status": "captured", "psp": "stripe", "psp_token": "cs_1", "failure": null}],
            "refunds": [{"id": "re_1", "status": "failed", "amount": 1000, "currency": "EUR", "failure": {"message": "The bank refused."}}],
        });
        let told = told(&order);
        for part in [
            "Amount      49.99 EUR",
            "Captured    49.99 EUR",
            "pa_1     captured  stripe cs_1",
            "re_1    failed  10.00 EUR  The bank refused.",
        ] {
            assert!(told.contains(part), "{part}\n{told}");
        }
        assert!(!told.contains("Checkout") && !told.contains("EVENT"), "{told}");
    }
}
