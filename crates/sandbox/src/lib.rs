//! The PSPs in a box: a stateful Stripe that speaks Stripe's own wire protocol, with a hosted page, signed webhooks, test cards and a
//! fault script. A library first: [`Sandbox::handle`] is a plain function from request to reply; [`serve`] puts it on a socket.

#![recursion_limit = "256"]

mod control;
#[cfg(test)]
mod fault_tests;
mod faults;
mod hosted;
mod http;
mod ids;
mod sandbox;
mod server;
mod stripe;
mod world;

pub use http::{Reply, Request};
pub use sandbox::{LoadError, Sandbox, Settings};
pub use server::{Keeper, serve, serve_kept};
pub use stripe::webhooks::{Delivery, Outcome};
