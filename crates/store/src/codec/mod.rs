//! Domain types from rows, for both databases.
//!
//! - `payments`: orders and attempts. `parts`: captures, refunds, disputes. `settlement`: payouts, exceptions, balances.
//! - `merchants`: merchants, keys, PSP accounts. `events`: events, webhook endpoints, deliveries. `answer`: answers, packed.

mod answer;
mod events;
mod merchants;
mod parts;
mod payments;
mod settlement;

pub(crate) use answer::{pack, unpack};
pub(crate) use events::{EVENT_COLUMNS, delivery, delivery_try, event, replay, webhook_endpoint};
pub(crate) use merchants::{api_key, merchant, psp_account};
pub(crate) use parts::{capture, dispute, dispute_file, refund};
pub(crate) use payments::{ATTEMPT_COLUMNS, ORDER_COLUMNS, attempt, details_of, payment};
pub(crate) use settlement::{account_balance, exception, payout};
