//! `/_sandbox/…`: the fault script, the truth as tests read it, whose a session is, the clock, starting anew, and what happens to money
//! without the shop.
//!
//! - `money`: lines on the balance, disputes, payouts, settlement currencies. `sessions`: whose one is, and what it offers.

mod money;
mod sessions;

use crate::http::{Reply, Request};
use crate::sandbox::Sandbox;
use crate::stripe::{self, auth};
use crate::world::{Account, Read, World, list};
use money::Desk;
use serde_json::{Map, Value, json};

/// Nobody moves the clock further than a hundred years at a time.
const MAX_ADVANCE_S: i64 = 100 * 366 * 86_400;

/// Answers one request of the control interface.
pub(crate) fn answer(sandbox: &Sandbox, world: &mut World, request: &Request, now_ms: i64) -> Reply {
    let path = request.path.strip_prefix("/_sandbox/").unwrap_or_default().trim_end_matches('/');
    let answered = match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["faults"]) => Ok(list("/_sandbox/faults", world.faults.list(), false)),
        ("POST", ["faults"]) => body(request).and_then(|given| world.faults.add(&Value::Object(given)).map_err(refused)),
        ("DELETE", ["faults"]) => {
            world.faults.clear();
            Ok(list("/_sandbox/faults", Vec::new(), false))
        }
        ("DELETE", ["faults", id]) if world.faults.remove(id) => Ok(json!({ "id": id, "deleted": true })),
        ("DELETE", ["faults", id]) => {
            Err(Reply::json(404, &json!({ "error": { "field": "id", "message": format!("there is no rule {id}") } })))
        }
        ("GET", ["state"]) => state(world, request),
        ("GET", ["account"]) => sessions::owner(world, request),
        ("POST", ["sessions", id]) => sessions::offer(world, request, id),
        ("GET", ["clock"]) => Ok(clock(sandbox, world)),
        ("POST", ["clock"]) => body(request).and_then(|given| move_clock(sandbox, world, &given, now_ms)),
        ("POST", ["reset"]) => reset(world, request),
        ("GET", ["accounts"]) => Ok(money::accounts(world)),
        ("GET", ["exchange_rates"]) => money::exchange_rates(request),
        ("POST", ["accounts"]) => Desk { sandbox, world, request, now_ms }.settle_in(),
        ("POST", ["balance_transactions"]) => Desk { sandbox, world, request, now_ms }.put_line(),
        ("POST", ["disputes"]) => Desk { sandbox, world, request, now_ms }.open_dispute(),
        ("POST", ["disputes", id]) => Desk { sandbox, world, request, now_ms }.rule(id),
        ("POST", ["payouts"]) => Desk { sandbox, world, request, now_ms }.pay_out(),
        ("POST", ["payouts", id, "fail"]) => Desk { sandbox, world, request, now_ms }.fail_payout(id),
        (
            _,
            [
                "faults"
                | "state"
                | "account"
                | "sessions"
                | "clock"
                | "reset"
                | "accounts"
                | "exchange_rates"
                | "balance_transactions"
                | "disputes"
                | "payouts",
            ],
        ) => Err(Reply::json(
            405,
            &json!({ "error": { "field": "method", "message": format!("{} cannot be used here", request.method) } }),
        )),
        _ => Err(Reply::json(
            404,
            &json!({ "error": { "field": "path", "message": format!("there is nothing at {}", request.path) } }),
        )),
    };
    answered.map_or_else(|reply| reply, |value| Reply::json(200, &value))
}

fn refused((field, why): (String, String)) -> Reply {
    Reply::json(400, &json!({ "error": { "field": field, "message": format!("{field} {why}") } }))
}

fn refuse(field: &str, why: &str) -> Reply {
    refused((field.to_owned(), why.to_owned()))
}

/// The JSON object of the body; an empty body is an empty object.
fn body(request: &Request) -> Result<Map<String, Value>, Reply> {
    if request.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    serde_json::from_slice(&request.body).map_err(|_| refuse("body", "must be a JSON object"))
}

/// The account that the query, or else the request's key, names; none means all of them.
fn named_account(world: &World, request: &Request) -> Result<Option<String>, Reply> {
    let mut asked = None;
    for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
        match &*name {
            "account" => asked = Some(value.into_owned()),
            other => return Err(refuse(other, "is unknown; only account may be given")),
        }
    }
    named_in(world, request, asked.as_deref())
}

/// The account that a text, or else the request's key, names; none if neither does.
fn named_in(world: &World, request: &Request, asked: Option<&str>) -> Result<Option<String>, Reply> {
    let Some(asked) = asked else {
        return match request.header_value("Authorization") {
            None => Ok(None),
            Some(_) => auth::read(request).map(|c| Some(c.account)).map_err(|e| refuse("Authorization", e.message())),
        };
    };
    if let Some(credential) = auth::account_of(asked) {
        return Ok(Some(credential.account));
    }
    let found = world.accounts.values().find(|a| a.name == asked || a.id == asked).map(|a| a.name.clone());
    found.map(Some).ok_or_else(|| refuse("account", "must be a test key, or the name or id of an account that exists"))
}

fn reset(world: &mut World, request: &Request) -> Result<Value, Reply> {
    if let Some(name) = body(request)?.keys().next() {
        return Err(refuse(name, "is unknown; the account is named in the query"));
    }
    match named_account(world, request)? {
        Some(name) => {
            world.accounts.remove(&name);
            world.in_flight.retain(|(account, _)| *account != name);
        }
        // The clock goes back as well: nothing is left that could notice.
        None => *world = World::default(),
    }
    Ok(json!({ "reset": true }))
}

fn clock(sandbox: &Sandbox, world: &World) -> Value {
    json!({ "now": sandbox.now_ms(world).div_euclid(1_000), "offset_seconds": world.clock_offset_ms.div_euclid(1_000) })
}

fn move_clock(sandbox: &Sandbox, world: &mut World, given: &Map<String, Value>, now_ms: i64) -> Result<Value, Reply> {
    const KNOWN: [&str; 3] = ["advance_seconds", "advance", "now"];
    if let Some(name) = given.keys().find(|k| !KNOWN.contains(&k.as_str())) {
        return Err(refuse(name, "is unknown; the clock takes advance_seconds or now"));
    }
    let mut named = KNOWN.iter().filter_map(|name| given.get(*name).map(|value| (*name, value)));
    let (Some((name, value)), None) = (named.next(), named.next()) else {
        return Err(refuse("body", "must hold either advance_seconds or now"));
    };
    let Some(seconds) = value.as_i64() else { return Err(refuse(name, "must be a whole number of seconds")) };
    let advance_ms = match name {
        "now" => seconds.saturating_mul(1_000).saturating_sub(now_ms.div_euclid(1_000) * 1_000),
        _ => seconds.saturating_mul(1_000),
    };
    if advance_ms < 0 {
        return Err(refuse(name, "would move the clock backwards, which cannot be done"));
    }
    if advance_ms > MAX_ADVANCE_S * 1_000 {
        return Err(refuse(name, "would move the clock by more than a hundred years"));
    }
    world.clock_offset_ms = world.clock_offset_ms.saturating_add(advance_ms);
    let now_ms = sandbox.now_ms(world);
    stripe::pass_time(sandbox, world, now_ms);
    Ok(clock(sandbox, world))
}

fn state(world: &World, request: &Request) -> Result<Value, Reply> {
    match named_account(world, request)? {
        Some(name) => {
            Ok(world.accounts.get(&name).map_or_else(|| account_state(&Account::new(&name, String::new(), 0)), account_state))
        }
        None => {
            let accounts: Map<String, Value> =
                world.accounts.iter().map(|(name, account)| (name.clone(), account_state(account))).collect();
            Ok(
                json!({ "accounts": accounts, "faults": world.faults.list(), "clock_offset_seconds": world.clock_offset_ms.div_euclid(1_000) }),
            )
        }
    }
}

fn account_state(account: &Account) -> Value {
    const SESSION: &[&str] = &[
        "id",
        "status",
        "payment_status",
        "mode",
        "amount_total",
        "currency",
        "client_reference_id",
        "metadata",
        "payment_intent",
        "setup_intent",
        "customer",
        "created",
        "expires_at",
    ];
    const INTENT: &[&str] = &[
        "id",
        "status",
        "amount",
        "amount_received",
        "amount_capturable",
        "currency",
        "metadata",
        "latest_charge",
        "customer",
        "capture_method",
    ];
    const CHARGE: &[&str] = &[
        "id",
        "amount",
        "amount_captured",
        "amount_refunded",
        "currency",
        "status",
        "captured",
        "paid",
        "refunded",
        "disputed",
        "metadata",
        "payment_intent",
        "failure_code",
    ];
    const REFUND: &[&str] = &["id", "amount", "currency", "status", "charge", "payment_intent", "reason", "metadata"];
    const DISPUTE: &[&str] = &["id", "amount", "currency", "status", "reason", "charge", "payment_intent"];
    const LINE: &[&str] = &["id", "type", "reporting_category", "amount", "fee", "net", "currency", "source", "status"];
    const PAYOUT: &[&str] = &["id", "amount", "currency", "status", "automatic"];
    json!({
        "id": account.id, "name": account.name, "created": account.created,
        "sessions": rows(account, "checkout.session", SESSION),
        "payment_intents": rows(account, "payment_intent", INTENT),
        "charges": rows(account, "charge", CHARGE),
        "refunds": rows(account, "refund", REFUND),
        "disputes": rows(account, "dispute", DISPUTE),
        "balance_transactions": rows(account, "balance_transaction", LINE),
        "payouts": rows(account, "payout", PAYOUT),
        "events": account.table("event").len(),
        "webhook_deliveries": account.queue.report(),
        "totals": totals(account),
        "idempotency_keys": account.idempotency.len(),
        "requests": account.requests,
    })
}

/// These fields of every object of a kind, oldest first.
fn rows(account: &Account, kind: &str, fields: &[&str]) -> Vec<Value> {
    let one = |object: &Value| fields.iter().map(|f| ((*f).to_owned(), object[*f].clone())).collect::<Map<_, _>>().into();
    account.table(kind).newest_first().rev().map(|(_, object)| one(object)).collect()
}

/// What was captured and what was given back, currency by currency.
fn totals(account: &Account) -> Value {
    let sum = |kind: &str, counts: fn(&Value) -> i64| {
        let mut sums = Map::new();
        for (_, object) in account.table(kind).newest_first() {
            let amount = counts(object);
            if amount > 0 {
                let so_far = sums.get(object.text("currency")).and_then(Value::as_i64).unwrap_or(0);
                sums.insert(object.text("currency").to_owned(), json!(so_far.saturating_add(amount)));
            }
        }
        sums
    };
    let captured = |charge: &Value| if charge.text("status") == "succeeded" { charge.int("amount_captured") } else { 0 };
    let refunded = |refund: &Value| {
        if matches!(refund.text("status"), "succeeded" | "pending" | "requires_action") { refund.int("amount") } else { 0 }
    };
    json!({ "captured": sum("charge", captured), "refunded": sum("refund", refunded) })
}
