//! When an order is looked at next. One job per order sees to it; this says when.

use crate::{Engine, Settings};
use ducat_connectors::Fault;
use ducat_domain::payments::{AttemptStatus, Dispute, OrderStatus, Part, Payment};
use ducat_domain::{MerchantId, Timestamp};
use ducat_store::{ClaimedJob, Job, JobNext, JobWrite};
use std::time::Duration;

/// The longest time between two looks at a registration that waits for its customer.
const MAX_POLL: Duration = Duration::from_secs(900);
/// How long after money moved the PSP's statement is read: it tells what the PSP charged, for all payments at once.
pub(crate) const STATEMENT_AFTER: Duration = Duration::from_secs(3);
/// How long after a capture the PSP is asked about a single payment whose fee its statement did not tell.
const FEES_AFTER: Duration = Duration::from_secs(600);
/// How long before evidence is due the merchant is reminded.
const REMIND_BEFORE: Duration = Duration::from_secs(3 * 24 * 3600);

/// Anybody who knows an order's address can make us ask the PSP about it, but not more often than this.
pub(crate) const FRESH: Duration = Duration::from_secs(2);

/// When the PSP is asked again about an open registration: often at first, then ever less.
pub(crate) fn check_at(settings: &Settings, payment: &Payment, now: Timestamp) -> Timestamp {
    let age = now.since(payment.attempt.created_at);
    now.plus((age / 2).clamp(settings.poll_after, MAX_POLL.max(settings.poll_after)))
}

/// When the order is looked at next; nothing when it has come to rest.
pub(crate) fn next_look(payment: &Payment, now: Timestamp) -> Option<Timestamp> {
    let (order, attempt) = (&payment.order, &payment.attempt);
    if attempt.status.is_live() {
        // An order that has ended must not stay payable: its registration is closed at once.
        if order.status.is_terminal() || (order.cancel_requested_at.is_some() && !attempt.status.is_unconfirmed()) {
            return Some(now);
        }
        let check = attempt.check_at.unwrap_or(now);
        let lapse = order.terms.expires_at;
        // A lapse that is behind us was acted upon; what is still alive then is processing at the PSP.
        let lapses = attempt.status != AttemptStatus::Authorized && lapse > now;
        return Some(if lapses { check.min(lapse) } else { check });
    }
    if order.status == OrderStatus::Created {
        return Some(now);
    }
    if !order.status.is_terminal() {
        return Some(order.terms.expires_at);
    }
    let awaits_fees = attempt.status == AttemptStatus::Captured && attempt.fees.is_empty();
    awaits_fees.then(|| now.plus(FEES_AFTER))
}

/// What is to be done about a part after it moved.
pub(crate) fn part_job(merchant: MerchantId, part: &Part, now: Timestamp) -> JobWrite {
    let (job, at) = match part {
        Part::Capture(capture) => (Job::Capture(capture.id), capture.check_at),
        Part::Refund(refund) => (Job::Refund(refund.id), refund.check_at),
        Part::Dispute(dispute) => (Job::Dispute(dispute.id), look_at_dispute(dispute, now)),
    };
    JobWrite { merchant, job, then: at.map_or(JobNext::Cancel, JobNext::Schedule) }
}

/// When a dispute is looked at next: at once with an answer to hand in, else in time for a reminder.
pub(crate) fn look_at_dispute(dispute: &Dispute, now: Timestamp) -> Option<Timestamp> {
    if dispute.answer.is_some() {
        return Some(now);
    }
    let due = dispute.evidence_due_at.filter(|_| dispute.awaits_reminder())?;
    Some(due.minus(REMIND_BEFORE).max(now))
}

/// How long until a failed look is tried again: doubling from a second to half a minute, and some chance, so that many orders do not
/// come back together. A PSP that named a time gets it.
pub(crate) fn back_off(tries: u32, asked: Option<Duration>, chance: u8) -> Duration {
    let base = Duration::from_secs(1 << tries.clamp(1, 6).saturating_sub(1)).min(Duration::from_secs(30));
    let spread = base * u32::from(chance) / 1024;
    (base + spread).max(asked.unwrap_or_default())
}

/// When a claimed job is tried again: after its back-off, or later where the PSP asked for that.
pub(crate) fn soon(engine: &Engine, claimed: &ClaimedJob, fault: Option<&Fault>) -> Timestamp {
    let chance: [u8; 1] = ducat_domain::random_bytes(engine.chance());
    let asked = match fault {
        Some(Fault::Retry { after, .. }) => *after,
        _ => None,
    };
    engine.now().plus(back_off(claimed.tries, asked, chance[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_grows_to_half_a_minute_and_honours_the_psp() {
        let seconds: Vec<u64> = (0..9).map(|tries| back_off(tries, None, 0).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(back_off(1, Some(Duration::from_secs(120)), 255), Duration::from_secs(120));
    }
}
