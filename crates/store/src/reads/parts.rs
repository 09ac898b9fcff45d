//! Reads of captures, refunds, disputes and their evidence.

use crate::codec;
use crate::value::{Conditions, values};
use crate::{DisputeFile, Page, PageAnchor, ReadError, Store};
use ducat_domain::payments::{Capture, Dispute, Refund, RefundStatus};
use ducat_domain::{AttemptId, CaptureId, DisputeId, MerchantId, PaymentOrderId, PspAccountId, RefundId};

/// What a list of parts is limited to.
#[derive(Clone, Debug, Default)]
pub struct PartFilter {
    /// Parts of this order.
    pub order: Option<PaymentOrderId>,
    /// In this status.
    pub status: Option<&'static str>,
}

impl PartFilter {
    /// The conditions on a table of the merchant's parts.
    pub(super) fn of(&self, merchant: MerchantId) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.add("merchant_id =", merchant);
        if let Some(order) = self.order {
            conditions.add("order_id =", order);
        }
        if let Some(status) = self.status {
            conditions.add("status =", status);
        }
        conditions
    }

    /// The same for refunds: those that did not succeed are few, and have an index of their own.
    fn of_refunds(&self, merchant: MerchantId) -> Conditions {
        let mut conditions = self.of(merchant);
        if self.status.is_some_and(|status| status != RefundStatus::Succeeded.as_str()) {
            conditions.add_as_it_is("status <> 'succeeded'");
        }
        conditions
    }
}

/// Captures.
impl Store {
    /// One capture.
    pub async fn capture(&self, merchant: MerchantId, id: CaptureId) -> Result<Option<Capture>, ReadError> {
        let sql = "SELECT * FROM captures WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], codec::capture).await
    }

    /// The capture of an attempt that is under way.
    pub async fn open_capture(&self, merchant: MerchantId, attempt: AttemptId) -> Result<Option<Capture>, ReadError> {
        let sql = "SELECT * FROM captures WHERE merchant_id = $1 AND attempt_id = $2 AND status IN ('pending', 'unknown')";
        self.one(sql, values![merchant, attempt], codec::capture).await
    }

    /// The captures of an order, oldest first.
    pub async fn captures_of(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Vec<Capture>, ReadError> {
        let sql = "SELECT * FROM captures WHERE merchant_id = $1 AND order_id = $2 ORDER BY id";
        self.many(sql, values![merchant, order], codec::capture).await
    }
}

/// Refunds.
impl Store {
    /// One refund.
    pub async fn refund(&self, merchant: MerchantId, id: RefundId) -> Result<Option<Refund>, ReadError> {
        let sql = "SELECT * FROM refunds WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], codec::refund).await
    }

    /// The refund with this id at the PSP.
    pub async fn refund_by_psp(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        psp_refund: &str,
    ) -> Result<Option<Refund>, ReadError> {
        let sql = "SELECT * FROM refunds WHERE merchant_id = $1 AND psp_account_id = $2 AND psp_refund = $3";
        self.one(sql, values![merchant, account, psp_refund], codec::refund).await
    }

    /// The refunds of an order, oldest first.
    pub async fn refunds_of(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Vec<Refund>, ReadError> {
        let sql = "SELECT * FROM refunds WHERE merchant_id = $1 AND order_id = $2 ORDER BY id";
        self.many(sql, values![merchant, order], codec::refund).await
    }

    /// A merchant's refunds, newest first.
    pub async fn refunds(
        &self,
        merchant: MerchantId,
        filter: PartFilter,
        anchor: PageAnchor<RefundId>,
        limit: u32,
    ) -> Result<Page<Refund>, ReadError> {
        self.page("SELECT * FROM refunds", filter.of_refunds(merchant), ("id", anchor), limit, codec::refund).await
    }
}

/// Disputes.
impl Store {
    /// One dispute.
    pub async fn dispute(&self, merchant: MerchantId, id: DisputeId) -> Result<Option<Dispute>, ReadError> {
        let sql = "SELECT * FROM disputes WHERE merchant_id = $1 AND id = $2";
        self.one(sql, values![merchant, id], codec::dispute).await
    }

    /// The dispute with this id at the PSP.
    pub async fn dispute_by_psp(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        psp_dispute: &str,
    ) -> Result<Option<Dispute>, ReadError> {
        let sql = "SELECT * FROM disputes WHERE merchant_id = $1 AND psp_account_id = $2 AND psp_dispute = $3";
        self.one(sql, values![merchant, account, psp_dispute], codec::dispute).await
    }

    /// The disputes of an order, oldest first.
    pub async fn disputes_of(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Vec<Dispute>, ReadError> {
        let sql = "SELECT * FROM disputes WHERE merchant_id = $1 AND order_id = $2 ORDER BY id";
        self.many(sql, values![merchant, order], codec::dispute).await
    }

    /// A merchant's disputes, newest first.
    pub async fn disputes(
        &self,
        merchant: MerchantId,
        filter: PartFilter,
        anchor: PageAnchor<DisputeId>,
        limit: u32,
    ) -> Result<Page<Dispute>, ReadError> {
        self.page("SELECT * FROM disputes", filter.of(merchant), ("id", anchor), limit, codec::dispute).await
    }

    /// The evidence of a dispute, by field.
    pub async fn dispute_files(&self, merchant: MerchantId, dispute: DisputeId) -> Result<Vec<DisputeFile>, ReadError> {
        let theirs = self.theirs("f");
        let sql = format!(
            "SELECT f.* FROM disputes d JOIN dispute_files f ON f.dispute_id = d.id{theirs}
             WHERE d.merchant_id = $1 AND d.id = $2 ORDER BY f.field"
        );
        self.many(sql, values![merchant, dispute], codec::dispute_file).await
    }
}
