//! One order: a shop that wants it until it is answered, and a customer who does what customers do.

use crate::support::dice::Dice;
use crate::support::forms::forms;
use crate::support::http::Answer;
use crate::world::Places;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a shop or customer keeps trying.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(60);

/// What becomes of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// The customer pays.
    Pays,
    /// The card is declined, then another one pays.
    PaysAtSecondTry,
    /// The customer goes away.
    Leaves,
    /// The shop calls it off.
    CalledOff,
    /// The shop calls it off while the customer pays: either may win, and money must not be lost.
    CalledOffWhilePaying,
}

/// An order, what is to become of it, and what the shop was told.
#[derive(Clone, Debug)]
pub struct Life {
    pub reference: String,
    pub course: Course,
    pub amount: u64,
    pub currency: &'static str,
    /// The order's id, once the shop was told.
    pub id: String,
    /// The first whole answer to the wish.
    pub told: Option<Answer>,
}

impl Life {
    pub fn new(number: u64, dice: &mut Dice) -> Self {
        let course = match dice.between(1, 100) {
            1..=55 => Course::Pays,
            56..=70 => Course::PaysAtSecondTry,
            71..=80 => Course::Leaves,
            81..=90 => Course::CalledOff,
            _ => Course::CalledOffWhilePaying,
        };
        let currency = dice.pick(&["EUR", "USD", "JPY"]);
        Self {
            reference: format!("crash-{number}"),
            course,
            amount: dice.between(100, 99_999),
            currency,
            id: String::new(),
            told: None,
        }
    }

    /// The wish, the same to the last byte each time.
    pub fn wish(&self) -> Value {
        json!({ "reference": self.reference, "amount": self.amount, "currency": self.currency, "description": "Crash test" })
    }

    pub fn key(&self) -> String {
        format!("wish-{}", self.reference)
    }

    /// Lives it.
    pub async fn live(mut self, places: Places, mut dice: Dice) -> Self {
        let told = self.order(&places, &mut dice).await;
        self.id = told.json()["id"].as_str().unwrap_or_else(|| panic!("{}", told.text())).to_owned();
        self.told = Some(told);
        match self.course {
            Course::Leaves => {}
            Course::Pays => self.pay(&places, &mut dice, &["4242424242424242"]).await,
            Course::PaysAtSecondTry => self.pay(&places, &mut dice, &["4000000000000002", "4242424242424242"]).await,
            Course::CalledOff => self.call_off(&places).await,
            Course::CalledOffWhilePaying => {
                let mut other = dice.split();
                tokio::join!(self.pay(&places, &mut dice, &["4242424242424242"]), async {
                    tokio::time::sleep(Duration::from_millis(other.between(0, 400))).await;
                    self.call_off(&places).await;
                });
            }
        }
        self
    }

    /// Orders, with the same key until there is an answer. Sometimes the shop does not wait for it and asks again.
    async fn order(&self, places: &Places, dice: &mut Dice) -> Answer {
        let url = format!("{}/v1/payment_orders", places.gateway);
        insist(async || {
            let (key, wish) = (self.key(), self.wish());
            let call = places.http.post_json(&url, &places.key, Some(&key), &wish);
            let patience = Duration::from_millis(if dice.in_a_hundred(10) { dice.between(1, 60) } else { 6_000 });
            let answer = tokio::time::timeout(patience, call).await.ok()?.ok()?;
            match answer.status {
                200..=202 => Some(answer),
                409 | 429 | 500..=599 => None,
                _ => panic!("{wish} is answered {} {}", answer.status, answer.text()),
            }
        })
        .await
    }

    async fn call_off(&self, places: &Places) {
        let url = format!("{}/v1/payment_orders/{}/cancel", places.gateway, self.id);
        insist(async || {
            let answer =
                places.http.post_json(&url, &places.key, Some(&format!("cancel-{}", self.reference)), &json!({})).await.ok()?;
            match answer.status {
                200..=202 => Some(()),
                // It was paid meanwhile: nothing is left to call off.
                409 if answer.text().contains("\"code\":\"idempotency") => None,
                409 => (self.course == Course::CalledOffWhilePaying).then_some(()),
                429 | 500..=599 => None,
                _ => panic!("cancel is answered {} {}", answer.status, answer.text()),
            }
        })
        .await;
    }

    /// Goes to the PSP's page and pays there, with one card after the other, then comes back to the gateway now and then.
    async fn pay(&self, places: &Places, dice: &mut Dice, cards: &[&str]) {
        let Some(page) = self.page(places).await else { return };
        for card in cards {
            let Some(onward) = fill(places, &page, card).await else { continue };
            if dice.in_a_hundred(50) {
                // Coming back asks the gateway to look; whether that works is no matter of the order's.
                let _ = places.http.get(&onward, None).await;
            }
            return;
        }
    }

    /// The address of the PSP's page, once there is one; nothing once the order has ended.
    async fn page(&self, places: &Places) -> Option<String> {
        let url = format!("{}/v1/payment_orders/{}", places.gateway, self.id);
        insist(async || {
            let answer = places.http.get(&url, Some(&places.key)).await.ok().filter(|answer| answer.status < 500)?;
            assert_eq!(answer.status, 200, "an order that was acknowledged is gone: {}", answer.text());
            let order = answer.json();
            if matches!(order["status"].as_str(), Some("canceled" | "failed" | "expired" | "succeeded")) {
                assert_ne!(self.course, Course::Pays, "it ended before it was paid: {order}");
                return Some(None);
            }
            order["redirect_url"].as_str().map(|url| Some(url.to_owned()))
        })
        .await
    }
}

/// Fills the PSP's form in. Gives the address the customer is sent on to, or nothing where the card was declined or the page closed.
async fn fill(places: &Places, page: &str, card: &str) -> Option<String> {
    insist(async || {
        let shown = places.http.get(page, None).await.ok().filter(|answer| answer.status < 500)?;
        let Some(form) =
            forms(&shown.text()).into_iter().find(|form| form.fields.iter().any(|(name, _)| name.contains("number")))
        else {
            // Paid or closed already: an answer that was lost had been acted upon.
            return Some(None);
        };
        let named =
            |part: &str| form.fields.iter().map(|(name, _)| name.clone()).find(|name| name.contains(part)).unwrap_or_default();
        let (number, expiry, cvc, email) = (named("number"), named("exp"), named("cvc"), named("email"));
        let values =
            [(number.as_str(), card), (expiry.as_str(), "12 / 40"), (cvc.as_str(), "123"), (email.as_str(), "ada@example.com")];
        let fields = form.filled(&values.into_iter().filter(|(name, _)| !name.is_empty()).collect::<Vec<_>>());
        let target = url::Url::parse(page).and_then(|base| base.join(&form.action)).unwrap();
        let answer = places.http.post_form(target.as_str(), None, &fields).await.ok().filter(|answer| answer.status < 500)?;
        Some(answer.location)
    })
    .await
}

/// Tries until it works.
async fn insist<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        assert!(begun.elapsed() < PATIENCE, "no answer within {PATIENCE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
