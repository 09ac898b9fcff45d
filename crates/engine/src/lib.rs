//! What happens. The use cases, one verb a file; the jobs and the worker. The only room that moves money.
//!
//! - `payments`: create, get, list, cancel, observe, attend (resolve, ask, close, expire), try again, return.
//! - `captures`, `refunds`, `disputes`: what happens to the money after the sale.
//! - `declines`: what was refused, counted: card testing, the networks' limits.
//! - `ledger`: the books, and how a mistake in them is put right.
//! - `settlement`: the PSPs' statements and payouts.
//! - `webhooks`: receive a PSP's message.
//! - `webhook_endpoints`, `deliveries`: merchants' addresses for events, and the events on their way there. `courier`: the way.
//! - `archive`: orders that are over go out of the way of those that live. `closings`: books are closed while they grow. `sweep`: both, and all
//!   else that is swept up.
//! - `events`: read the log of committed facts.
//! - `psp_accounts`, `api_keys`, `merchants`: what a merchant sets up.
//! - `visitor`: where somebody comes from.
//! - `psp`: the client that all connectors share.
//! - `jobs`: the worker. Nothing here starts by itself.

pub mod api_keys;
pub mod archive;
pub mod captures;
pub mod closings;
pub mod courier;
pub mod declines;
pub mod deliveries;
pub mod disputes;
pub mod engine;
pub mod error;
pub mod events;
pub mod idempotency;
pub mod jobs;
pub mod ledger;
pub mod merchants;
pub mod payments;
pub mod psp;
pub mod psp_accounts;
pub mod refunds;
pub mod settlement;
pub mod sweep;
pub mod vault;
pub mod visitor;
pub mod webhook_endpoints;
pub mod webhooks;

pub use engine::{Engine, Parts, Settings, TestCards};
pub use error::{Error, Problem};
pub use idempotency::{Answer, AnswerKind, RequestKey};
pub use vault::Vault;
