//! What the engine reads about a PSP as data.

use std::time::Duration;

/// A PSP, described.
#[derive(Debug)]
pub struct Spec {
    /// The name in our API: `stripe`.
    pub name: &'static str,
    /// The name for people: `Stripe`.
    pub title: &'static str,
    /// Where its API lives.
    pub base: &'static str,
    /// Which setting holds another base, for a sandbox.
    pub base_setting: &'static str,
    /// How a request proves who sends it.
    pub auth: Auth,
    /// Headers on every request: API version and the like.
    pub headers: &'static [(&'static str, &'static str)],
    /// How a request is made to happen once.
    pub idempotency: Idempotency,
    /// How a registration is found after its answer was lost.
    pub find: Find,
    /// How its messages are proved.
    pub trust: Trust,
    /// What an account needs.
    pub settings: &'static [Setting],
    /// What it can do.
    pub capabilities: &'static [Capability],
    /// How long after a registration the PSP may still finish processing it, unseen by a look-up.
    pub processing_window: Duration,
}

/// How a request proves who sends it.
#[derive(Clone, Copy, Debug)]
pub enum Auth {
    /// `Authorization: Bearer` with the value of this setting.
    Bearer(&'static str),
}

/// How a request is made to happen once at the PSP.
#[derive(Clone, Copy, Debug)]
pub struct Idempotency {
    /// The header that carries the key.
    pub header: &'static str,
    /// How long the PSP remembers a key, at least.
    pub lifetime: Duration,
    /// What a repeated key gives after an error.
    pub errors: ErrorReplay,
}

/// What a repeated key gives after the first request failed inside the PSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorReplay {
    /// The stored error, again and again.
    Stored,
    /// A new try.
    Executed,
}

/// How a registration is found by our own reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// By going through the PSP's list from a time on.
    Listing,
    /// Not at all.
    Never,
}

/// How the PSP's messages are proved. There is no default: a PSP that does not sign would have to be written down as such.
#[derive(Clone, Copy, Debug)]
pub enum Trust {
    /// A header `t=<unix seconds>,v1=<hex>,…`: HMAC-SHA256 over `t.body` with the whole secret; any `v1` may match.
    TimestampedHmacSha256 {
        /// The header, in lower case.
        header: &'static str,
        /// The setting that holds the secrets; several are separated by a space while one is being replaced.
        secret_setting: &'static str,
        /// How far the time may be from ours, either way.
        tolerance: Duration,
    },
}

/// One setting of an account.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the API.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// Whether an account is useless without it.
    pub required: bool,
    /// Whether it must never be shown again.
    pub secret: bool,
}

/// What a PSP can do with one method.
#[derive(Debug)]
pub struct Capability {
    /// Our name of the method: `hosted`.
    pub method: &'static str,
    /// ISO codes; empty for all.
    pub currencies: &'static [&'static str],
    /// The least amount in minor units, by currency; the rest has none but 1.
    pub minimums: &'static [(&'static str, i64)],
    /// The largest amount in minor units.
    pub maximum: i64,
    /// What may be done.
    pub operations: &'static [Operations],
    /// For how long after a payment it can be given back; without one, for ever.
    pub refund_window: Option<Duration>,
}

/// What may be done with a payment at a PSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operations {
    /// Authorise now, capture later.
    ManualCapture,
    /// Capture less than was authorised.
    PartialCapture,
    /// Capture in several parts.
    MultiCapture,
    /// Capture more than was authorised.
    OverCapture,
    /// Let a hold go.
    Void,
    /// Give money back, whole.
    Refund,
    /// Give money back in parts.
    PartialRefund,
    /// Look it up by the PSP's token.
    Fetch,
    /// Look it up by our reference.
    Find,
    /// End it unpaid.
    Close,
}
