//! Refusals, as they are counted, and where customers came from.

use ducat_domain::payments::{CardNetwork, Initiator};
use ducat_domain::{EventId, MerchantId, PaymentOrderId, Timestamp};

/// By what refusals are counted: a keyed digest, of which nobody can tell whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeclineKey {
    /// An order.
    Order([u8; 32]),
    /// A customer.
    Customer([u8; 32]),
    /// An address that customers come from.
    Address([u8; 32]),
    /// A card.
    Card([u8; 32]),
}

impl DeclineKey {
    /// What is counted, as text.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Order(_) => "order",
            Self::Customer(_) => "customer",
            Self::Address(_) => "address",
            Self::Card(_) => "card",
        }
    }

    /// The digest.
    pub const fn digest(&self) -> &[u8; 32] {
        match self {
            Self::Order(d) | Self::Customer(d) | Self::Address(d) | Self::Card(d) => d,
        }
    }
}

/// What is kept of a refusal that no card network had a part in.
pub(crate) const NO_NETWORK: &str = "none";

/// A refusal, under one of the keys by which it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclineRow {
    /// Whose.
    pub merchant: MerchantId,
    /// By what it is counted here.
    pub key: DeclineKey,
    /// When.
    pub at: Timestamp,
    /// The event that told of it.
    pub event: EventId,
    /// The card's network, where it was a card.
    pub network: Option<CardNetwork>,
    /// Who had it tried.
    pub initiator: Initiator,
    /// Never again.
    pub is_final: bool,
}

/// Where the customer of an order came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Whose order.
    pub merchant: MerchantId,
    /// The order.
    pub order: PaymentOrderId,
    /// The address, digested.
    pub address: [u8; 32],
    /// When.
    pub at: Timestamp,
}

/// Refusals under one key: which are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclinesAsked {
    /// Under which key.
    pub key: DeclineKey,
    /// After this moment.
    pub since: Timestamp,
    /// The newest so many.
    pub limit: u32,
}

/// Refusals that are older than this are forgotten, a thousand at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetDeclines {
    /// The ordinary ones, and where customers came from.
    pub ordinary: Timestamp,
    /// Those that were final.
    pub is_final: Timestamp,
}
