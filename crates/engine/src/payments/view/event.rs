//! What the API and merchants' endpoints are shown of an event: what it is about as it was right after it.

use super::super::claim::Proof;
use super::super::snapshot::Snapshot;
use super::{Links, PaymentOrderView, Version};
use crate::Error;
use ducat_domain::Secret;
use ducat_domain::payments::Payment;
use ducat_store::EventRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A committed fact, with what it is about as it was then.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Event")]
pub struct EventView {
    /// `evt_…`
    pub id: String,
    /// Always `event`.
    pub object: &'static str,
    /// `payment_order.succeeded`
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Counts the events of its subject from 1, without gaps.
    pub sequence: u32,
    /// RFC 3339.
    pub created_at: String,
    /// The order's id, where it is about an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_order: Option<String>,
    /// The id of what it is about.
    pub subject: String,
    /// What it is about, as it was right after the change: the order, the payout, the endpoint.
    #[schema(value_type = Object)]
    pub data: EventData,
    /// The capture that the change was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub capture: Option<Value>,
    /// The refund that the change was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub refund: Option<Value>,
    /// The dispute that the change was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub dispute: Option<Value>,
    /// Proves, with the merchant's return secret, that the order has been in this status since that sequence. The return address
    /// carries the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What an event is about.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum EventData {
    /// A payment order.
    PaymentOrder(Box<PaymentOrderView>),
    /// Anything else, as it was kept.
    Other(Value),
}

impl EventData {
    /// The order, where the event is about one.
    pub fn order(&self) -> Option<&PaymentOrderView> {
        match self {
            Self::PaymentOrder(order) => Some(order),
            Self::Other(_) => None,
        }
    }
}

impl EventView {
    /// The event with the order as it was. `attempts` are the order's, each with it.
    pub(crate) fn of_order(
        public_url: &str,
        row: &EventRow,
        attempts: &[Payment],
        secret: Option<&Secret>,
    ) -> Result<Self, Error> {
        let mut snapshot: Snapshot =
            serde_json::from_str(&row.snapshot).map_err(|e| Error::Internal(format!("event {}: {e}", row.id)))?;
        let of = attempts.iter().find(|of| of.attempt.number == snapshot.attempt.number);
        let of = of.ok_or_else(|| Error::Internal(format!("event {} has no order with its attempt", row.id)))?;
        let (capture, refund, dispute) = (snapshot.capture.take(), snapshot.refund.take(), snapshot.dispute.take());
        let id = of.order.id;
        let proof =
            secret.zip(snapshot.status_version(row.sequence)).map(|(s, sequence)| Proof::of(s, id, snapshot.status, sequence));
        let version = Version { number: row.sequence, at: row.at, snapshot };
        let data = EventData::PaymentOrder(Box::new(PaymentOrderView::at(Links { public_url }, of, version)));
        Ok(Self { payment_order: Some(id.to_string()), capture, refund, dispute, proof, ..Self::about(row, data) })
    }

    /// The event about something else than an order.
    pub(crate) fn of_other(row: &EventRow) -> Result<Self, Error> {
        let data = serde_json::from_str(&row.snapshot).map_err(|e| Error::Internal(format!("event {}: {e}", row.id)))?;
        Ok(Self::about(row, EventData::Other(data)))
    }

    fn about(row: &EventRow, data: EventData) -> Self {
        Self {
            id: row.id.to_string(),
            object: "event",
            kind: row.kind.as_str(),
            sequence: row.sequence,
            created_at: row.at.to_string(),
            payment_order: None,
            subject: row.subject.to_string(),
            data,
            capture: None,
            refund: None,
            dispute: None,
            proof: None,
        }
    }
}
