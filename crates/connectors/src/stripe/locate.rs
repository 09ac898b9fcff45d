//! Finds out which attempt a payment belongs to, by Stripe's id of the payment: its session carries our attempt's id. A dispute names
//! nothing but the payment, and its message may come before the one that would have told us the payment's id.

use super::form::{Form, segment};
use super::message::attempt_of;
use super::objects::{List, Session};
use super::reading::look;
use crate::{Fault, Outcome, Reply, Step};

pub(super) fn step(psp_payment: &str, seen: &[Reply]) -> Result<Step, Fault> {
    let Some(reply) = seen.last() else {
        let form = Form::new().with("payment_intent", segment(psp_payment)?).with("limit", "1");
        return Ok(Step::Send(form.get("/v1/checkout/sessions")));
    };
    let sessions: List<Session> = look(reply)?;
    Ok(Step::Done(Outcome::Located(sessions.data.first().and_then(attempt_of))))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ATTEMPT, done, json, reply, sent, session};
    use super::*;
    use serde_json::json as value;

    fn answered(sessions: &[serde_json::Value]) -> Outcome {
        done(step("pi_1", &[json(&value!({"object": "list", "data": sessions, "has_more": false}))]))
    }

    #[test]
    fn the_session_of_a_payment_tells_whose_it_is() {
        assert_eq!(sent(step("pi_1", &[])).path, "/v1/checkout/sessions?payment_intent=pi_1&limit=1");
        assert_eq!(answered(&[session("complete")]), Outcome::Located(Some(ATTEMPT.into())));
    }

    #[test]
    fn a_payment_that_somebody_else_made_on_the_account_is_nobody_s_of_ours() {
        assert_eq!(answered(&[]), Outcome::Located(None));
        let mut foreign = session("complete");
        foreign["client_reference_id"] = value!("cart 77");
        foreign["metadata"] = value!({});
        assert_eq!(answered(&[foreign]), Outcome::Located(None));
        assert!(matches!(step("pi_1", &[reply(200, "<html>")]), Err(Fault::Retry { .. })));
        assert!(matches!(step("../refunds", &[]), Err(Fault::Invalid(_))));
    }
}
