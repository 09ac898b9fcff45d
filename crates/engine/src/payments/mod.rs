//! Payment orders.

mod view;
use crate::{Answer, Engine, Error, RequestKey};
use ducat_domain::payments::{CaptureMode, Channel, Customer, LineItem, PaymentMethod, PaymentType};
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp};
use ducat_store::{OrderFilter, Page, PageAnchor};
use std::collections::BTreeMap;
pub use view::{AttemptView, DeclineView, EventView, PaymentOrderView, PostingView, EntryView};

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
    /// Every event.
    pub events: bool,
}

/// What the checkout page shows.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The order.
    pub order: PaymentOrderView,
    /// Who sells.
    pub merchant_name: String,
    /// The PSP's name for people, such as `Stripe`.
    pub psp_title: String,
    /// Whether a new attempt can be begun now.
    pub can_try_again: bool,
    /// One sentence for the customer about the last refusal, where there is one.
    pub decline_text: Option<&'static str>,
    /// Where the customer goes on to, with `payment_order`, `status` and `signature` added; nothing while the outcome is open.
    pub onward_url: Option<String>,
    /// Where the customer goes back to without paying.
    pub cancel_url: Option<String>,
}

#[allow(unused_variables, missing_docs)]
mod stub {
    use super::*;
    /// Records an order, registers it at its PSP, and answers.
    pub async fn create(engine: &Engine, merchant: MerchantId, new: NewOrder, key: Option<RequestKey>) -> Result<Answer, Error> { unreachable!() }
    /// One order of the merchant.
    pub async fn get(engine: &Engine, merchant: MerchantId, id: PaymentOrderId, expand: Expand) -> Result<PaymentOrderView, Error> { unreachable!() }
    /// The merchant's orders, newest first.
    pub async fn list(engine: &Engine, merchant: MerchantId, filter: OrderFilter, anchor: PageAnchor<PaymentOrderId>, limit: u32) -> Result<Page<PaymentOrderView>, Error> { unreachable!() }
    /// Calls an order off.
    pub async fn cancel(engine: &Engine, merchant: MerchantId, id: PaymentOrderId, key: Option<RequestKey>) -> Result<Answer, Error> { unreachable!() }
    /// The journal entries of an order.
    pub async fn ledger(engine: &Engine, merchant: MerchantId, id: PaymentOrderId) -> Result<Vec<EntryView>, Error> { unreachable!() }
    /// What the checkout page shows; for anybody who knows the id.
    pub async fn checkout(engine: &Engine, id: PaymentOrderId) -> Result<Checkout, Error> { unreachable!() }
    /// The order's timeline, for the demo shop.
    pub async fn timeline(engine: &Engine, id: PaymentOrderId) -> Result<Vec<EventView>, Error> { unreachable!() }
    /// The customer came back: asks the PSP when its message is late, within a second or two, then says what the page shows.
    pub async fn come_back(engine: &Engine, id: PaymentOrderId) -> Result<Checkout, Error> { unreachable!() }
    /// The customer wants to pay: gives the address of the PSP's page, beginning a new attempt where the last one has ended.
    /// `None` while the PSP has not answered yet.
    pub async fn go_pay(engine: &Engine, id: PaymentOrderId) -> Result<Option<String>, Error> { unreachable!() }
}
pub use stub::*;
