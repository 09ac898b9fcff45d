//! Whether a PSP can take a payment, from its spec alone: nothing is stored and nobody is asked.

use crate::Problem;
use ducat_connectors::{Operations, Spec};
use ducat_domain::Money;
use ducat_domain::payments::{CaptureMode, Terms};

/// Our name of the only method so far: the PSP's hosted page.
const HOSTED: &str = "hosted";

/// Nothing, or the field that is in the way.
pub(crate) fn can_take(spec: &Spec, terms: &Terms) -> Result<(), Problem> {
    let Some(can) = spec.capabilities.iter().find(|c| c.method == HOSTED) else {
        return Err(Problem::field("psp_cannot", "/psp", format!("{} offers no hosted page", spec.title)));
    };
    let amount = terms.amount;
    let code = amount.currency.code();
    if !can.currencies.is_empty() && !can.currencies.contains(&code) {
        return Err(Problem::field("currency_not_supported", "/currency", format!("{} does not take {code}", spec.title)));
    }
    let minimum = can.minimums.iter().find(|(c, _)| *c == code).map_or(1, |(_, least)| *least);
    if amount.minor < minimum {
        let least = Money::new(minimum, amount.currency);
        return Err(Problem::field("amount_too_small", "/amount", format!("{} takes {least} or more", spec.title)));
    }
    if amount.minor > can.maximum {
        let most = Money::new(can.maximum, amount.currency);
        return Err(Problem::field("amount_too_large", "/amount", format!("{} takes {most} at the most", spec.title)));
    }
    if terms.capture == CaptureMode::Manual && !can.operations.contains(&Operations::ManualCapture) {
        return Err(Problem::field("capture_not_supported", "/capture", format!("{} cannot capture later", spec.title)));
    }
    Ok(())
}
