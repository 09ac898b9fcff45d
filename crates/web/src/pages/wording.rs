//! Money, moments and states in words for people.

use ducat_domain::{Currency, Money, Timestamp};

/// An amount in words; one that cannot be read is shown as it is.
pub(super) fn money(minor: i64, currency: &str) -> String {
    match currency.parse::<Currency>() {
        Ok(currency) => Money::new(minor, currency).to_string(),
        Err(_) => format!("{minor} {currency}"),
    }
}

/// A moment: `21 November 2026, 14:30 UTC`.
pub(super) fn moment(at: &str) -> String {
    let parts = || {
        let (year, rest) = at.split_once('-')?;
        let (month, rest) = rest.split_once('-')?;
        let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
        Some(format!("{} {month} {year}, {} UTC", rest.get(..2)?.trim_start_matches('0'), clock(at)?))
    };
    parts().unwrap_or_else(|| at.to_owned())
}

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// The time of day: `14:30`.
fn clock(at: &str) -> Option<&str> {
    at.get(11..16)
}

/// The time of day with seconds: `14:30:05`.
pub(super) fn clock_to_the_second(at: &str) -> &str {
    at.get(11..19).unwrap_or(at)
}

/// Until when, said calmly: only the time where it is within a day.
pub(super) fn until(at: &str, now: Timestamp) -> String {
    let far = Timestamp::parse(at).is_none_or(|end| end.since(now).as_secs() > 20 * 3600);
    match clock(at) {
        Some(clock) if !far => format!("{clock} UTC"),
        _ => moment(at),
    }
}

/// A refund in words for the customer, and how it stands: `good`, `wait` or `bad`.
pub(super) fn refund(refund: &ducat_engine::refunds::RefundView) -> (String, &'static str) {
    let amount = money(refund.amount, &refund.currency);
    match refund.status {
        "succeeded" => (format!("{amount} refunded on {}", day(&refund.updated_at)), "good"),
        "failed" => (format!("A refund of {amount} did not reach you. The shop has been told."), "bad"),
        _ => (format!("{amount} is on its way back to you"), "wait"),
    }
}

/// The day of a moment: `21 November 2026`.
fn day(at: &str) -> String {
    moment(at).split(',').next().unwrap_or_default().to_owned()
}

/// An event in a few words, and what it means.
pub(super) fn event(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "payment_order.created" => {
            ("Order recorded", "The shop asked for a payment. It is written down before anybody else is told.")
        }
        "payment_order.pending" => {
            ("Registered at the PSP", "The PSP knows the order and has given its token. The customer can pay.")
        }
        "payment_order.attempt_unknown" => (
            "Answer of the PSP lost",
            "We told the PSP and heard nothing back. We find out what happened before anything else is tried.",
        ),
        "payment_order.attempt_declined" => ("Declined", "The bank said no. Nothing was taken, and the customer may try again."),
        "payment_order.attempt_ended" => {
            ("Attempt ended without money", "This try is over. The order can still be paid by another.")
        }
        "payment_order.attempt_started" => ("New attempt", "The customer tries again. The PSP is told under a new key."),
        "payment_order.processing" => ("Being processed", "The customer has acted; the PSP has not said its last word."),
        "payment_order.authorized" => ("Authorised", "The money is held for the shop."),
        "payment_order.capture_requested" => ("Capture asked for", "The PSP is being asked to take money that is held."),
        "payment_order.capture_unknown" => {
            ("Answer to the capture lost", "We asked for the money and heard nothing back. We find out what happened.")
        }
        "payment_order.partially_captured" => ("Partly captured", "A part of the held money is taken; more may follow."),
        "payment_order.capture_failed" => ("Capture refused", "The PSP did not take the money. It is still held."),
        "payment_order.succeeded" => ("Paid", "The PSP owes us the money. It is booked in the same commit."),
        "payment_order.failed" => ("Failed", "It cannot be paid."),
        "payment_order.cancel_requested" => {
            ("Cancel requested", "Somebody asked to call it off; it is done once the PSP confirms.")
        }
        "payment_order.canceled" => ("Canceled", "It was called off. Nobody can pay it any more."),
        "payment_order.expired" => ("Expired", "Its time is over, unpaid."),
        "payment_order.paid_twice" => {
            ("Paid a second time", "Another attempt brought money too. The surplus is booked, and goes back by itself.")
        }
        "payment_order.fee_booked" => ("Fee booked", "The PSP told what it charges. It is booked as an expense."),
        "payment_order.claimed" => ("Taken on", "Somebody at the shop has the order now, and fulfils it once."),
        other => after_the_sale(other),
    }
}

/// The same for what happens to the money after the sale.
fn after_the_sale(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "refund.created" => ("Refund begun", "Money is to go back. It is written down before the PSP is told."),
        "refund.unknown" => ("Answer to the refund lost", "We told the PSP and heard nothing back. We find out what happened."),
        "refund.pending" => ("Refund on its way", "The PSP has taken the refund and has not said its last word."),
        "refund.succeeded" => ("Refunded", "The money is given back."),
        "refund.failed" => ("Refund failed", "The money did not reach the customer. It is the shop's again, and booked as such."),
        "dispute.opened" => ("Disputed", "The payer says that the payment was wrong, or asks about it."),
        "dispute.updated" => ("Dispute moved on", "Its due date or its stage changed."),
        "dispute.evidence_due" => ("Evidence due soon", "Without an answer in time the dispute is lost."),
        "dispute.evidence_submitted" => ("Evidence handed in", "The bank looks at it; that takes weeks."),
        "dispute.accepted" => ("Dispute accepted", "The shop gave in: the payer keeps the money."),
        "dispute.funds_withdrawn" => ("Disputed money taken", "The PSP took it until the dispute is decided."),
        "dispute.funds_returned" => ("Disputed money returned", "The PSP gave it back."),
        "dispute.won" => ("Dispute won", "The bank sided with the shop."),
        "dispute.lost" => ("Dispute lost", "The payer keeps the money."),
        "dispute.closed" => ("Inquiry closed", "The bank asked, and it came to nothing."),
        "payout.created" => ("Payout planned", "The PSP sends money to the bank."),
        "payout.updated" => ("Payout moved on", "Its status changed, or the money left the PSP."),
        "payout.paid" => ("Payout paid", "The PSP says that it has arrived."),
        "payout.failed" => ("Payout came back", "The bank did not take it. The PSP owes it again."),
        "payout.arrived" => ("Payout arrived", "The bank's credit is booked."),
        "webhook_endpoint.disabled" => (
            "Address for events switched off",
            "It failed for days, or asked to be left alone. Nothing is lost: the log can be read on.",
        ),
        _ => ("Event", "A committed change."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::payments::EventKind;

    #[test]
    fn moments_are_written_for_people() {
        assert_eq!(moment("2026-11-01T04:05:06.123Z"), "1 November 2026, 04:05 UTC");
        assert_eq!(moment("soon"), "soon");
        let now = Timestamp::parse("2026-11-01T04:00:00Z").unwrap();
        assert_eq!(until("2026-11-01T04:30:00Z", now), "04:30 UTC");
        assert_eq!(until("2026-11-02T04:30:00Z", now), "2 November 2026, 04:30 UTC");
    }

    #[test]
    fn every_event_has_words_of_its_own() {
        for kind in EventKind::ALL {
            assert_ne!(event(kind.as_str()).0, "Event", "{kind:?}");
        }
    }
}
