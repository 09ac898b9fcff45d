//! What a change touches. Two changes that touch the same thing are never written by the same transaction: one statement writes the rows
//! of a whole group, and can write each row only once.

use crate::{Change, DeliveryWrite, EndpointWrite, JobNext, JobWrite};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Things that are touched, by a digest of what they are: two that meet by chance only wait for each other.
#[derive(Debug, Default)]
pub(super) struct Touched(HashSet<u64>);

impl Touched {
    /// Notes what a change touches. False where something of it is touched already.
    pub fn add(&mut self, change: &Change) -> bool {
        let mut is_free = true;
        for thing in things(change) {
            is_free &= self.0.insert(thing);
        }
        is_free
    }
}

fn digest(thing: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

/// Each thing once, however often the change touches it itself.
fn things(change: &Change) -> HashSet<u64> {
    let mut things = HashSet::new();
    let mut touch = |thing: u64| {
        things.insert(thing);
    };
    if let Some(write) = &change.idempotency {
        touch(digest(("key", write.name())));
    }
    if let Some(m) = &change.inbox {
        touch(digest(("message", m.psp_account, &m.message_id)));
    }
    for write in &change.payments {
        let order = write.order();
        touch(digest(("order", order.id)));
        touch(digest(("reference", order.merchant, &order.terms.reference)));
        if let Some(token) = &write.attempt().token {
            touch(digest(("token", write.attempt().psp_account, &token.0)));
        }
    }
    // To be run sooner can be wanted by many at once: the soonest counts. Each payment wants it of its PSP account's statement.
    for JobWrite { job, .. } in change.jobs.iter().filter(|write| !matches!(write.then, JobNext::Hurry(_))) {
        touch(digest(("job", job)));
    }
    for write in &change.endpoints {
        let endpoint = match write {
            EndpointWrite::Insert(e) | EndpointWrite::Update(e) | EndpointWrite::Pause { endpoint: e, .. } => e.id,
            EndpointWrite::Advance { endpoint, .. } => *endpoint,
            EndpointWrite::AdvanceReplay { replay, .. } => replay.endpoint,
            // Counted together, for all of an endpoint's deliveries that share a commit.
            EndpointWrite::Reached(..) | EndpointWrite::Missed(..) => continue,
        };
        touch(digest(("endpoint", endpoint)));
    }
    for write in &change.deliveries {
        touch(digest((
            "delivery",
            match write {
                DeliveryWrite::Insert(d) | DeliveryWrite::InsertClaimed(d, _) | DeliveryWrite::InsertTried(d, _) => d.id,
                DeliveryWrite::Tried { delivery, .. } | DeliveryWrite::GiveBack { delivery, .. } => delivery.id,
                DeliveryWrite::TryNow(delivery, _) => delivery.id,
            },
        )));
    }
    for account in &change.psp_accounts {
        touch(digest(("psp account", account.id)));
    }
    for (id, _) in change.used_keys.iter().chain(&change.revoked_keys) {
        touch(digest(("api key", id)));
    }
    for payout in &change.payouts {
        touch(digest(("payout", payout.psp_account, &payout.psp_payout)));
    }
    for line in &change.psp_lines {
        touch(digest(("line", line.psp_account, &line.psp_line)));
    }
    for exception in &change.exceptions {
        touch(digest(("exception", exception.id)));
    }
    for filed in &change.entries {
        touch(digest(("entry", filed.merchant, filed.entry.event_ref().to_string())));
    }
    let disputes = change.dispute_files.iter().map(|(_, f)| f.dispute).chain(change.forget_files.iter().map(|(_, d)| *d));
    for dispute in disputes {
        touch(digest(("dispute", dispute)));
    }
    if let Some(write) = &change.books {
        touch(digest(("books", write.merchant)));
    }
    if let Some((_, cursor)) = &change.psp_cursor {
        touch(digest(("cursor", cursor.psp_account)));
    }
    if let Some(visit) = &change.visit {
        touch(digest(("visit", visit.order)));
    }
    let forgets =
        change.forget_keys_before.is_some() || change.forget_declines.is_some() || change.forget_deliveries_before.is_some();
    if forgets {
        touch(digest("forget"));
    }
    things
}
