//! Reads of orders and their attempts.

use crate::codec::{self, ATTEMPT_COLUMNS, ORDER_COLUMNS};
use crate::value::{Conditions, values};
use crate::{OrderFilter, Page, PageAnchor, ReadError, Store};
use ducat_domain::payments::{Attempt, Payment, PspToken};
use ducat_domain::{AttemptId, MerchantId, PaymentOrderId, PspAccountId};

/// The order with its latest attempt, by a condition on the order.
const LATEST: &str = "FROM payment_orders o JOIN attempts a ON a.merchant_id = o.merchant_id AND a.order_id = o.id
   AND a.number = (SELECT max(l.number) FROM attempts l WHERE l.merchant_id = o.merchant_id AND l.order_id = o.id)";

/// The same for a server, which would otherwise take orders for rare that have a latest attempt, and sort all of a merchant's for one page.
const LATEST_ON_SERVER: &str = "FROM payment_orders o CROSS JOIN LATERAL (SELECT l.* FROM attempts l
   WHERE l.merchant_id = o.merchant_id AND l.order_id = o.id ORDER BY l.number DESC LIMIT 1) a";

/// The order with one of its attempts, by a condition on the attempt.
const ATTEMPTED: &str = "FROM attempts a JOIN payment_orders o ON o.merchant_id = a.merchant_id AND o.id = a.order_id";

impl Store {
    /// The order with its latest attempt, by a condition on the order.
    const fn latest(&self) -> &'static str {
        if self.is_postgres() { LATEST_ON_SERVER } else { LATEST }
    }

    /// Whose order it is. Only for pages that a customer reaches by the order's id alone: everything else knows whose order it asks for.
    pub async fn merchant_of_order(&self, order: PaymentOrderId) -> Result<Option<MerchantId>, ReadError> {
        // On a server the index is of the id's bytes.
        let by_id = if self.is_postgres() { "uuid_send(id) = uuid_send($1)" } else { "id = $1" };
        let sql = format!("SELECT merchant_id FROM payment_orders WHERE {by_id}");
        self.one(sql, values![order], |row| row.get("merchant_id")).await
    }

    /// The order with its latest attempt.
    pub async fn payment(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Option<Payment>, ReadError> {
        let latest = self.latest();
        let sql = format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {latest} WHERE o.merchant_id = $1 AND o.id = $2");
        self.one(sql, values![merchant, order], codec::payment).await
    }

    /// The order with the attempt of this id.
    pub async fn payment_by_attempt(&self, merchant: MerchantId, attempt: AttemptId) -> Result<Option<Payment>, ReadError> {
        let sql = format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {ATTEMPTED} WHERE a.merchant_id = $1 AND a.id = $2");
        self.one(sql, values![merchant, attempt], codec::payment).await
    }

    /// The order with the attempt that has this token.
    pub async fn payment_by_token(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        token: &PspToken,
    ) -> Result<Option<Payment>, ReadError> {
        let sql = format!(
            "SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {ATTEMPTED}
             WHERE a.merchant_id = $1 AND a.psp_account_id = $2 AND a.token = $3"
        );
        self.one(sql, values![merchant, account, &token.0], codec::payment).await
    }

    /// The order with the attempt that has this payment at the PSP.
    pub async fn payment_by_psp_payment(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        psp_payment: &str,
    ) -> Result<Option<Payment>, ReadError> {
        let sql = format!(
            "SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {ATTEMPTED}
             WHERE a.merchant_id = $1 AND a.psp_account_id = $2 AND a.psp_payment = $3 ORDER BY a.id LIMIT 1"
        );
        self.one(sql, values![merchant, account, psp_payment], codec::payment).await
    }

    /// The merchant's order with this reference, with its latest attempt.
    pub async fn payment_by_reference(&self, merchant: MerchantId, reference: &str) -> Result<Option<Payment>, ReadError> {
        let latest = self.latest();
        let sql = format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {latest} WHERE o.merchant_id = $1 AND o.reference = $2");
        self.one(sql, values![merchant, reference], codec::payment).await
    }

    /// A merchant's orders, newest first, each with its latest attempt.
    pub async fn payments(
        &self,
        merchant: MerchantId,
        filter: OrderFilter,
        anchor: PageAnchor<PaymentOrderId>,
        limit: u32,
    ) -> Result<Page<Payment>, ReadError> {
        let mut conditions = Conditions::default();
        conditions.add("o.merchant_id =", merchant);
        if let Some(reference) = filter.reference {
            conditions.add("o.reference =", reference);
        }
        if let Some(status) = filter.status {
            conditions.add("o.status =", status.as_str());
        }
        if let Some(from) = filter.created_gte {
            conditions.add("o.created_at >=", from);
        }
        if let Some(before) = filter.created_lt {
            conditions.add("o.created_at <", before);
        }
        let latest = self.latest();
        let select = format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {latest}");
        self.page(&select, conditions, ("o.id", anchor), limit, codec::payment).await
    }

    /// Every attempt of an order, first to last.
    pub async fn attempts(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Vec<Attempt>, ReadError> {
        let sql =
            format!("SELECT {ATTEMPT_COLUMNS} FROM attempts a WHERE a.merchant_id = $1 AND a.order_id = $2 ORDER BY a.number");
        self.many(sql, values![merchant, order], codec::attempt).await
    }

    /// A merchant's orders by id, each as often as it has attempts, with each of them; in no particular order.
    pub async fn attempted(&self, merchant: MerchantId, ids: Vec<PaymentOrderId>) -> Result<Vec<Payment>, ReadError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut conditions = Conditions::default();
        conditions.add("a.merchant_id =", merchant);
        conditions.add_any("a.order_id", ids);
        let (wheres, values) = conditions.done();
        self.many(format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {ATTEMPTED} WHERE {wheres}"), values, codec::payment).await
    }
}
