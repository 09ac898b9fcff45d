//! The archive: orders that are over lie apart from those that live, with their attempts, until something is heard of them.
//!
//! An order is either among the living or in the archive. What moves it is the database: to delete it in the one place is to put it into the
//! other. So who writes need not know: a change that comes to nothing because an order it names is archived is written again after the
//! order was brought back, in the same commit.

use crate::value::values;
use crate::{Change, CommitError, JobNext, Store};
use ducat_domain::payments::Part;
use ducat_domain::{MerchantId, PaymentOrderId, Subject, Timestamp};
use std::collections::BTreeSet;

/// What one step through a merchant's orders came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// How many went to the archive.
    pub moved: u64,
    /// After which order the next step begins; none where this was the last.
    pub next: Option<PaymentOrderId>,
}

/// Orders that are over: ended, nothing under way, no job. Each part is counted by itself: what is asked as EXISTS may be answered by reading
/// the whole of a table. What was found is asked for again by the database's own rules.
const OVER: &str = "(o.status = 'succeeded' OR o.status = 'failed' OR o.status = 'canceled' OR o.status = 'expired')
   AND o.updated_at < $1 AND o.amount_refunding = 0
   AND (SELECT count(*) FROM jobs j WHERE j.merchant_id = o.merchant_id AND j.kind = 'attend' AND j.subject_id = o.id) = 0
   AND (SELECT count(*) FROM attempts a WHERE a.merchant_id = o.merchant_id AND a.order_id = o.id
     AND (a.capturing <> 0 OR a.refunding <> 0 OR a.open_disputes <> 0
       OR NOT (a.status = 'captured' OR a.status = 'failed' OR a.status = 'canceled' OR a.status = 'expired'))) = 0
   AND (SELECT count(*) FROM disputes d WHERE d.merchant_id = o.merchant_id AND d.order_id = o.id
     AND NOT (d.status = 'closed' OR d.status = 'won' OR d.status = 'lost')) = 0";

impl Store {
    /// Looks at the next `limit` of a merchant's living orders, oldest first, and archives those that are over and were not changed since
    /// `quiet_since`, in one commit. It may be done as often as one likes, and by several nodes at once.
    pub async fn archive(
        &self,
        merchant: MerchantId,
        quiet_since: Timestamp,
        after: Option<PaymentOrderId>,
        limit: u32,
    ) -> Result<Archived, CommitError> {
        let after = after.unwrap_or(PaymentOrderId::from_bytes([0; 16]));
        // No order is changed before it is made, and its id begins with the moment at which it was.
        let before = crate::reads::first_of(quiet_since);
        let sql = format!(
            "SELECT o.id, {OVER} AS is_over FROM payment_orders o
             WHERE o.merchant_id = $2 AND o.id > $3 AND o.id < $4 ORDER BY o.id LIMIT {limit}"
        );
        let read = |row: &crate::row::Row<'_>| Ok((row.get::<PaymentOrderId>("id")?, row.get::<bool>("is_over")?));
        let seen = self.many(sql, values![quiet_since, merchant, after, before], read).await;
        let seen = seen.map_err(|e| CommitError::Unavailable(e.to_string()))?;
        let next = seen.last().filter(|_| seen.len() >= limit as usize).map(|(id, _)| *id);
        let over: Vec<PaymentOrderId> = seen.iter().filter(|(_, is_over)| *is_over).map(|(id, _)| *id).collect();
        let moved = if over.is_empty() { 0 } else { self.put_away(merchant, over, quiet_since).await? };
        Ok(Archived { moved, next })
    }
}

/// The orders that must live for a change to be written.
pub(crate) fn named(change: &Change) -> BTreeSet<(MerchantId, PaymentOrderId)> {
    let mut named = BTreeSet::new();
    named.extend(change.payments.iter().map(|write| (write.order().merchant, write.order().id)));
    named.extend(change.parts.iter().map(|write| {
        let order = match &write.part {
            Part::Capture(capture) => capture.order,
            Part::Refund(refund) => refund.order,
            Part::Dispute(dispute) => dispute.order,
        };
        (write.merchant, order)
    }));
    named.extend(change.entries.iter().filter_map(|filed| filed.entry.order().map(|order| (filed.merchant, order))));
    named.extend(change.events.iter().filter_map(|event| match event.subject {
        Subject::PaymentOrder(order) => Some((event.merchant, order)),
        _ => None,
    }));
    named.extend(change.psp_lines.iter().filter_map(|line| line.order.map(|order| (line.merchant, order))));
    named.extend(change.visit.iter().map(|visit| (visit.merchant, visit.order)));
    named.extend(change.jobs.iter().filter_map(|write| match (write.job, write.then) {
        (crate::Job::Attend(order), JobNext::Schedule(_) | JobNext::Hurry(_)) => Some((write.merchant, order)),
        _ => None,
    }));
    named
}

/// Whether an order that is archived could be why a change came to nothing.
pub(crate) const fn may_be_why(error: &CommitError) -> bool {
    matches!(error, CommitError::Stale | CommitError::Refused(_))
}
