//! The pages a customer sees: [`pay`] takes a session's payment, [`authenticate`] plays the bank, [`pages`] renders, [`entry`] reads
//! what was typed, [`asked`] is what a session wants to know besides, [`address`] says where the customer may be sent.

mod address;
mod asked;
mod authenticate;
mod entry;
mod pages;
mod pay;

use crate::http::{Reply, Request};
use crate::sandbox::Sandbox;
use crate::stripe::context::{Ctx, Origin};
use crate::world::World;

/// Which page a request is for.
enum Page<'a> {
    Pay(&'a str),
    Authenticate(&'a str),
    Receipt(&'a str),
    Style,
}

fn page_of(path: &str) -> Option<Page<'_>> {
    if path == pages::STYLE_PATH {
        return Some(Page::Style);
    }
    let one = |id: &'_ str| !id.is_empty() && !id.contains('/');
    if let Some(id) = path.strip_prefix("/c/pay/").map(|p| p.trim_end_matches('/')).filter(|id| one(id)) {
        return Some(Page::Pay(id));
    }
    if let Some(id) = path.strip_prefix("/c/receipts/").filter(|id| one(id)) {
        return Some(Page::Receipt(id));
    }
    path.strip_prefix("/c/3ds/").map(|p| p.trim_end_matches('/')).filter(|id| one(id)).map(Page::Authenticate)
}

/// The name of a page's operation in the fault script.
pub(crate) fn operation_of(request: &Request) -> Option<&'static str> {
    match (page_of(&request.path)?, request.method.as_str()) {
        (Page::Style, _) => Some("hosted_page.style"),
        (Page::Pay(_), "POST") => Some("hosted_page.pay"),
        (Page::Authenticate(_), "POST") => Some("hosted_page.authenticate"),
        _ => Some("hosted_page.view"),
    }
}

pub(crate) fn answer(sandbox: &Sandbox, world: &mut World, request: &Request, now_ms: i64) -> Reply {
    let posted = match request.method.as_str() {
        "GET" | "HEAD" => false,
        "POST" => true,
        _ => return pages::wrong_method(),
    };
    match page_of(&request.path) {
        Some(Page::Style) => pages::style(),
        Some(Page::Pay(id)) => match open(sandbox, world, "checkout.session", id, now_ms) {
            None => pages::unknown("There is no such payment page", "Check the link, or go back to the shop and start again."),
            Some(mut ctx) if posted => pay::take(&mut ctx, id, request),
            Some(ctx) => pay::show(&ctx, id, request),
        },
        Some(Page::Authenticate(id)) => match open(sandbox, world, authenticate::kind_of(id), id, now_ms) {
            None => pages::unknown("There is nothing to confirm here", "Check the link, or go back to the shop and start again."),
            Some(mut ctx) if posted => authenticate::take(&mut ctx, id, request),
            Some(ctx) => authenticate::show(&ctx, id),
        },
        Some(Page::Receipt(_)) if posted => pages::wrong_method(),
        Some(Page::Receipt(id)) => match open(sandbox, world, "charge", id, now_ms) {
            Some(ctx) => pages::receipt(&ctx, id),
            None => pages::unknown("There is no such receipt", "Check the link."),
        },
        None => pages::unknown(
            "There is no page at this address",
            "The sandbox answers Stripe's API below /v1 and shows payment pages below /c.",
        ),
    }
}

/// The account that holds this object. A page's address carries no key: its id is the secret, as with Stripe.
fn open<'w>(sandbox: &'w Sandbox, world: &'w mut World, kind: &str, id: &str, now_ms: i64) -> Option<Ctx<'w>> {
    let World { accounts, faults, .. } = world;
    let account = accounts.values_mut().find(|account| account.get(kind, id).is_some())?;
    Some(Ctx {
        account,
        faults,
        chance: &*sandbox.chance,
        public_url: &sandbox.settings.public_url,
        now_ms,
        origin: Origin::default(),
    })
}
