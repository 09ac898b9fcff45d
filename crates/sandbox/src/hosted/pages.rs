//! The pages as HTML: templates, what they show, and the headers that keep them safe.

use super::address::policy;
use super::asked::{self, Group};
use super::entry::{Entry, Mistake};
use super::pay::offers;
use crate::http::Reply;
use crate::stripe::checkout::destination;
use crate::stripe::context::Ctx;
use crate::stripe::money::display;
use crate::world::Read;
use askama::Template;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// Where the pages' style sheet lives.
pub(super) const STYLE_PATH: &str = "/_sandbox/assets/hosted.css";
const STYLE: &str = include_str!("../../assets/hosted.css");

/// The style sheet's address, which changes with its content so that it can be kept for ever.
fn style_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| format!("{STYLE_PATH}?v={}", &hex::encode(Sha256::digest(STYLE))[..12]))
}

pub(super) fn style() -> Reply {
    let reply = Reply::bytes(200, "text/css; charset=utf-8", STYLE.as_bytes().to_vec());
    reply.header("Cache-Control", "public, max-age=31536000, immutable").header("X-Content-Type-Options", "nosniff")
}

/// What the form holds besides card data.
pub(super) struct Form {
    pub email: String,
    /// The shop already knows the address, so the customer cannot change it.
    pub locked: bool,
    pub name: String,
    /// The customer pays by SEPA debit.
    pub debit: bool,
    /// What the session wants to know besides.
    pub asked: Vec<Group>,
}

impl Form {
    /// The form before anything was typed.
    pub fn blank(session: &Value) -> Self {
        let known = session["customer_details"].some("email").or_else(|| session.some("customer_email"));
        let name = session["customer_details"].text("name").to_owned();
        let email = known.unwrap_or_default().to_owned();
        Self { email, locked: known.is_some(), name, debit: !offers(session, "card"), asked: asked::groups(session, None) }
    }

    /// The form as it was sent.
    pub fn typed(session: &Value, entry: &Entry) -> Self {
        let blank = Self::blank(session);
        let short = |text: &str| text.chars().take(200).collect::<String>();
        Self {
            email: if blank.locked { blank.email } else { short(entry.text("email")) },
            locked: blank.locked,
            name: short(entry.text("name")),
            debit: offers(session, "sepa_debit") && (blank.debit || entry.text("method") == "sepa_debit"),
            asked: asked::groups(session, Some(entry)),
        }
    }
}

struct Line {
    what: String,
    quantity: i64,
    amount: String,
}

/// The test numbers the page offers: what is typed, and what happens.
const TEST_CARDS: [(&str, &str); 8] = [
    ("4242 4242 4242 4242", "Pays"),
    ("4000 0027 6000 3184", "Asks for 3-D Secure"),
    ("4000 0000 0000 0002", "Declined"),
    ("4000 0000 0000 9995", "Declined: no funds"),
    ("4000 0000 0000 0069", "Declined: expired"),
    ("4000 0000 0000 0127", "Declined: wrong CVC"),
    ("4000 0000 0000 0119", "Processing error"),
    ("4000 0000 0000 0259", "Pays, then disputed"),
];
const TEST_DEBITS: [(&str, &str); 2] =
    [("AT61 1904 3002 3457 3201", "Pays later"), ("IT60 X054 2811 1010 0000 0123 456", "Fails later")];

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage<'a> {
    style: &'a str,
    title: String,
    /// What the button says.
    deed: String,
    action: String,
    form: &'a Form,
    mistakes: &'a [Mistake],
    cards: bool,
    debits: bool,
    lines: Vec<Line>,
    rows: Vec<(&'static str, String)>,
    total: String,
    cancel: Option<&'a str>,
    note: Option<&'a str>,
    test_cards: &'static [(&'static str, &'static str)],
    test_debits: &'static [(&'static str, &'static str)],
    terms_asked: &'static str,
}

impl PayPage<'_> {
    /// What is wrong with a field; empty if nothing is.
    fn wrong(&self, field: &str) -> &str {
        self.mistakes.iter().find(|m| m.field == field).map_or("", |m| m.text.as_str())
    }

    fn has_mistake(&self, field: &str) -> bool {
        self.mistakes.iter().any(|m| m.field == field)
    }
}

/// Whether the order costs nothing, so that there is nothing to pay with.
pub(super) fn is_free(session: &Value) -> bool {
    session.int("amount_total") == 0
}

/// The payment form of an open session.
pub(super) fn form(status: u16, ctx: &Ctx<'_>, session: &Value, form: &Form, mistakes: &[Mistake]) -> Reply {
    let currency = session.text("currency");
    let amount = |n: i64| display(n, currency);
    let items = session["_line_items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = items.iter().map(|i| Line {
        what: i.text("description").to_owned(),
        quantity: i.int("quantity"),
        amount: amount(i.int("amount_subtotal")),
    });
    let details = &session["total_details"];
    let mut rows = Vec::new();
    if ["amount_discount", "amount_tax"].iter().any(|n| details.int(n) != 0) || session.has("shipping_cost") {
        rows.push(("Subtotal", amount(session.int("amount_subtotal"))));
    }
    if details.int("amount_discount") != 0 {
        rows.push(("Discount", amount(-details.int("amount_discount"))));
    }
    if session.has("shipping_cost") {
        rows.push(("Shipping", amount(details.int("amount_shipping"))));
    }
    if details.int("amount_tax") != 0 {
        rows.push(("Tax", amount(details.int("amount_tax"))));
    }
    let total = amount(session.int("amount_total"));
    let free = is_free(session);
    let deed = if free { "Complete order".to_owned() } else { format!("Pay {total}") };
    let page = PayPage {
        style: style_url(),
        title: if mistakes.is_empty() { deed.clone() } else { format!("Error: {}", deed.to_lowercase()) },
        deed,
        action: format!("/c/pay/{}", session.text("id")),
        form,
        mistakes,
        cards: !free && offers(session, "card"),
        debits: !free && offers(session, "sepa_debit"),
        lines: lines.collect(),
        rows,
        total,
        cancel: session.some("cancel_url"),
        note: session["custom_text"]["submit"].some("message"),
        test_cards: &TEST_CARDS,
        test_debits: &TEST_DEBITS,
        terms_asked: asked::TERMS_ASKED,
    };
    let success = destination(session);
    html(status, &page, &policy(&[success.as_deref(), session.some("cancel_url"), Some(ctx.public_url)]))
}

#[derive(Template)]
#[template(path = "bank.html")]
struct BankPage<'a> {
    style: &'a str,
    action: String,
    question: String,
    wish: &'static str,
    shop: Option<&'a str>,
}

/// The bank's question.
pub(super) fn authentication(intent: &Value, session: Option<&Value>, return_url: Option<&str>) -> Reply {
    // A SetupIntent has no amount: the card is to be kept, not charged.
    let (question, wish) = if intent.has("amount") {
        (format!("Confirm {}?", display(intent.int("amount"), intent.text("currency"))), "charge your test card")
    } else {
        ("Confirm your card?".to_owned(), "keep your test card for later payments")
    };
    let page = BankPage {
        style: style_url(),
        action: format!("/c/3ds/{}", intent.text("id")),
        question,
        wish,
        shop: session.and_then(|s| s["branding_settings"].some("display_name")),
    };
    let success = session.and_then(destination);
    html(200, &page, &policy(&[success.as_deref(), return_url]))
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    style: &'a str,
    mark: &'a str,
    heading: &'a str,
    text: &'a str,
    link: Option<(String, &'a str)>,
}

fn said(status: u16, mark: &str, heading: &str, text: &str, link: Option<(String, &str)>) -> Reply {
    html(status, &NoticePage { style: style_url(), mark, heading, text, link }, &policy(&[]))
}

/// A page that only tells something.
pub(super) fn notice(status: u16, heading: &str, text: &str) -> Reply {
    said(status, "plain", heading, text, None)
}

/// What `receipt_url` of a charge leads to.
pub(super) fn receipt(ctx: &Ctx<'_>, id: &str) -> Reply {
    let Some(charge) = ctx.account.get("charge", id).filter(|c| c.has("receipt_url")) else {
        return unknown("There is no such receipt", "Check the link.");
    };
    let amount = |field: &str| display(charge.int(field), charge.text("currency"));
    let mut text = format!("{} was paid, charge {id}.", amount("amount_captured"));
    if charge.int("amount_refunded") > 0 {
        text.push_str(&format!(" {} of it was given back.", amount("amount_refunded")));
    }
    said(200, "done", "Receipt", &text, None)
}

pub(super) fn completed(session: &Value) -> Reply {
    let link = destination(session).map(|to| (to, "Back to the shop"));
    match session.text("payment_status") {
        "unpaid" => said(
            200,
            "done",
            "Payment on its way",
            "Your payment was started. It can take some days until the money arrives.",
            link,
        ),
        _ => said(200, "done", "Already paid", "This payment is complete. Nothing more will be charged.", link),
    }
}

pub(super) fn expired(session: &Value) -> Reply {
    let link = session.some("cancel_url").map(|to| (to.to_owned(), "Back to the shop"));
    said(410, "gone", "This payment page has expired", "Nothing was charged. Go back to the shop to start again.", link)
}

pub(super) fn unknown(heading: &str, text: &str) -> Reply {
    said(404, "plain", heading, text, None)
}

pub(super) fn wrong_method() -> Reply {
    notice(405, "This page cannot be asked that way", "Payment pages answer GET and POST.").header("Allow", "GET, HEAD, POST")
}

fn html(status: u16, page: &impl Template, policy: &str) -> Reply {
    // Rendering into memory fails only if a value cannot be written, and all of ours are texts and numbers.
    let body = page.render().unwrap_or_default().into_bytes();
    Reply::bytes(status, "text/html; charset=utf-8", body)
        .header("Content-Security-Policy", policy)
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "no-referrer")
        .header("X-Content-Type-Options", "nosniff")
}
