//! The payment order, its attempts, and what becomes of the money: what they are, and every way they may move.
//!
//! - `terms`: what the merchant asked for; never changes.
//! - `order`: the order and its states. `attempt`: one try at one PSP account.
//! - `capture`, `refund`, `dispute`: what happens to the money after the sale, each with its moves.
//! - `decline`: why a PSP said no, in our words. `limits`: how often a card may be tried. `guard`: when there was too much refused.
//! - `observation`: what a PSP says about a registration.
//! - the moves: `open`, `register`, `observe`, `cancel`, `expire`, `retry`, `claim`, `stop`. Each takes the order by value and gives back a
//!   [`Moved`].

mod attempt;
mod cancel;
mod capture;
mod claim;
mod decline;
mod dispute;
mod expire;
mod guard;
mod limits;
mod observation;
mod observe;
mod open;
mod order;
mod part;
mod refund;
mod register;
mod retry;
mod stop;
mod terms;

#[cfg(test)]
mod properties;

pub use crate::events::EventKind;
pub use attempt::{Attempt, AttemptStatus, MAX_ATTEMPTS, PspName, PspToken};
pub use capture::{Capture, CaptureStatus, NewCapture};
pub use claim::Claim;
pub use decline::{Advice, Decline, DeclineClass, DeclineCode};
pub use dispute::{Dispute, DisputeAnswer, DisputeReason, DisputeStatus};
pub use guard::{DeclineGuard, LONGEST_RULE, Rule};
pub use limits::{
    CardNetwork, Counted, HISTORY, Initiator, LIMITS, LONGEST_WINDOW, Limit, Refused, Verdict, held_until, verdict,
};
pub use observation::{CardMode, CardSeen, DisputeSeen, Fee, Observation, Observed, RefundSeen, RefundState};
pub use open::open;
pub use order::{Moved, OrderStatus, Payment, PaymentOrder, TransitionError};
pub use part::Part;
pub use refund::{NewRefund, Refund, RefundOrigin, RefundStatus};
pub use terms::{CaptureMode, Channel, Customer, LineItem, PaymentMethod, PaymentType, Terms};
