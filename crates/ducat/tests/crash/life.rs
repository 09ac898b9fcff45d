//! One order: a shop that wants it until it is answered, and a customer who does what customers do.

use crate::support::dice::Dice;
use crate::support::forms::card_form;
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
    /// The customer pays, and the shop gives a part of it back.
    PaysAndGetsBack,
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
    /// What the shop gives back.
    pub back: u64,
}

impl Life {
    pub fn new(number: u64, dice: &mut Dice) -> Self {
        let course = match dice.between(1, 100) {
            1..=30 => Course::Pays,
            31..=55 => Course::PaysAndGetsBack,
            56..=70 => Course::PaysAtSecondTry,
            71..=80 => Course::Leaves,
            81..=90 => Course::CalledOff,
            _ => Course::CalledOffWhilePaying,
        };
        let currency = dice.pick(&["EUR", "USD", "JPY"]);
        let amount = dice.between(100, 99_999);
        let back = if course == Course::PaysAndGetsBack { dice.between(1, amount) } else { 0 };
        Self { reference: format!("crash-{number}"), course, amount, currency, id: String::new(), told: None, back }
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
        tokio::time::sleep(Duration::from_millis(dice.between(0, 1_500))).await;
        let told = self.order(&places, &mut dice).await;
        self.id = told.json()["id"].as_str().unwrap_or_else(|| panic!("{}", told.text())).to_owned();
        self.told = Some(told);
        match self.course {
            Course::Leaves => {}
            Course::Pays => self.pay(&places, &mut dice, &["4242424242424242"]).await,
            Course::PaysAtSecondTry => self.pay(&places, &mut dice, &["4000000000000002", "4242424242424242"]).await,
            Course::PaysAndGetsBack => {
                self.pay(&places, &mut dice, &["4242424242424242"]).await;
                self.give_back(&places, &mut dice).await;
            }
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
        insist(&format!("ordering {}", self.reference), async || {
            let (key, wish) = (self.key(), self.wish());
            let call = places.http.post_json(&url, &places.key, Some(&key), &wish);
            let patience = Duration::from_millis(if dice.in_a_hundred(10) { dice.between(1, 60) } else { 6_000 });
            let answer = tokio::time::timeout(patience, call).await.map_err(|_| "the shop did not wait".to_owned())??;
            match answer.status {
                200..=202 => Ok(answer),
                409 | 429 | 500..=599 => Err(answer.told()),
                _ => panic!("{wish} is answered {}", answer.told()),
            }
        })
        .await
    }

    async fn call_off(&self, places: &Places) {
        let url = format!("{}/v1/payment_orders/{}/cancel", places.gateway, self.id);
        let key = format!("cancel-{}", self.reference);
        insist(&format!("calling off {} {}", self.reference, self.id), async || {
            let answer = places.http.post_json(&url, &places.key, Some(&key), &json!({})).await?;
            match answer.status {
                200..=202 => Ok(()),
                // It was paid meanwhile: nothing is left to call off.
                409 if self.course == Course::CalledOffWhilePaying && !answer.text().contains("\"code\":\"idempotency") => Ok(()),
                409 | 429 | 500..=599 => Err(answer.told()),
                _ => panic!("cancel is answered {}", answer.told()),
            }
        })
        .await;
    }

    /// Gives a part back, with the same key until there is an answer; before the gateway knows of the money it says no.
    async fn give_back(&self, places: &Places, dice: &mut Dice) {
        let url = format!("{}/v1/payment_orders/{}/refunds", places.gateway, self.id);
        let (key, wish) = (format!("back-{}", self.reference), json!({ "amount": self.back }));
        let answer = insist(&format!("giving back {} of {}", self.back, self.reference), async || {
            let call = places.http.post_json(&url, &places.key, Some(&key), &wish);
            let patience = Duration::from_millis(if dice.in_a_hundred(10) { dice.between(1, 60) } else { 6_000 });
            let answer = tokio::time::timeout(patience, call).await.map_err(|_| "the shop did not wait".to_owned())??;
            match answer.status {
                200..=202 => Ok(answer),
                409 | 429 | 500..=599 => Err(answer.told()),
                _ => panic!("a refund is answered {}", answer.told()),
            }
        })
        .await;
        assert_eq!(answer.json()["amount"].as_u64(), Some(self.back), "{}", answer.text());
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
        insist(&format!("looking for the page of {}", self.reference), async || {
            let answer = places.http.get(&url, Some(&places.key)).await?;
            if answer.status >= 500 {
                return Err(answer.told());
            }
            assert_eq!(answer.status, 200, "an order that was acknowledged is gone: {}", answer.told());
            let order = answer.json();
            if matches!(order["status"].as_str(), Some("canceled" | "failed" | "expired" | "succeeded")) {
                let pays = matches!(self.course, Course::Pays | Course::PaysAndGetsBack);
                assert!(!pays, "it ended before it was paid: {order}");
                return Ok(None);
            }
            if order["cancel_requested_at"].is_string() {
                return Ok(None);
            }
            order["redirect_url"].as_str().map(|url| Some(url.to_owned())).ok_or_else(|| answer.told())
        })
        .await
    }
}

/// Fills the PSP's form in. Gives the address the customer is sent on to, or nothing where the card was declined or the page closed.
async fn fill(places: &Places, page: &str, card: &str) -> Option<String> {
    insist(&format!("paying at {page}"), async || {
        let shown = places.http.get(page, None).await?;
        if shown.status >= 500 {
            return Err(shown.told());
        }
        let Some((action, fields)) = card_form(&shown.text(), card) else {
            // Paid or closed already: an answer that was lost had been acted upon.
            return Ok(None);
        };
        let target = url::Url::parse(page).and_then(|base| base.join(&action)).unwrap();
        let answer = places.http.post_form(target.as_str(), None, &fields).await?;
        if answer.status >= 500 {
            return Err(answer.told());
        }
        // Declined, the customer stays on the PSP's page.
        Ok(answer.location.filter(|onward| onward.starts_with("http") && !onward.starts_with(&places.sandbox)))
    })
    .await
}

/// Tries until it works. An error says why it did not work this time.
async fn insist<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(why) => assert!(begun.elapsed() < PATIENCE, "{what} does not work within {PATIENCE:?}: {why}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
