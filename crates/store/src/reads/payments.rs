//! Reads of orders and their attempts, of those that live and of those in the archive.

use super::events::one_by_one;
use crate::codec::{self, ATTEMPT_COLUMNS, ORDER_COLUMNS};
use crate::row::Row;
use crate::store::Rest;
use crate::value::{Conditions, Value, values};
use crate::{OrderFilter, Page, PageAnchor, ReadError, Store};
use ducat_domain::payments::{Attempt, OrderStatus, Payment, PspToken};
use ducat_domain::{AttemptId, MerchantId, PaymentOrderId, PspAccountId};
use std::collections::BTreeSet;
use std::time::Duration;

/// Where orders lie with their attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Those that live.
    Living,
    /// Those that are over.
    Archive,
}

impl Place {
    const fn orders(self) -> &'static str {
        match self {
            Self::Living => "payment_orders",
            Self::Archive => "archived_orders",
        }
    }

    const fn attempts(self) -> &'static str {
        match self {
            Self::Living => "attempts",
            Self::Archive => "archived_attempts",
        }
    }

    /// The same on a server, of the merchant that is the first value and the orders that are the others.
    fn attempted_one_by_one(self, values: usize) -> String {
        let (orders, attempts) = (self.orders(), self.attempts());
        format!(
            "FROM {}
             CROSS JOIN LATERAL (SELECT * FROM {attempts} t WHERE t.merchant_id = $1 AND t.order_id = n.id OFFSET 0) a
             CROSS JOIN LATERAL (SELECT * FROM {orders} t WHERE t.merchant_id = a.merchant_id AND t.id = a.order_id OFFSET 0) o",
            one_by_one(values)
        )
    }
}

/// By what a list of orders is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By walking over the orders.
    Orders,
    /// By the jobs of those that can still move.
    Jobs,
    /// By the list of those that ended so, without money.
    UnpaidEnds(OrderStatus),
}

impl Way {
    /// The shortest one.
    fn to(filter: &OrderFilter) -> Self {
        match filter.status {
            // There is one order with a reference.
            _ if filter.reference.is_some() => Self::Orders,
            Some(status) if status.is_unpaid_end() => Self::UnpaidEnds(status),
            Some(status) if !status.is_terminal() => Self::Jobs,
            _ => Self::Orders,
        }
    }

    /// The column that has the order's id, and by which pages are ordered.
    const fn id(self) -> &'static str {
        match self {
            Self::Orders => "o.id",
            Self::Jobs => "j.subject_id",
            Self::UnpaidEnds(_) => "e.order_id",
        }
    }
}

/// One statement that asks both places, so that nothing is missed on its way from the one to the other.
fn both(text: impl Fn(Place) -> String) -> String {
    let (living, archived) = (text(Place::Living), text(Place::Archive));
    format!("SELECT * FROM ({living}) living UNION ALL SELECT * FROM ({archived}) archived")
}

impl Store {
    /// The order with its latest attempt, by a condition on the order.
    fn latest(&self, place: Place) -> String {
        self.latest_of(&format!("FROM {} o", place.orders()), place)
    }

    /// The same of the orders that are found so.
    fn latest_of(&self, from: &str, place: Place) -> String {
        let attempts = place.attempts();
        if self.is_postgres() {
            // A server would otherwise take orders for rare that have a latest attempt, and sort all of a merchant's for one page.
            return format!(
                "{from} CROSS JOIN LATERAL (SELECT l.* FROM {attempts} l
                 WHERE l.merchant_id = o.merchant_id AND l.order_id = o.id ORDER BY l.number DESC LIMIT 1) a"
            );
        }
        format!(
            "{from} JOIN {attempts} a ON a.merchant_id = o.merchant_id AND a.order_id = o.id
             AND a.number = (SELECT max(l.number) FROM {attempts} l WHERE l.merchant_id = o.merchant_id AND l.order_id = o.id)"
        )
    }

    /// The order with one of its attempts, by a condition on the attempt. A server that was not told yet how rare a digest is would take it for
    /// frequent, and walk over all orders of the merchant for the one of a token; so it is told to look for the order last.
    fn attempted_in(&self, place: Place) -> String {
        let (orders, attempts) = (place.orders(), place.attempts());
        if self.is_postgres() {
            return format!(
                "FROM {attempts} a CROSS JOIN LATERAL (SELECT * FROM {orders} t WHERE t.merchant_id = a.merchant_id AND t.id = a.order_id OFFSET 0) o"
            );
        }
        format!("FROM {attempts} a JOIN {orders} o ON o.merchant_id = a.merchant_id AND o.id = a.order_id")
    }

    /// A condition on a name that a PSP account gave, `$2` and `$3`. On a server the index is of its digest.
    fn named(&self, account: &str, name: &str) -> String {
        let condition = format!("{account} = $2 AND {name} = $3");
        if self.is_postgres() { format!("named_at({account}, {name}) = named_at($2, $3) AND {condition}") } else { condition }
    }

    /// What lives is found at the first look; only where there is nothing, the archive is asked, too.
    async fn wherever<T: Send + 'static>(
        &self,
        text: impl Fn(Place) -> String,
        values: Vec<Value>,
        read: fn(&Row<'_>) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let living = self.many(text(Place::Living), values.clone(), read).await?;
        if living.is_empty() { self.many(both(text), values, read).await } else { Ok(living) }
    }

    /// An order with one of its attempts: `from` what, under which condition.
    async fn found(
        &self,
        from: impl Fn(Place) -> String,
        condition: &str,
        values: Vec<Value>,
    ) -> Result<Option<Payment>, ReadError> {
        let text = |place| format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {} WHERE {condition}", from(place));
        Ok(self.wherever(text, values, codec::payment).await?.pop())
    }

    /// Whose order it is. Only for pages that a customer reaches by the order's id alone: everything else knows whose order it asks for.
    pub async fn merchant_of_order(&self, order: PaymentOrderId) -> Result<Option<MerchantId>, ReadError> {
        let text = |place: Place| format!("SELECT merchant_id FROM {} WHERE id = $1", place.orders());
        Ok(self.wherever(text, values![order], |row| row.get("merchant_id")).await?.pop())
    }

    /// The order with its latest attempt.
    pub async fn payment(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Option<Payment>, ReadError> {
        self.found(|place| self.latest(place), "o.merchant_id = $1 AND o.id = $2", values![merchant, order]).await
    }

    /// The order with the attempt of this id.
    pub async fn payment_by_attempt(&self, merchant: MerchantId, attempt: AttemptId) -> Result<Option<Payment>, ReadError> {
        self.found(|place| self.attempted_in(place), "a.merchant_id = $1 AND a.id = $2", values![merchant, attempt]).await
    }

    /// The order with the attempt that has this token.
    pub async fn payment_by_token(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        token: &PspToken,
    ) -> Result<Option<Payment>, ReadError> {
        let condition = format!("a.merchant_id = $1 AND {}", self.named("a.psp_account_id", "a.token"));
        self.found(|place| self.attempted_in(place), &condition, values![merchant, account, &token.0]).await
    }

    /// The order with the attempt that has this payment at the PSP.
    pub async fn payment_by_psp_payment(
        &self,
        merchant: MerchantId,
        account: PspAccountId,
        psp_payment: &str,
    ) -> Result<Option<Payment>, ReadError> {
        let condition =
            format!("a.merchant_id = $1 AND {} ORDER BY a.id LIMIT 1", self.named("a.psp_account_id", "a.psp_payment"));
        self.found(|place| self.attempted_in(place), &condition, values![merchant, account, psp_payment]).await
    }

    /// The merchant's order with this reference, with its latest attempt.
    pub async fn payment_by_reference(&self, merchant: MerchantId, reference: &str) -> Result<Option<Payment>, ReadError> {
        let condition = "o.merchant_id = $1 AND o.reference = $2";
        self.found(|place| self.latest(place), condition, values![merchant, reference]).await
    }

    /// A merchant's orders, newest first, each with its latest attempt. A page in a status that is no end is found by the jobs of the orders
    /// that can still move; each of those has one, and there are few of them. A page of those that ended without money is found by the list of
    /// such ends. Any other page is found by walking over the orders of its time.
    pub async fn payments(
        &self,
        merchant: MerchantId,
        filter: OrderFilter,
        anchor: PageAnchor<PaymentOrderId>,
        limit: u32,
    ) -> Result<Page<Payment>, ReadError> {
        let way = Way::to(&filter);
        let id = way.id();
        let mut conditions = Conditions::default();
        conditions.add("o.merchant_id =", merchant);
        match way {
            Way::Orders => {}
            Way::Jobs => conditions.add("j.kind = 'attend' AND j.merchant_id =", merchant),
            Way::UnpaidEnds(status) => {
                conditions.add("e.merchant_id =", merchant);
                conditions.add("e.status =", status.as_str());
            }
        }
        if let Some(reference) = filter.reference {
            conditions.add("o.reference =", reference);
        }
        if let Some(status) = filter.status {
            conditions.add("o.status =", status.as_str());
        }
        // An id begins with the millisecond in which its order was created: so the key leads to a time.
        if let Some(from) = filter.created_gte {
            conditions.add_from(id, PaymentOrderId::first_at(from));
            conditions.add("o.created_at >=", from);
        }
        if let Some(before) = filter.created_lt {
            conditions.add_before(id, PaymentOrderId::first_at(before.plus(Duration::from_millis(1))));
            conditions.add("o.created_at <", before);
        }
        let statement = |Rest { wheres, direction, most }: &Rest| {
            let half = |place| {
                let latest = self.latest_of(&self.from(way, place), place);
                format!(
                    "SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {latest} WHERE {wheres} ORDER BY {id} {direction} LIMIT {most}"
                )
            };
            if way == Way::Jobs {
                // Nothing that can still move is in the archive.
                return half(Place::Living);
            }
            // A page of each place, and of both together the first page.
            format!("SELECT * FROM ({}) found ORDER BY order_id {direction} LIMIT {most}", both(half))
        };
        self.page_by(statement, conditions, (id, anchor), limit, codec::payment).await
    }

    /// Where a way to orders begins. A server is told to go it from there: it would otherwise read all of a merchant's orders and throw away those
    /// that were not meant.
    fn from(&self, way: Way, place: Place) -> String {
        let orders = place.orders();
        let (table, order) = match way {
            Way::Orders => return format!("FROM {orders} o"),
            Way::Jobs => ("jobs j", "j.merchant_id AND t.id = j.subject_id"),
            Way::UnpaidEnds(_) => ("unpaid_ends e", "e.merchant_id AND t.id = e.order_id"),
        };
        if self.is_postgres() {
            return format!(
                "FROM {table} CROSS JOIN LATERAL (SELECT t.* FROM {orders} t WHERE t.merchant_id = {order} LIMIT 1) o"
            );
        }
        format!("FROM {table} CROSS JOIN {orders} o ON o.merchant_id = {}", order.replace("t.id", "o.id"))
    }

    /// Every attempt of an order, first to last.
    pub async fn attempts(&self, merchant: MerchantId, order: PaymentOrderId) -> Result<Vec<Attempt>, ReadError> {
        let text = |place: Place| {
            let attempts = place.attempts();
            format!("SELECT {ATTEMPT_COLUMNS} FROM {attempts} a WHERE a.merchant_id = $1 AND a.order_id = $2 ORDER BY a.number")
        };
        self.wherever(text, values![merchant, order], codec::attempt).await
    }

    /// A merchant's orders by id, each as often as it has attempts, with each of them; in no particular order.
    pub async fn attempted(&self, merchant: MerchantId, ids: Vec<PaymentOrderId>) -> Result<Vec<Payment>, ReadError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = ids.iter().collect::<BTreeSet<_>>().len();
        let mut conditions = Conditions::default();
        conditions.add("a.merchant_id =", merchant);
        conditions.add_any("a.order_id", ids);
        let (wheres, values) = conditions.done();
        let one_by_one = self.is_postgres().then_some(values.len());
        let text = |place: Place| match one_by_one {
            Some(values) => format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {}", place.attempted_one_by_one(values)),
            None => format!("SELECT {ORDER_COLUMNS}, {ATTEMPT_COLUMNS} {} WHERE {wheres}", self.attempted_in(place)),
        };
        let living = self.many(text(Place::Living), values.clone(), codec::payment).await?;
        let found = living.iter().map(|payment| payment.order.id).collect::<BTreeSet<_>>().len();
        if found == wanted { Ok(living) } else { self.many(both(text), values, codec::payment).await }
    }
}
