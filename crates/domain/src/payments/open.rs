//! Opening an order: recorded together with its first attempt, before any PSP hears of it.

use super::{Attempt, AttemptStatus, Moved, OrderStatus, Payment, PaymentOrder, PspName, Terms};
use crate::events::EventKind;
use crate::{AttemptId, MerchantId, PaymentOrderId, PspAccountId, Timestamp};
use std::sync::Arc;

/// A new order with its first attempt, about to be registered.
pub fn open(
    id: PaymentOrderId,
    merchant: MerchantId,
    terms: impl Into<Arc<Terms>>,
    first: (AttemptId, PspAccountId, PspName),
    now: Timestamp,
    check_at: Timestamp,
) -> Moved {
    let order = PaymentOrder {
        id,
        merchant,
        terms: terms.into(),
        created_at: now,
        status: OrderStatus::Created,
        version: 0,
        updated_at: now,
        amount_authorized: 0,
        amount_captured: 0,
        amount_refunded: 0,
        amount_refunding: 0,
        amount_disputed: 0,
        paid_by: None,
        cancel_requested_at: None,
        paid_late: false,
        status_version: 1,
        claim: None,
    };
    let attempt = Attempt::new(first, 1, now, check_at);
    Payment { order, attempt }.moved(now, EventKind::Created, Vec::new())
}

impl Attempt {
    pub(super) fn new(
        (id, psp_account, psp): (AttemptId, PspAccountId, PspName),
        number: u16,
        now: Timestamp,
        check_at: Timestamp,
    ) -> Self {
        Self {
            id,
            psp_account,
            psp,
            number,
            created_at: now,
            status: AttemptStatus::Registering,
            token: None,
            psp_payment: None,
            redirect_url: None,
            decline: None,
            declines: 0,
            check_at: Some(check_at),
            authorized: 0,
            captured: 0,
            capturing: 0,
            refunded: 0,
            refunding: 0,
            disputed: 0,
            open_disputes: 0,
            surplus: false,
            fees: Vec::new(),
        }
    }
}
