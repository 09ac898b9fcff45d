//! Payment orders.
//!
//! - the verbs: `create`, `get` (and list), `cancel`, `try_again`, `checkout` (and come back), `attend`.
//! - `check`: whether what a shop asks for makes sense.
//! - `register`: telling the PSP; `recent`: what was just registered. `commit`: writing down what came of it. `plan`: when to look next.
//! - `view`, `snapshot`: what the API and the events show.

mod attend;
mod cancel;
mod check;
mod checkout;
mod claim;
mod commit;
mod create;
mod get;
mod plan;
mod recent;
mod register;
mod snapshot;
mod try_again;
mod view;

use ducat_domain::payments::{CaptureMode, Channel, Customer, LineItem, PaymentMethod, PaymentType};
use std::collections::BTreeMap;

pub(crate) use attend::attend;
pub(crate) use attend::look_at;
pub use cancel::cancel;
pub(crate) use check::text as check_text;
pub use checkout::{Checkout, checkout, come_back, is_return_signed, return_signature};
pub use claim::{Claimed, NewClaim, Proof, claim};
pub(crate) use commit::{Along, Matter, apply_message, ask_psp, file, links, observe, settle, settle_matter};
pub use create::create;
pub(crate) use get::own;
pub use get::{get, ledger, list, timeline};
pub(crate) use plan::{STATEMENT_AFTER, back_off, look_at_dispute, soon};
pub(crate) use recent::Recent;
pub(crate) use register::{Psp, open_psp as open_psp_of, psp_problem};
pub use try_again::go_pay;
pub use view::{
    AttemptView, ClaimView, CustomerView, DeclineView, EventData, EventView, FeeView, LineItemView, PaymentOrderView,
};

/// What a shop asks for. Shapes are checked here; the engine checks meanings and names the field at fault.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The merchant's own order id.
    pub reference: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// `SALE` by default.
    pub payment_type: PaymentType,
    /// `APM` by default.
    pub payment_method: PaymentMethod,
    /// The PSP that the merchant insists on.
    pub psp: Option<String>,
    /// `automatic` by default.
    pub capture: CaptureMode,
    /// `ecommerce` by default.
    pub channel: Channel,
    /// What the customer reads as the purpose.
    pub description: Option<String>,
    /// What is bought.
    pub line_items: Vec<LineItem>,
    /// Who buys.
    pub customer: Option<Customer>,
    /// Where the customer goes after paying.
    pub success_url: Option<String>,
    /// Where the customer goes without paying.
    pub cancel_url: Option<String>,
    /// Seconds until the order lapses; 1800 by default.
    pub expires_in: Option<i64>,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
}

/// What a view may carry besides the order itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expand {
    /// Every attempt.
    pub attempts: bool,
    /// Every capture that was asked for.
    pub captures: bool,
    /// Every refund.
    pub refunds: bool,
    /// Every dispute.
    pub disputes: bool,
    /// Every event.
    pub events: bool,
}
