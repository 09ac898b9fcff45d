//! Webhook endpoints: where events go. The secret is shown once, when the endpoint is made.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::routes::{Args, Route};
use super::{deleted, lists, metadata};
use crate::world::{Read, shown};
use serde_json::{Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/webhook_endpoints", "webhook_endpoints.list", "list:webhook_endpoint", list),
    Route::new("POST", "/v1/webhook_endpoints", "webhook_endpoints.create", "webhook_endpoint", create),
    Route::new("GET", "/v1/webhook_endpoints/{id}", "webhook_endpoints.retrieve", "webhook_endpoint", retrieve),
    Route::new("POST", "/v1/webhook_endpoints/{id}", "webhook_endpoints.update", "webhook_endpoint", update),
    Route::new("DELETE", "/v1/webhook_endpoints/{id}", "webhook_endpoints.delete", "webhook_endpoint", delete),
];

/// Stripe takes this many endpoints in test mode.
const MAX_ENDPOINTS: usize = 16;

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    check_url(params.text("url"))?;
    check_events(params.get("enabled_events"))?;
    if ctx.account.table("webhook_endpoint").len() >= MAX_ENDPOINTS {
        return Err(ApiError::invalid(format!("You have reached the maximum of {MAX_ENDPOINTS} test webhook endpoints.")));
    }
    let endpoint = json!({
        "id": ctx.id("we"), "object": "webhook_endpoint", "api_version": params.some("api_version"), "application": null,
        "created": ctx.now(), "description": params.some("description"), "enabled_events": params["enabled_events"],
        "livemode": false, "metadata": metadata::fresh(params), "status": "enabled", "url": params.text("url"),
        "_secret": ctx.id("whsec"),
    });
    ctx.store(&endpoint);
    let mut answer = shown(&endpoint);
    answer["secret"] = endpoint["_secret"].clone();
    Ok(answer)
}

fn check_url(url: &str) -> Result<(), ApiError> {
    let good = url::Url::parse(url).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    if good {
        Ok(())
    } else {
        Err(ApiError::invalid("Invalid URL: An explicit scheme (such as https) must be provided.")
            .code("url_invalid")
            .param("url"))
    }
}

fn check_events(events: Option<&Value>) -> Result<(), ApiError> {
    if events.is_some_and(|e| e.as_array().is_none_or(Vec::is_empty)) {
        return Err(ApiError::invalid("You must choose at least one event to listen to.").param("enabled_events"));
    }
    Ok(())
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("webhook_endpoint", args.id()).map(|e| shown(&e))
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let mut endpoint = ctx.load("webhook_endpoint", args.id())?;
    let params = &args.params;
    if let Some(url) = params.some("url") {
        check_url(url)?;
    }
    check_events(params.get("enabled_events"))?;
    metadata::assign(&mut endpoint, params, &["description", "enabled_events", "url"]);
    if params.has("disabled") {
        endpoint["status"] = json!(if params.yes("disabled") { "disabled" } else { "enabled" });
    }
    metadata::merge(&mut endpoint, params)?;
    ctx.store(&endpoint);
    Ok(shown(&endpoint))
}

fn delete(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("webhook_endpoint", args.id())?;
    ctx.account.remove("webhook_endpoint", args.id());
    Ok(deleted("webhook_endpoint", args.id()))
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "webhook_endpoint", "/v1/webhook_endpoints", |_| true)
}
