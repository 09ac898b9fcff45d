//! The sandbox behind the gateway: is there one, and what is done there in the name of customers and the PSP.

use super::recipes::Mishap;
use crate::Failure;
use crate::gateway::{Gateway, cause};
use ducat_connectors::{HttpMethod, HttpReply};
use ducat_domain::Secret;
use ducat_engine::psp::{Outgoing, Transport};
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox that answers.
pub struct Sandbox<'a> {
    gateway: &'a Gateway,
    base: String,
}

impl<'a> Sandbox<'a> {
    /// The sandbox to which every order goes. Refuses where one could reach a real PSP.
    pub async fn behind(gateway: &'a Gateway) -> Result<Self, Failure> {
        let accounts = gateway.get("/v1/psp_accounts").await?.json()?;
        let active: Vec<&Value> =
            accounts["data"].as_array().into_iter().flatten().filter(|a| a["active"] == true && a["psp"] == "stripe").collect();
        let mut base = None;
        for account in &active {
            let Some(address) = account["settings"]["api_base"].as_str() else {
                return Err(no_sandbox(
                    gateway,
                    &format!("{} is an account at the real Stripe", account["id"].as_str().unwrap_or("?")),
                ));
            };
            let sandbox = Self { gateway, base: address.trim_end_matches('/').to_owned() };
            sandbox.prove().await.map_err(|why| no_sandbox(gateway, &format!("{address} {why}")))?;
            base.get_or_insert(sandbox);
        }
        base.ok_or_else(|| no_sandbox(gateway, "no active Stripe account points to one"))
    }

    /// Whether it is a sandbox: a real PSP has no clock that can be moved.
    async fn prove(&self) -> Result<(), String> {
        let reply =
            self.send(HttpMethod::Get, "/_sandbox/clock", None, Vec::new()).await.map_err(|e| format!("does not answer: {e}"))?;
        let clock: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if reply.status == 200 && clock["now"].is_i64() { Ok(()) } else { Err("is no sandbox of Ducat's".to_owned()) }
    }

    /// Scripts a mishap that strikes once.
    pub async fn script(&self, mishap: Mishap) -> Result<(), Failure> {
        let rule = match mishap {
            Mishap::None => return Ok(()),
            Mishap::AnswerLost(operation) => json!({ "fault": "drop_response", "operation": operation, "count": 1 }),
            Mishap::Silent(operation) => json!({ "fault": "drop_request", "operation": operation, "count": 1 }),
            Mishap::Refused(operation) => json!({ "fault": "status", "status": 400, "operation": operation, "count": 1 }),
        };
        self.control("faults", &rule).await.map(|_| ())
    }

    /// The bank decides a dispute: won, lost, escalated or warning_closed.
    pub async fn rule(&self, dispute: &str, status: &str) -> Result<(), Failure> {
        self.control(&format!("disputes/{dispute}"), &json!({ "status": status })).await.map(|_| ())
    }

    /// The PSP pays out all that the account of this session has. Gives the payout's id there.
    pub async fn pay_out(&self, session: &str) -> Result<String, Failure> {
        let wish = json!({ "account": self.key(session).await?.expose(), "currency": "eur", "settle_pending": true });
        let payout = self.control("payouts", &wish).await?;
        payout["id"].as_str().map(str::to_owned).ok_or_else(|| "the sandbox tells no payout".into())
    }

    /// The bank sends a payout back.
    pub async fn fail_payout(&self, payout: &str) -> Result<(), Failure> {
        self.control(&format!("payouts/{payout}/fail"), &json!({})).await.map(|_| ())
    }

    async fn control(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let path = format!("/_sandbox/{path}");
        good(&self.send(HttpMethod::Post, &path, None, body.to_string().into_bytes()).await?)
    }

    /// The customer pays a session with a test method, or tries to: a decline is an answer like any other.
    pub async fn pay(&self, session: &str, method: &str) -> Result<(), Failure> {
        let key = self.key(session).await?;
        let path = format!("/v1/payment_pages/{session}/confirm");
        let reply = self.post(&path, &key, &[("payment_method", method)]).await?;
        if reply.status == 402 { Ok(()) } else { good(&reply).map(|_| ()) }
    }

    /// The customer pays a session by direct debit, which the sandbox offers only when it is told to.
    pub async fn pay_by_debit(&self, session: &str) -> Result<(), Failure> {
        let offer = json!({ "payment_method_types": ["card", "sepa_debit"] });
        self.control(&format!("sessions/{session}"), &offer).await?;
        let key = self.key(session).await?;
        let fields = [
            ("type", "sepa_debit"),
            ("sepa_debit[iban]", "AT611904300234573201"),
            ("billing_details[name]", "Ada"),
            ("billing_details[email]", "ada@example.com"),
        ];
        let method = good(&self.post("/v1/payment_methods", &key, &fields).await?)?;
        self.pay(session, method["id"].as_str().unwrap_or_default()).await
    }

    /// Somebody writes a note to the charge of a session that was paid.
    pub async fn note_charge(&self, session: &str) -> Result<(), Failure> {
        let key = self.key(session).await?;
        let path = format!("/v1/checkout/sessions/{session}?expand[]=payment_intent");
        let paid = good(&self.send(HttpMethod::Get, &path, Some(&key), Vec::new()).await?)?;
        let charge = paid["payment_intent"]["latest_charge"].as_str().ok_or("the sandbox tells no charge")?;
        let reply = self.post(&format!("/v1/charges/{charge}"), &key, &[("description", "ducat trigger")]).await?;
        good(&reply).map(|_| ())
    }

    /// The PSP ends a session.
    pub async fn end(&self, session: &str) -> Result<(), Failure> {
        let key = self.key(session).await?;
        good(&self.post(&format!("/v1/checkout/sessions/{session}/expire"), &key, &[]).await?).map(|_| ())
    }

    /// The key of the account in which the session lies. It opens nothing but this sandbox.
    async fn key(&self, session: &str) -> Result<Secret, Failure> {
        let reply = self.send(HttpMethod::Get, &format!("/_sandbox/account?session={session}"), None, Vec::new()).await?;
        let account = good(&reply)?;
        account["key"].as_str().map(Secret::new).ok_or_else(|| "the sandbox tells no key".into())
    }

    async fn post(&self, path: &str, key: &Secret, fields: &[(&str, &str)]) -> Result<HttpReply, Failure> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(HttpMethod::Post, path, Some(key), body.into_bytes()).await
    }

    async fn send(&self, method: HttpMethod, path: &str, key: Option<&Secret>, body: Vec<u8>) -> Result<HttpReply, Failure> {
        let kind = if key.is_some() { "application/x-www-form-urlencoded" } else { "application/json" };
        let mut headers = vec![("content-type".to_owned(), Secret::new(kind))];
        headers.extend(key.map(|key| ("authorization".to_owned(), Secret::new(format!("Bearer {}", key.expose())))));
        let url = format!("{}{path}", self.base);
        let request = Outgoing { method, url: url.clone(), headers, body, timeout: PATIENCE };
        self.gateway.transport().send(request).await.map_err(|e| format!("{url}: {}", cause(&e.to_string())).into())
    }
}

fn no_sandbox(gateway: &Gateway, why: &str) -> Failure {
    format!(
        "{} has no sandbox that events could be made with: {why}. Nothing was done. Start one with `ducat serve` in an empty folder",
        gateway.url()
    )
    .into()
}

fn good(reply: &HttpReply) -> Result<Value, Failure> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if (200..300).contains(&reply.status) {
        return Ok(body);
    }
    let why = body["error"]["message"].as_str().unwrap_or("no reason given");
    Err(format!("the sandbox refused ({}): {why}", reply.status).into())
}
