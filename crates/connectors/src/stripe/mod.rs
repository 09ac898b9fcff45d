//! Stripe: a Checkout Session is the registration, a PaymentIntent the payment behind it.
//!
//! - `spec`: Stripe as data. `amounts`: its amounts on the wire. `declines`: its refusals in our words.
//! - one verb a file, each saying the next request or the outcome: `register`, `fetch`, `find`, `close`, `capture`, `void`, `refund`,
//!   `subscribe`, `ping`.
//! - `message`: what its events mean.
//! - `form`: how requests are written. `reading`: how replies are read, and the one place where a failure gets its name.
//! - `objects`: what we need of its JSON. `standing`: how a registration stands, by its session and payment.

mod amounts;
mod capture;
mod close;
mod declines;
mod fetch;
mod find;
mod form;
mod message;
mod objects;
mod ping;
mod reading;
mod refund;
mod register;
mod spec;
mod standing;
mod subscribe;
mod void;

#[cfg(test)]
mod samples;

use crate::{Account, Connector, Fault, Message, Operation, Reply, Spec, Step, VerifiedMessage};

/// Stripe's translator.
#[derive(Debug)]
pub struct Stripe;

impl Connector for Stripe {
    fn spec(&self) -> &'static Spec {
        &spec::SPEC
    }

    fn step(&self, operation: &Operation, _: &Account, seen: &[Reply]) -> Result<Step, Fault> {
        match operation {
            Operation::Register(registration) => register::step(registration, seen),
            Operation::Fetch(token) => fetch::step(token, seen),
            Operation::Find { reference, since } => find::step(reference, *since, seen),
            Operation::Close { token, key } => close::step(token, key, seen),
            Operation::Capture { token, amount, key, .. } => capture::step(token, *amount, key, seen),
            Operation::Void { token, key } => void::step(token, key, seen),
            Operation::Refund { token, refund, amount, key, .. } => refund::step(token, refund, *amount, key, seen),
            Operation::AnswerDispute { .. } | Operation::Statement { .. } => Err(Fault::Unsupported),
            Operation::Subscribe { url, key } => subscribe::step(url, key, seen),
            Operation::Ping => ping::step(seen),
        }
    }

    fn message(&self, message: &VerifiedMessage, _: &Account) -> Result<Message, Fault> {
        message::read(message.body())
    }
}
