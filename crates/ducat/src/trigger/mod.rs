//! `ducat trigger`: makes an event really happen, with an order of its own that a customer of the sandbox acts on, and waits until the
//! gateway's log shows it.
//!
//! - `recipes`: what makes each event happen. `sandbox`: what is done at the PSP.

mod recipes;
mod sandbox;

use crate::cli::{Audience, Trigger};
use crate::config::Config;
use crate::gateway::{Event, Gateway, Log, TalkError};
use crate::system::SystemChance;
use crate::{Failure, events, output};
use ducat_connectors::HttpMethod;
use ducat_domain::random_bytes;
use ducat_engine::psp::{Outgoing, Transport};
use recipes::{Act, RECIPES, Recipe, Terms};
use sandbox::Sandbox;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// How often the log is read while an event is waited for.
const EVERY: Duration = Duration::from_millis(100);
/// How many events are read at once.
const PAGE: u8 = 100;
/// How long one is waited for: an order of one minute must lapse in between.
const PATIENCE: Duration = Duration::from_secs(120);
/// The shortest life that an order may have, in seconds.
const SHORTEST_LIFE: u32 = 60;
const AMOUNT: i64 = 4999;

/// Makes it happen, or lists what can.
pub async fn run(config: &Config, asked: Trigger) -> Result<ExitCode, Failure> {
    let audience = Audience::from(asked.form);
    let Some(event) = asked.event else { return list(audience) };
    let recipe = recipes::find(&event)?;
    let gateway = Gateway::open(config, &asked.target)?;
    let sandbox = Sandbox::behind(&gateway).await?;
    let mut story = Story::begin(&gateway, &sandbox, recipe).await?;
    for act in recipe.acts {
        story.act(*act).await?;
    }
    story.wait_for(recipe.event).await?;
    match audience {
        Audience::Program => {
            let wanted = story.seen.iter().find(|event| event.kind == recipe.event);
            Ok(wanted.map_or(ExitCode::FAILURE, |event| output::say(event.text.get())))
        }
        Audience::Person => Ok(output::say(&story.told())),
    }
}

fn list(audience: Audience) -> Result<ExitCode, Failure> {
    match audience {
        Audience::Program => {
            let rows: Vec<Value> = RECIPES.iter().map(|recipe| json!({ "event": recipe.event, "how": recipe.how })).collect();
            Ok(output::say_json(&rows)?)
        }
        Audience::Person => {
            let rows: Vec<[String; 2]> = RECIPES.iter().map(|recipe| [recipe.event.to_owned(), recipe.how.to_owned()]).collect();
            Ok(output::say(&output::table(["EVENT", "WHAT MAKES IT HAPPEN"], &rows)))
        }
    }
}

/// One order and what the log has shown of it.
struct Story<'a> {
    gateway: &'a Gateway,
    sandbox: &'a Sandbox<'a>,
    log: Log<'a>,
    order: String,
    session: Option<String>,
    payout: Option<String>,
    seen: Vec<Event>,
}

impl<'a> Story<'a> {
    async fn begin(gateway: &'a Gateway, sandbox: &'a Sandbox<'a>, recipe: &Recipe) -> Result<Self, Failure> {
        let log = Log::at_the_end(gateway, Vec::new()).await?;
        sandbox.script(recipe.mishap).await?;
        let order = gateway.post("/v1/payment_orders", &wish(recipe)).await?.json()?;
        let text = |name: &str| order[name].as_str().map(str::to_owned);
        let id = text("id").ok_or("the gateway's answer names no order")?;
        Ok(Self { gateway, sandbox, log, order: id, session: text("psp_token"), payout: None, seen: Vec::new() })
    }

    async fn act(&mut self, act: Act) -> Result<(), Failure> {
        match act {
            Act::Pay(method) => self.sandbox.pay(self.session()?, method).await,
            Act::NoteCharge => self.sandbox.note_charge(self.session()?).await,
            Act::EndSession => self.sandbox.end(self.session()?).await,
            Act::PayByDebit => self.sandbox.pay_by_debit(self.session()?).await,
            Act::TryAgain => self.visit(&format!("/pay/{}/go", self.order)).await,
            Act::Cancel => self.ask("cancel", json!({})).await,
            Act::Capture => self.ask("capture", json!({})).await,
            Act::CapturePart => self.ask("capture", json!({ "amount": 100, "final": false })).await,
            Act::Refund => self.ask("refunds", json!({ "reason": "ducat trigger" })).await,
            Act::Claim => self.ask("claim", json!({})).await,
            Act::Defend => {
                self.answer("evidence", json!({ "fields": { "uncategorized_text": "The customer has the goods." } })).await
            }
            Act::GiveIn => self.answer("accept", json!({})).await,
            Act::Rule(status) => self.sandbox.rule(&self.dispute("psp_dispute")?, status).await,
            Act::PayOut => {
                self.payout = Some(self.sandbox.pay_out(self.session()?).await?);
                Ok(())
            }
            Act::FailPayout => self.sandbox.fail_payout(self.payout.as_deref().unwrap_or_default()).await,
            Act::Await(event) => self.wait_for(event).await,
        }
    }

    /// Asks the gateway for something about the order. What the PSP refuses of it may be what the story is about.
    async fn ask(&self, what: &str, body: Value) -> Result<(), Failure> {
        match self.gateway.post(&format!("/v1/payment_orders/{}/{what}", self.order), &body).await {
            Err(TalkError::Refused(refusal)) if refusal.code.ends_with("_refused") => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    /// Says something to the order's dispute.
    async fn answer(&self, what: &str, body: Value) -> Result<(), Failure> {
        let path = format!("/v1/disputes/{}/{what}", self.dispute("id")?);
        Ok(self.gateway.post(&path, &body).await.map(drop)?)
    }

    /// A field of the order's dispute, as the log shows it.
    fn dispute(&self, field: &str) -> Result<String, Failure> {
        let found = self.seen.iter().find_map(|event| event.fields["dispute"][field].as_str());
        found.map(str::to_owned).ok_or_else(|| format!("{} has no dispute", self.order).into())
    }

    /// Whether the event is about the order of this story, or about its payout.
    fn is_ours(&self, event: &Event) -> bool {
        let payout = event.fields["data"]["psp_payout"].as_str();
        event.fields["payment_order"] == self.order.as_str() || (payout.is_some() && payout == self.payout.as_deref())
    }

    fn session(&self) -> Result<&str, Failure> {
        self.session.as_deref().ok_or_else(|| {
            format!(
                "the PSP has not registered {} yet, so nobody can act on it; is something scripted at the sandbox?",
                self.order
            )
            .into()
        })
    }

    /// Opens a page of the gateway, as the customer's browser does.
    async fn visit(&self, path: &str) -> Result<(), Failure> {
        let url = format!("{}{path}", self.gateway.url());
        let request =
            Outgoing { method: HttpMethod::Get, url: url.clone(), headers: Vec::new(), body: Vec::new(), timeout: PATIENCE };
        let reply = self.gateway.transport().send(request).await.map_err(|e| format!("{url}: {e}"))?;
        if reply.status < 400 { Ok(()) } else { Err(format!("{url} answers {}", reply.status).into()) }
    }

    /// Reads on until the log shows this event of the order.
    async fn wait_for(&mut self, kind: &str) -> Result<(), Failure> {
        let found = tokio::time::timeout(PATIENCE, self.read_until(kind)).await;
        let told = || {
            let seen: Vec<&str> = self.seen.iter().map(|event| event.kind.as_str()).collect();
            format!("{} did not come to {kind} within {} s; it came to: {}", self.order, PATIENCE.as_secs(), seen.join(", "))
        };
        Ok(found.map_err(|_| told())??)
    }

    async fn read_until(&mut self, kind: &str) -> Result<(), TalkError> {
        while !self.seen.iter().any(|event| event.kind == kind) {
            let found = self.log.next(PAGE).await?;
            if found.is_empty() {
                tokio::time::sleep(EVERY).await;
            }
            for event in found {
                if self.is_ours(&event) {
                    self.seen.push(event);
                }
            }
        }
        Ok(())
    }

    fn told(&self) -> String {
        format!("{}\n\nMore: ducat orders {}", events::listing(&self.seen), self.order)
    }
}

/// The order that the recipe is about.
fn wish(recipe: &Recipe) -> Value {
    let random: [u8; 6] = random_bytes(&SystemChance);
    let mut wish = json!({
        "reference": format!("trigger-{}", hex::encode(random)), "amount": AMOUNT, "currency": "EUR", "psp": "stripe",
        "description": format!("ducat trigger {}", recipe.event),
    });
    match recipe.terms {
        Terms::Usual => {}
        Terms::HoldFirst => wish["capture"] = json!("manual"),
        Terms::ShortLived => wish["expires_in"] = json!(SHORTEST_LIFE),
    }
    wish
}
