//! Stripe's error answers: status, type, code, parameter and what else a client reads from them.

use crate::http::Reply;
use serde_json::{Map, Value, json};

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    /// The HTTP status; the SDKs choose the class of their exception by it.
    pub status: u16,
    kind: &'static str,
    code: Option<String>,
    message: String,
    param: Option<String>,
    extra: Map<String, Value>,
    /// The operation had begun when it failed, so that Stripe keeps this answer under the idempotency key.
    pub executed: bool,
}

/// What every operation answers.
pub(crate) type Answer = Result<Value, ApiError>;

/// Why the control interface refuses something: the field, and what it must be.
pub(crate) type Refusal = (&'static str, String);

impl ApiError {
    /// A refusal of what was asked, before anything was done.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: None,
            extra: Map::new(),
            executed: false,
        }
    }

    /// No key, or one that opens nothing.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self { status: 401, ..Self::invalid(message) }
    }

    /// A declined payment, which is saved under the idempotency key.
    pub fn card(code: &str, message: &str) -> Self {
        Self { status: 402, kind: "card_error", executed: true, ..Self::invalid(message) }.code(code)
    }

    /// The idempotency key was used with something else.
    pub fn idempotency(message: impl Into<String>) -> Self {
        Self { kind: "idempotency_error", ..Self::invalid(message) }
    }

    /// A failure on Stripe's own side.
    pub fn api(status: u16) -> Self {
        Self {
            status,
            kind: "api_error",
            ..Self::invalid("An error occurred on our side. You can safely retry with the same idempotency key.")
        }
    }

    /// Nothing has this id.
    pub fn no_such(what: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {what}: '{id}'")).code("resource_missing").param(param)
    }

    /// A path's id that leads nowhere.
    pub fn not_found(what: &str, id: &str, param: &str) -> Self {
        Self { status: 404, ..Self::no_such(what, id, param) }
    }

    /// A required parameter is not there.
    pub fn missing(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    /// The operation began and the object's state forbids it.
    pub fn state(code: &str, message: impl Into<String>) -> Self {
        Self { executed: true, ..Self::invalid(message) }.code(code)
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    pub fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// One more field beside the message, such as `charge` or `payment_intent`.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// The inner error object, as `last_payment_error` also keeps it.
    pub fn object(&self) -> Value {
        let mut error = self.extra.clone();
        error.insert("type".into(), json!(self.kind));
        error.insert("message".into(), json!(self.message));
        if let Some(code) = &self.code {
            error.insert("code".into(), json!(code));
            error.insert("doc_url".into(), json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"))));
        }
        if let Some(param) = &self.param {
            error.insert("param".into(), json!(param));
        }
        Value::Object(error)
    }

    /// The whole answer; its headers come from the caller.
    pub fn reply(&self, request_id: &str) -> Reply {
        let mut error = self.object();
        if self.status != 401 {
            error["request_log_url"] = json!(format!("https://dashboard.stripe.com/test/logs/{request_id}"));
        }
        let reply = Reply::json(self.status, &json!({ "error": error }));
        if self.status == 401 { reply.header("WWW-Authenticate", "Basic realm=\"Stripe\"") } else { reply }
    }

    /// What a person reads.
    pub fn message(&self) -> &str {
        &self.message
    }
}
