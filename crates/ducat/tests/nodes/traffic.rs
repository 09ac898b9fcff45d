//! Shops and customers that call without a pause, on connections that they keep, and note every answer.

use crate::world::KEY;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The callers while they call.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    callers: JoinSet<Vec<String>>,
}

/// What one caller needs.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    url: String,
    number: u64,
}

impl Traffic {
    /// So many callers begin.
    pub fn begin(url: &str, callers: u64) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut all = JoinSet::new();
        for number in 0..callers {
            let http = reqwest::Client::builder().timeout(TIMEOUT).retry(reqwest::retry::never()).no_proxy().build().unwrap();
            let caller = Caller { http, url: url.to_owned(), number };
            all.spawn(caller.call_until(stop.clone(), answered.clone()));
        }
        Self { stop, answered, callers: all }
    }

    /// How many calls were answered as they should be.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits for so many more.
    pub async fn until_answered(&self, more: u64) {
        let wanted = self.answered() + more;
        let begun = std::time::Instant::now();
        while self.answered() < wanted {
            assert!(begun.elapsed() < crate::support::process::PATIENCE, "no answers come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The callers end. Gives what went wrong.
    pub async fn end(mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut wrong = Vec::new();
        while let Some(caller) = self.callers.join_next().await {
            wrong.extend(caller.unwrap());
        }
        wrong
    }
}

impl Caller {
    async fn call_until(self, stop: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> Vec<String> {
        let (mut wrong, mut round) = (Vec::new(), 0_u64);
        while !stop.load(Ordering::Relaxed) {
            round += 1;
            match self.buy(round).await {
                Ok(calls) => answered.fetch_add(calls, Ordering::Relaxed),
                Err(what) => {
                    wrong.push(format!("caller {}, round {round}: {what}", self.number));
                    0
                }
            };
        }
        wrong
    }

    /// An order, which any node knows from then on; the same request again, which any node answers alike; a look at the events. Gives how many
    /// calls that were.
    async fn buy(&self, round: u64) -> Result<u64, String> {
        let reference = format!("order-{}-{round}", self.number);
        let wish = json!({ "reference": reference, "amount": 500, "currency": "EUR" });
        let orders = format!("{}/v1/payment_orders", self.url);
        let create = || {
            let post = self.http.post(&orders).header("idempotency-key", &reference).header("content-type", "application/json");
            self.answer(post.body(wish.to_string()))
        };
        let order = create().await?;
        let id = order["id"].as_str().ok_or_else(|| format!("no order: {order}"))?;
        let again = create().await?;
        if again != order {
            return Err(format!("answered otherwise: {again} and not {order}"));
        }
        let found = self.answer(self.http.get(format!("{orders}/{id}"))).await?;
        if found["reference"] != order["reference"] {
            return Err(format!("found {found}"));
        }
        self.answer(self.http.get(format!("{}/v1/events?limit=1", self.url))).await?;
        Ok(4)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, String> {
        let response = request.bearer_auth(KEY).send().await.map_err(|e| format!("{e:?}"))?;
        let status = response.status();
        let text = response.text().await.map_err(|e| format!("{e:?}"))?;
        if !status.is_success() {
            return Err(format!("{status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))
    }
}
