//! What the merchant asked for. Written once, never changed.

use crate::{Money, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The terms of a payment order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The merchant's own order id, unique per merchant.
    pub reference: String,
    /// What is to be paid.
    pub amount: Money,
    /// Once, or as part of a subscription.
    pub payment_type: PaymentType,
    /// Who processes what the customer types.
    pub payment_method: PaymentMethod,
    /// Take the money at once, or authorise first.
    pub capture: CaptureMode,
    /// The PSP that the merchant insists on.
    pub psp: Option<String>,
    /// Where the customer buys.
    pub channel: Channel,
    /// When the order lapses unpaid.
    pub expires_at: Timestamp,
    /// What the customer reads as the purpose.
    pub description: Option<String>,
    /// What is bought, for the customer to read. The amount alone is what is paid: discounts and postage need no line.
    pub line_items: Vec<LineItem>,
    /// Who buys.
    pub customer: Option<Customer>,
    /// Where the customer goes after paying.
    pub success_url: Option<String>,
    /// Where the customer goes without paying.
    pub cancel_url: Option<String>,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
}

/// Once, or again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentType {
    /// One time.
    Sale,
    /// A payment of a subscription.
    Recc,
}

/// Who processes what the customer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentMethod {
    /// We capture the card data ourselves.
    Card,
    /// Everything that happens at a provider, cards on its hosted page included.
    Apm,
}

/// When the money is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// As soon as the customer has paid.
    Automatic,
    /// Authorised first; captured by a later call.
    Manual,
}

/// Where the customer buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In a web shop or app.
    Ecommerce,
    /// At a till.
    Pos,
}

/// One line of what is bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItem {
    /// What it is.
    pub name: String,
    /// How many; at least 1.
    pub quantity: u32,
    /// Minor units for one, in the order's currency.
    pub unit_amount: i64,
}

/// Who buys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Where a receipt goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
