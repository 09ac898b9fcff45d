//! What makes each event happen, as data.

/// One step of a recipe, in the order in which a shop, its customer and the PSP would act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The customer pays on the PSP's page with this test method.
    Pay(&'static str),
    /// Somebody writes a note to the charge in the PSP's dashboard, and the PSP tells of it.
    NoteCharge,
    /// The PSP ends the session that nobody has paid.
    EndSession,
    /// The customer pays by direct debit.
    PayByDebit,
    /// The customer goes to the PSP's page once more.
    TryAgain,
    /// The shop calls the order off.
    Cancel,
    /// The shop takes what is held.
    Capture,
    /// The shop takes a part of the money that is held.
    CapturePart,
    /// The shop gives everything back.
    Refund,
    /// Somebody of the shop's takes the order on.
    Claim,
    /// The shop hands in evidence against the dispute.
    Defend,
    /// The shop gives in to the dispute.
    GiveIn,
    /// The bank decides the dispute in this way.
    Rule(&'static str),
    /// The PSP pays out all that the account has.
    PayOut,
    /// The bank sends the payout back.
    FailPayout,
    /// The gateway's log must show this event before the next step.
    Await(&'static str),
}

/// What goes wrong once at the sandbox, with the operation as the fault script calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// It acts, and its answer is lost.
    AnswerLost(&'static str),
    /// It does not answer, and does nothing. (Had it acted, its message could be quicker than our noticing.)
    Silent(&'static str),
    /// It refuses for good.
    Refused(&'static str),
}

/// What the shop asks for besides an ordinary order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Nothing.
    Usual,
    /// To hold the money first.
    HoldFirst,
    /// To lapse as soon as an order may.
    ShortLived,
}

/// How one event is made to happen.
#[derive(Debug)]
pub struct Recipe {
    /// The event.
    pub event: &'static str,
    /// What makes it happen, for a person.
    pub how: &'static str,
    /// What the shop asks for.
    pub terms: Terms,
    /// What goes wrong at the PSP.
    pub mishap: Mishap,
    /// What is done then.
    pub acts: &'static [Act],
}

const fn recipe(event: &'static str, how: &'static str, acts: &'static [Act]) -> Recipe {
    Recipe { event, how, terms: Terms::Usual, mishap: Mishap::None, acts }
}

const fn with(recipe: Recipe, terms: Terms, mishap: Mishap) -> Recipe {
    Recipe { terms, mishap, ..recipe }
}

const REGISTER: &str = "checkout.sessions.create";
const CAPTURE: &str = "payment_intents.capture";
const REFUND: &str = "refunds.create";
const HELD: &str = "payment_order.authorized";
const PAID: &str = "payment_order.succeeded";
const OPENED: &str = "dispute.opened";
const DISPUTED: Act = Act::Pay("pm_card_createDispute");
const VISA: Act = Act::Pay("pm_card_visa");

/// Every event that can be made to happen.
pub static RECIPES: &[Recipe] = &[
    recipe("payment_order.created", "an order is created", &[]),
    recipe("payment_order.pending", "an order is created, and the PSP confirms the registration", &[]),
    with(
        recipe("payment_order.attempt_unknown", "the PSP registers the order, and its answer is lost", &[]),
        Terms::Usual,
        Mishap::AnswerLost(REGISTER),
    ),
    recipe(
        "payment_order.attempt_declined",
        "the customer pays with a card that is declined",
        &[Act::Pay("pm_card_visa_chargeDeclined")],
    ),
    recipe("payment_order.attempt_ended", "the PSP ends the session before anybody pays", &[Act::EndSession]),
    recipe(
        "payment_order.attempt_started",
        "the PSP ends the session, and the customer tries again",
        &[Act::EndSession, Act::Await("payment_order.attempt_ended"), Act::TryAgain],
    ),
    recipe("payment_order.processing", "the customer pays by SEPA direct debit", &[Act::PayByDebit]),
    with(
        recipe("payment_order.authorized", "the customer pays an order that holds the money first", &[VISA]),
        Terms::HoldFirst,
        Mishap::None,
    ),
    recipe("payment_order.succeeded", "the customer pays with a Visa card", &[VISA]),
    with(recipe("payment_order.failed", "the PSP refuses to register the order", &[]), Terms::Usual, Mishap::Refused(REGISTER)),
    recipe("payment_order.cancel_requested", "the shop calls the order off", &[Act::Cancel]),
    recipe("payment_order.canceled", "the shop calls the order off, and the PSP ends the session", &[Act::Cancel]),
    with(
        recipe("payment_order.expired", "nobody pays an order of one minute (takes that long)", &[]),
        Terms::ShortLived,
        Mishap::None,
    ),
    recipe(
        "payment_order.fee_booked",
        "the customer pays, and the PSP tells of the charge once more, now with its fee",
        &[VISA, Act::Await(PAID), Act::NoteCharge],
    ),
    with(
        recipe("payment_order.capture_requested", "the shop takes money that is held", &[VISA, Act::Await(HELD), Act::Capture]),
        Terms::HoldFirst,
        Mishap::None,
    ),
    with(
        recipe(
            "payment_order.capture_unknown",
            "the shop takes money that is held, and the PSP does not answer",
            &[VISA, Act::Await(HELD), Act::Capture],
        ),
        Terms::HoldFirst,
        Mishap::Silent(CAPTURE),
    ),
    with(
        recipe(
            "payment_order.capture_failed",
            "the shop takes money that is held, and the PSP refuses",
            &[VISA, Act::Await(HELD), Act::Capture],
        ),
        Terms::HoldFirst,
        Mishap::Refused(CAPTURE),
    ),
    with(
        recipe(
            "payment_order.partially_captured",
            "the shop takes a part of the money that is held",
            &[VISA, Act::Await(HELD), Act::CapturePart],
        ),
        Terms::HoldFirst,
        Mishap::None,
    ),
    recipe("payment_order.claimed", "somebody of the shop's takes the paid order on", &[VISA, Act::Await(PAID), Act::Claim]),
    recipe("refund.created", "the shop gives the money back", &[VISA, Act::Await(PAID), Act::Refund]),
    with(
        recipe(
            "refund.unknown",
            "the shop gives the money back, and the PSP does not answer",
            &[VISA, Act::Await(PAID), Act::Refund],
        ),
        Terms::Usual,
        Mishap::Silent(REFUND),
    ),
    recipe("refund.succeeded", "the shop gives the money back, and the PSP does", &[VISA, Act::Await(PAID), Act::Refund]),
    recipe(
        "refund.failed",
        "the money that was given back comes back from the bank (takes some seconds)",
        &[Act::Pay("pm_card_refundFail"), Act::Await(PAID), Act::Refund],
    ),
    recipe("dispute.opened", "the customer disputes the payment", &[DISPUTED]),
    recipe("dispute.funds_withdrawn", "the customer disputes the payment, and the PSP takes the money", &[DISPUTED]),
    recipe("dispute.evidence_submitted", "the shop hands in evidence", &[DISPUTED, Act::Await(OPENED), Act::Defend]),
    recipe("dispute.accepted", "the shop gives in", &[DISPUTED, Act::Await(OPENED), Act::GiveIn]),
    recipe("dispute.won", "the bank decides for the shop", &[DISPUTED, Act::Await(OPENED), Act::Rule("won")]),
    recipe("dispute.lost", "the bank decides for the customer", &[DISPUTED, Act::Await(OPENED), Act::Rule("lost")]),
    recipe(
        "dispute.funds_returned",
        "the bank decides for the shop, and the PSP gives the money back",
        &[DISPUTED, Act::Await(OPENED), Act::Rule("won")],
    ),
    recipe(
        "dispute.updated",
        "the bank makes a dispute of its inquiry",
        &[Act::Pay("pm_card_createDisputeInquiry"), Act::Await(OPENED), Act::Rule("escalated")],
    ),
    recipe(
        "dispute.closed",
        "the bank's inquiry comes to nothing",
        &[Act::Pay("pm_card_createDisputeInquiry"), Act::Await(OPENED), Act::Rule("warning_closed")],
    ),
    recipe("payout.created", "the PSP pays out", &[VISA, Act::Await(PAID), Act::PayOut]),
    recipe("payout.updated", "the PSP sends a payout to the bank (takes half a minute)", &[VISA, Act::Await(PAID), Act::PayOut]),
    recipe("payout.paid", "the PSP says that a payout has arrived (takes a minute)", &[VISA, Act::Await(PAID), Act::PayOut]),
    recipe("payout.failed", "the bank sends a payout back", &[VISA, Act::Await(PAID), Act::PayOut, Act::FailPayout]),
];

const NOT_YET: &str = "this release has no recipe for it yet";

/// Events that cannot be made to happen, and why.
pub static OUT_OF_REACH: &[(&str, &str)] = &[
    (
        "payment_order.paid_twice",
        "a PSP would have to take money for a session that it has declared over, and the sandbox never does",
    ),
    ("dispute.evidence_due", "days would have to pass"),
    ("webhook_endpoint.disabled", "an endpoint would have to fail for days"),
    ("refund.pending", NOT_YET),
    ("payout.arrived", NOT_YET),
];

/// The recipe for this event.
pub fn find(event: &str) -> Result<&'static Recipe, String> {
    if let Some(recipe) = RECIPES.iter().find(|recipe| recipe.event == event) {
        return Ok(recipe);
    }
    if let Some((_, why)) = OUT_OF_REACH.iter().find(|(name, _)| *name == event) {
        return Err(format!("{event} cannot be made to happen: {why}"));
    }
    let near: Vec<&str> =
        RECIPES.iter().map(|recipe| recipe.event).filter(|known| known.split('.').next_back() == Some(event)).collect();
    match near.as_slice() {
        [] => Err(format!("there is no recipe for {event}; `ducat trigger --list` shows them all")),
        near => Err(format!("there is no recipe for {event}; did you mean {}?", near.join(" or "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::payments::EventKind;

    #[test]
    fn every_event_has_one_recipe_or_a_reason_for_having_none() {
        for kind in EventKind::ALL {
            let recipes = RECIPES.iter().filter(|recipe| recipe.event == kind.as_str()).count();
            let reasons = OUT_OF_REACH.iter().filter(|(event, _)| *event == kind.as_str()).count();
            assert_eq!(recipes + reasons, 1, "{}", kind.as_str());
        }
        assert_eq!(RECIPES.len() + OUT_OF_REACH.len(), EventKind::ALL.len(), "a recipe for an event that does not exist");
    }

    #[test]
    fn what_is_not_found_is_told_with_what_was_meant() {
        assert!(find("succeeded").unwrap_err().contains("did you mean payment_order.succeeded or refund.succeeded?"));
        assert!(find("payment_order.paid_twice").unwrap_err().contains("cannot be made"));
        assert!(find("nonsense").unwrap_err().contains("--list"));
    }
}
