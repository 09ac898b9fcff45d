//! What happens to money without the shop: lines on the balance, disputes, payouts, and the currencies an account settles in.

use super::{body, named_in, refuse, refused};
use crate::http::{Reply, Request};
use crate::sandbox::Sandbox;
use crate::stripe::balance::{self, Entry};
use crate::stripe::context::Ctx;
use crate::stripe::disputes::{self, Case, Claim, Fee};
use crate::stripe::errors::Refusal;
use crate::stripe::expand::shown_deep;
use crate::stripe::{balance_types, exchange, money, payouts};
use crate::world::{Read, World, list};
use serde_json::{Map, Value, json};

/// An account keeps money in no more currencies than this.
const MAX_SETTLEMENT_CURRENCIES: usize = 20;
/// Amounts beyond this are a mistake; sums of so many stay far from the end of the numbers.
const MAX_AMOUNT: i64 = 1_000_000_000_000;

/// What a field of a body must be.
#[derive(Clone, Copy)]
enum Is {
    Text,
    /// A number of minor units, up to [`MAX_AMOUNT`].
    Whole,
    YesOrNo,
    List,
}

impl Is {
    fn fits(self, value: &Value) -> bool {
        match self {
            _ if value.is_null() => true,
            Is::Text => value.is_string(),
            Is::Whole => value.as_i64().is_some_and(|n| (-MAX_AMOUNT..=MAX_AMOUNT).contains(&n)),
            Is::YesOrNo => value.is_boolean(),
            Is::List => value.is_array(),
        }
    }

    fn words(self) -> String {
        match self {
            Is::Text => "must be a text".into(),
            Is::Whole => format!("must be a whole number of minor units up to {MAX_AMOUNT}"),
            Is::YesOrNo => "must be true or false".into(),
            Is::List => "must be a list".into(),
        }
    }
}

/// Finds the account that is meant and lets something happen on it.
pub(super) struct Desk<'a> {
    pub sandbox: &'a Sandbox,
    pub world: &'a mut World,
    pub request: &'a Request,
    pub now_ms: i64,
}

impl Desk<'_> {
    /// The fields of the body: no others, and each what it must be.
    fn given(&self, known: &[(&str, Is)]) -> Result<Map<String, Value>, Reply> {
        let given = body(self.request)?;
        for (name, value) in &given {
            let Some((_, is)) = known.iter().find(|(k, _)| k == name) else {
                let names: Vec<&str> = known.iter().map(|(k, _)| *k).collect();
                return Err(refuse(name, &format!("is unknown; known are {}", names.join(", "))));
            };
            if !is.fits(value) {
                return Err(refuse(name, &is.words()));
            }
        }
        Ok(given)
    }

    /// The account that the body or the key names, else the one that holds the object, else the only one there is.
    fn account(&self, given: &Map<String, Value>, holds: Option<(&str, &str)>) -> Result<String, Reply> {
        if let Some(name) = named_in(self.world, self.request, given.some("account"))? {
            return Ok(name);
        }
        let accounts = self.world.accounts.values();
        let mut fitting = accounts.filter(|a| holds.is_none_or(|(kind, id)| a.get(kind, id).is_some()));
        match (fitting.next(), fitting.next(), holds) {
            (Some(account), None, _) => Ok(account.name.clone()),
            (_, _, Some((kind, id))) => Err(refuse(kind, &format!("{id} is on no account"))),
            _ => Err(refuse("account", "must name one: a test key, or the name or id of an account")),
        }
    }

    fn on<T>(&mut self, account: &str, act: impl FnOnce(&mut Ctx<'_>) -> Result<T, Refusal>) -> Result<T, Reply> {
        crate::stripe::on_account(self.sandbox, self.world, account, self.now_ms, act)
            .ok_or_else(|| refuse("account", "cannot be opened: the sandbox holds no more accounts"))?
            .map_err(|(field, why)| refused((field.to_owned(), why)))
    }

    /// `POST /_sandbox/accounts`: the currencies in which an account keeps money.
    pub fn settle_in(&mut self) -> Result<Value, Reply> {
        let given = self.given(&[("account", Is::Text), ("settlement_currencies", Is::List)])?;
        let account = self.account(&given, None)?;
        let asked: Option<Vec<String>> = given
            .get("settlement_currencies")
            .and_then(Value::as_array)
            .map(|all| all.iter().map(|c| c.as_str().unwrap_or_default().to_ascii_lowercase()).collect());
        let fits =
            |all: &Vec<String>| (1..=MAX_SETTLEMENT_CURRENCIES).contains(&all.len()) && all.iter().all(|c| money::is_currency(c));
        let Some(asked) = asked.filter(fits) else {
            let text = format!("must be a list of 1 to {MAX_SETTLEMENT_CURRENCIES} currencies, the default first");
            return Err(refuse("settlement_currencies", &text));
        };
        self.on(&account, |ctx| {
            ctx.account.settlement = asked;
            Ok(shown_account(ctx.account))
        })
    }

    /// `POST /_sandbox/balance_transactions`: a line of any type that Stripe has.
    pub fn put_line(&mut self) -> Result<Value, Reply> {
        let given = self.given(&[
            ("account", Is::Text),
            ("type", Is::Text),
            ("amount", Is::Whole),
            ("fee", Is::Whole),
            ("currency", Is::Text),
            ("description", Is::Text),
            ("source", Is::Text),
            ("reporting_category", Is::Text),
            ("pending", Is::YesOrNo),
        ])?;
        let account = self.account(&given, None)?;
        let Some((kind, category)) = balance_types::known(given.text("type")) else {
            let names = balance_types::names().collect::<Vec<_>>().join(", ");
            return Err(refuse(
                "type",
                &format!("is no type of balance transaction: {:?}; it must be one of {names}", given.text("type")),
            ));
        };
        if !given.has("amount") {
            return Err(refuse("amount", "must be given"));
        }
        let currency = currency(&given)?;
        self.on(&account, |ctx| {
            let settles_in = ctx.account.settles_in(&currency).to_owned();
            let entry = Entry {
                kind,
                category: given.some("reporting_category").unwrap_or(category),
                amount: given.int("amount"),
                currency: &currency,
                settles_in: &settles_in,
                fee: given.int("fee"),
                fee_text: "Fee",
                source: given.some("source"),
                description: given.get("description").cloned().unwrap_or_default(),
                pending: given.yes("pending"),
            };
            let id = balance::book(ctx, &entry);
            Ok(shown_deep(&id.as_str().and_then(|id| ctx.account.get("balance_transaction", id)).cloned().unwrap_or_default()))
        })
    }

    /// `POST /_sandbox/disputes`: somebody disputes a payment.
    pub fn open_dispute(&mut self) -> Result<Value, Reply> {
        let given = self.given(&[
            ("account", Is::Text),
            ("payment_intent", Is::Text),
            ("charge", Is::Text),
            ("amount", Is::Whole),
            ("reason", Is::Text),
            ("inquiry", Is::YesOrNo),
        ])?;
        let (kind, id) = match (given.some("charge"), given.some("payment_intent")) {
            (Some(id), None) => ("charge", id.to_owned()),
            (None, Some(id)) => ("payment_intent", id.to_owned()),
            _ => return Err(refuse("body", "must hold either charge or payment_intent")),
        };
        let account = self.account(&given, Some((kind, &id)))?;
        let claim = Claim {
            amount: given.get("amount").and_then(Value::as_i64),
            reason: given.some("reason"),
            case: if given.yes("inquiry") { Case::Inquiry } else { Case::Chargeback },
        };
        self.on(&account, |ctx| {
            let charge = match kind {
                "charge" => ctx.account.get("charge", &id),
                _ => ctx.account.get("payment_intent", &id).and_then(|i| ctx.account.get("charge", i.text("latest_charge"))),
            };
            let charge = charge.cloned().ok_or((kind, format!("{id} has no charge on this account")))?;
            disputes::open(ctx, charge, &claim).map(|dispute| shown_deep(&dispute))
        })
    }

    /// `POST /_sandbox/disputes/{id}`: the bank decides.
    pub fn rule(&mut self, id: &str) -> Result<Value, Reply> {
        let given = self.given(&[("account", Is::Text), ("status", Is::Text), ("return_fee", Is::YesOrNo)])?;
        let account = self.account(&given, Some(("dispute", id)))?;
        let fee = if given.yes("return_fee") { Fee::Returned } else { Fee::Kept };
        self.on(&account, |ctx| {
            let dispute = ctx.account.get("dispute", id).cloned().ok_or(("id", format!("{id} is no dispute of this account")))?;
            disputes::rule(ctx, dispute, given.text("status"), fee).map(|dispute| shown_deep(&dispute))
        })
    }

    /// `POST /_sandbox/payouts`: the nightly payout, now.
    pub fn pay_out(&mut self) -> Result<Value, Reply> {
        let given = self.given(&[("account", Is::Text), ("currency", Is::Text), ("settle_pending", Is::YesOrNo)])?;
        let account = self.account(&given, None)?;
        let currency = currency(&given)?;
        self.on(&account, |ctx| {
            if given.yes("settle_pending") {
                balance::settle_pending(ctx, &currency);
            }
            let paid = payouts::pay_out(ctx, &currency);
            paid.map(|p| shown_deep(&p)).ok_or(("currency", format!("{currency}: there is nothing to pay out")))
        })
    }

    /// `POST /_sandbox/payouts/{id}/fail`: the bank sends the money back.
    pub fn fail_payout(&mut self, id: &str) -> Result<Value, Reply> {
        let given = self.given(&[("account", Is::Text), ("failure_code", Is::Text)])?;
        let account = self.account(&given, Some(("payout", id)))?;
        self.on(&account, |ctx| {
            let payout = ctx.account.get("payout", id).cloned().ok_or(("id", format!("{id} is no payout of this account")))?;
            payouts::fail(ctx, payout, given.some("failure_code").unwrap_or("could_not_process")).map(|p| shown_deep(&p))
        })
    }
}

/// `GET /_sandbox/accounts`.
pub(super) fn accounts(world: &World) -> Value {
    list("/_sandbox/accounts", world.accounts.values().map(shown_account).collect(), false)
}

fn shown_account(account: &crate::world::Account) -> Value {
    let kept = match account.settlement.as_slice() {
        [] => json!([account.settles_in("")]),
        all => json!(all),
    };
    json!({ "id": account.id, "name": account.name, "created": account.created, "settlement_currencies": kept })
}

/// `GET /_sandbox/exchange_rates`: what one minor unit of each currency is in euro cents, or in the currency the query names.
pub(super) fn exchange_rates(request: &Request) -> Result<Value, Reply> {
    let mut into = "eur".to_owned();
    for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
        match (&*name, value.to_ascii_lowercase()) {
            ("into", code) if money::is_currency(&code) => into = code,
            ("into", _) => return Err(refuse("into", "must be a currency")),
            (other, _) => return Err(refuse(other, "is unknown; only into may be given")),
        }
    }
    Ok(exchange::table(&into))
}

fn currency(given: &Map<String, Value>) -> Result<String, Reply> {
    let code = given.text("currency").to_ascii_lowercase();
    if money::is_currency(&code) { Ok(code) } else { Err(refuse("currency", "must be a currency, such as eur")) }
}
