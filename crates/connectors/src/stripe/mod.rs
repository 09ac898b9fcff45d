//! Stripe: a Checkout Session is the registration, a PaymentIntent the payment behind it.
//!
//! - `spec`: Stripe as data. `amounts`: its amounts on the wire. `declines`: its refusals in our words.
//! - one verb a file, each saying the next request or the outcome: `register`, `fetch`, `find`, `locate`, `close`, `capture`, `void`, `refund`,
//!   `answer_dispute`, `statement`, `subscribe`, `ping`.
//! - `message`: what its events mean.
//! - `form`, `multipart`: how requests are written. `reading`: how replies are read, and the one place where a failure gets its name.
//!   `pages`: lists.
//! - `objects`: what we need of its JSON. `standing`: how a registration stands, by its session and payment. `dispute`, `payout`: what
//!   those objects say. `lines`: what each line of its statement is. `evidence`: what it takes in a dispute.

mod amounts;
mod answer_dispute;
mod capture;
mod close;
mod declines;
mod dispute;
mod evidence;
mod fetch;
mod find;
mod form;
mod lines;
mod locate;
mod message;
mod multipart;
mod objects;
mod pages;
mod payout;
mod ping;
mod reading;
mod refund;
mod register;
mod spec;
mod standing;
mod statement;
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
            Operation::Capture { token, amount, total, is_final, key } => {
                let part = capture::Part { amount: *amount, total: *total, extent: capture::Extent::of(*is_final) };
                capture::step(token, part, key, seen)
            }
            Operation::Void { token, key } => void::step(token, key, seen),
            Operation::Refund { token, refund: ours, amount, reason, key } => {
                refund::step(token, &refund::Asked { ours, amount: *amount, reason: reason.as_deref() }, key, seen)
            }
            Operation::AnswerDispute { psp_dispute, answer, evidence, files, key, .. } => {
                answer_dispute::step(&answer_dispute::Said { psp_dispute, answer: *answer, evidence, files, key }, seen)
            }
            Operation::Statement { after, since } => statement::step(after.as_deref(), *since, seen),
            Operation::Subscribe { url, key } => subscribe::step(url, key, seen),
            Operation::Locate { psp_payment } => locate::step(psp_payment, seen),
            Operation::Ping => ping::step(seen),
        }
    }

    fn message(&self, message: &VerifiedMessage, _: &Account) -> Result<Message, Fault> {
        message::read(message.body())
    }
}
