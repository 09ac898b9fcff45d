//! A client that gives every answer and every failure as it is: no retries, no redirects, no kept connections.

use serde_json::Value;
use std::time::Duration;

/// An answer that arrived whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub replayed: bool,
    /// Whether the server gives up the connection after this answer.
    pub closes: bool,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and body, for a message.
    pub fn told(&self) -> String {
        format!("{} {}", self.status, self.text())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {} {}", self.status, self.text()))
    }
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http(reqwest::Client);

impl Http {
    pub fn new(timeout: Duration) -> Self {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy();
        Self(client.build().unwrap())
    }

    pub async fn get(&self, url: &str, key: Option<&str>) -> Result<Answer, String> {
        self.send(with_key(self.0.get(url), key)).await
    }

    /// As a proxy asks for somebody at this address.
    pub async fn get_through_proxy(&self, url: &str, address: &str) -> Result<Answer, String> {
        self.send(self.0.get(url).header("x-forwarded-for", address)).await
    }

    pub async fn post_json(&self, url: &str, key: &str, idempotency: Option<&str>, body: &Value) -> Result<Answer, String> {
        let request = with_key(self.0.post(url), Some(key)).header("content-type", "application/json");
        let request = match idempotency {
            Some(idempotency) => request.header("idempotency-key", idempotency),
            None => request,
        };
        self.send(request.body(body.to_string())).await
    }

    pub async fn post_form(&self, url: &str, key: Option<&str>, fields: &[(String, String)]) -> Result<Answer, String> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = with_key(self.0.post(url), key).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(body)).await
    }

    pub async fn delete(&self, url: &str) -> Result<Answer, String> {
        self.send(self.0.delete(url)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, String> {
        let response = request.send().await.map_err(|e| format!("{e:?}"))?;
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (status, location) = (response.status().as_u16(), header("location"));
        let replayed = header("idempotent-replayed").as_deref() == Some("true");
        let closes = header("connection").as_deref() == Some("close");
        let body = response.bytes().await.map_err(|e| format!("{e:?}"))?.to_vec();
        Ok(Answer { status, location, replayed, closes, body })
    }
}

fn with_key(request: reqwest::RequestBuilder, key: Option<&str>) -> reqwest::RequestBuilder {
    match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    }
}
