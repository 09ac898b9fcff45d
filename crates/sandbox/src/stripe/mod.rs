//! Stripe's wire protocol. A request passes [`auth`], the [`routes`], the parameter [`schema`], [`idempotency`], its operation
//! (one resource a file), and [`expand`]; what goes wrong on the way is an [`errors::ApiError`].

pub(crate) mod auth;
pub(crate) mod balance;
pub(crate) mod balance_types;
pub(crate) mod cards;
pub(crate) mod charges;
pub(crate) mod checkout;
pub(crate) mod context;
pub(crate) mod coupons;
pub(crate) mod customers;
pub(crate) mod disputes;
pub(crate) mod errors;
pub(crate) mod event_log;
pub(crate) mod exchange;
pub(crate) mod expand;
pub(crate) mod files;
pub(crate) mod form;
pub(crate) mod idempotency;
pub(crate) mod lists;
pub(crate) mod metadata;
pub(crate) mod money;
pub(crate) mod multipart;
pub(crate) mod payment_intents;
pub(crate) mod payment_methods;
pub(crate) mod payment_pages;
pub(crate) mod payments;
pub(crate) mod payouts;
pub(crate) mod prices;
pub(crate) mod products;
pub(crate) mod promotion_codes;
pub(crate) mod rates;
pub(crate) mod refunds;
pub(crate) mod routes;
pub(crate) mod schema;
pub(crate) mod search;
pub(crate) mod setup_intents;
pub(crate) mod sources;
pub(crate) mod tokens;
pub(crate) mod webhook_endpoints;
pub(crate) mod webhooks;

use crate::http::{Reply, Request};
use crate::ids;
use crate::sandbox::Sandbox;
use crate::world::{Account, MAX_ACCOUNTS, Task, World, shown};
use auth::Credential;
use context::{API_VERSION, Ctx, Origin};
use errors::ApiError;
use routes::{Args, Route};
use serde_json::{Value, json};

/// Whether a fault rule may name this operation.
pub(crate) fn is_operation(name: &str) -> bool {
    name == "*" || name.starts_with("hosted_page.") || routes::all().any(|r| r.operation == name)
}

/// The operation a request asks for.
pub(crate) fn operation_of(request: &Request) -> Option<&'static str> {
    routes::find(&request.method, &request.path).map(|(route, _)| route.operation)
}

/// Account and key under which the request's answer would be kept.
pub(crate) fn idempotency_scope(request: &Request) -> Option<(String, String)> {
    let key = request.header_value("Idempotency-Key").filter(|_| request.method == "POST")?;
    let credential = auth::read(request).ok()?;
    Some((credential.account, key.to_owned()))
}

/// Stripe keeps a failed answer under its idempotency key; so does an answer that the fault script made fail after acting.
pub(crate) fn overwrite_saved(world: &mut World, request: &Request, status: u16, body: &[u8]) {
    let Some((account, key)) = idempotency_scope(request) else { return };
    if let Some(saved) = world.accounts.get_mut(&account).and_then(|a| a.idempotency.get_mut(&key)) {
        saved.status = status;
        saved.body = String::from_utf8_lossy(body).into_owned();
    }
}

/// Lets everything happen that has become due by now.
pub(crate) fn pass_time(sandbox: &Sandbox, world: &mut World, now_ms: i64) {
    let World { accounts, faults, .. } = world;
    for account in accounts.values_mut() {
        while let Some(planned) = account.next_due(now_ms) {
            let mut ctx = Ctx {
                account,
                faults,
                chance: &*sandbox.chance,
                public_url: &sandbox.settings.public_url,
                now_ms: planned.due_ms,
                origin: Origin::default(),
            };
            match planned.task {
                Task::ExpireSession(id) => checkout::expire_when_due(&mut ctx, &id),
                Task::LapseHold(id) => payment_intents::lapse(&mut ctx, &id),
                Task::SettleDebit(id) => payments::settle_debit(&mut ctx, &id),
                Task::FailRefund(id) => refunds::fail_later(&mut ctx, &id),
                Task::SubmitPayout(id) => payouts::submit(&mut ctx, &id),
                Task::PayOut(id) => payouts::arrive(&mut ctx, &id),
                Task::PayOutAvailable => payouts::pay_out_available(&mut ctx),
                Task::EndDispute(id) => disputes::end_when_due(&mut ctx, &id),
            }
        }
    }
}

/// Lets something happen on an account without a request of Stripe's API; none if there is no room for the account.
pub(crate) fn on_account<T>(
    sandbox: &Sandbox,
    world: &mut World,
    name: &str,
    now_ms: i64,
    act: impl FnOnce(&mut Ctx<'_>) -> T,
) -> Option<T> {
    open_account(sandbox, world, name, now_ms)?;
    let World { accounts, faults, .. } = world;
    let account = accounts.get_mut(name)?;
    let (chance, public_url) = (&*sandbox.chance, sandbox.settings.public_url.as_str());
    Some(act(&mut Ctx { account, faults, chance, public_url, now_ms, origin: Origin::default() }))
}

/// The account a key opens, made at its first use.
pub(crate) fn open_account<'w>(sandbox: &Sandbox, world: &'w mut World, name: &str, now_ms: i64) -> Option<&'w mut Account> {
    if !world.accounts.contains_key(name) {
        if world.accounts.len() >= MAX_ACCOUNTS {
            return None;
        }
        let id = ids::new_id(&*sandbox.chance, "acct");
        world.accounts.insert(name.to_owned(), Account::new(name, id, now_ms.div_euclid(1_000)));
    }
    world.accounts.get_mut(name)
}

/// Answers one request of Stripe's API.
pub(crate) fn answer(sandbox: &Sandbox, world: &mut World, request: &Request, now_ms: i64) -> Reply {
    let request_id = ids::new_id(&*sandbox.chance, "req");
    let version = request.header_value("Stripe-Version").unwrap_or(API_VERSION);
    let reply = match authorised(request, version) {
        Err(error) => error.reply(&request_id),
        Ok((credential, route, args)) => match open_account(sandbox, world, &credential.account, now_ms) {
            None => ApiError::invalid("This sandbox holds no more accounts.").status(429).code("rate_limit").reply(&request_id),
            Some(_) => {
                let World { accounts, faults, .. } = world;
                // Opened just above.
                let Some(account) = accounts.get_mut(&credential.account) else { return ApiError::api(500).reply(&request_id) };
                *account.requests.entry(route.operation.to_owned()).or_default() += 1;
                let idempotency_key =
                    request.header_value("Idempotency-Key").filter(|_| request.method == "POST").map(str::to_owned);
                let origin = Origin { request_id: Some(request_id.clone()), idempotency_key, version: version.to_owned() };
                let mut ctx =
                    Ctx { account, faults, chance: &*sandbox.chance, public_url: &sandbox.settings.public_url, now_ms, origin };
                idempotency::around(&mut ctx, request, &request_id, |ctx, fields| run(ctx, route, args, fields, &credential))
            }
        },
    };
    let reply = if reply.header_value("Request-Id").is_some() { reply } else { reply.header("Request-Id", &request_id) };
    let shown_version = if auth::is_version(version) { version } else { API_VERSION };
    reply.header("Stripe-Version", shown_version).header("Cache-Control", "no-cache, no-store")
}

fn authorised(request: &Request, version: &str) -> Result<(Credential, &'static Route, Args), ApiError> {
    let credential = auth::read(request)?;
    if !auth::is_version(version) {
        return Err(ApiError::invalid(format!("Invalid Stripe API version: {version}")));
    }
    let Some((route, ids)) = routes::find(&request.method, &request.path) else {
        let text = format!(
            "Unrecognized request URL ({}: {}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
            request.method, request.path
        );
        return Err(ApiError::invalid(text).status(404));
    };
    if credential.publishable && !route.public {
        let text = "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.";
        return Err(ApiError::unauthenticated(text).code("secret_key_required"));
    }
    Ok((credential, route, Args::of(ids)))
}

/// Checks the parameters, runs the operation and expands its answer.
fn run(
    ctx: &mut Ctx<'_>,
    route: &Route,
    mut args: Args,
    mut fields: std::collections::BTreeMap<String, form::Node>,
    credential: &Credential,
) -> Result<Value, ApiError> {
    let paths = expand::take(&mut fields, route.returns)?;
    if credential.publishable {
        args.publishable = true;
        fields.remove("client_secret").iter().for_each(|node| args.client_secret = Some(node.clone()));
        fields.remove("key");
    }
    let schema = schema::schema_of(route.method, &route.pattern.replace("{id}", "{}"));
    args.params = match schema {
        Some(schema) => schema.check(&fields)?,
        None => serde_json::Map::new(),
    };
    let answer = (route.run)(ctx, &args)?;
    let mut answer = expand::shown_deep(&answer);
    expand::apply(ctx, &mut answer, &paths)?;
    Ok(answer)
}

/// An object that was deleted, as Stripe shows it afterwards.
pub(crate) fn deleted(kind: &str, id: &str) -> Value {
    json!({ "id": id, "object": kind, "deleted": true })
}

/// Stores the change, tells of it, and answers the object.
pub(crate) fn changed(ctx: &mut Ctx<'_>, before: &Value, after: Value, event: &str) -> errors::Answer {
    ctx.store(&after);
    ctx.emit_change(event, before, &after);
    Ok(shown(&after))
}
