//! Asks whether the credentials are good, by looking at what every payment needs: the sessions.

use super::form::Form;
use super::objects::{List, Session};
use super::reading::look;
use crate::{Fault, Outcome, Reply, Step};

pub(super) fn step(seen: &[Reply]) -> Result<Step, Fault> {
    let Some(reply) = seen.last() else {
        return Ok(Step::Send(Form::new().with("limit", "1").get("/v1/checkout/sessions")));
    };
    look::<List<Session>>(reply).map(|_| Step::Done(Outcome::Alive))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{done, error, reply, sent};
    use super::*;

    #[test]
    fn a_key_that_may_see_sessions_is_good() {
        assert_eq!(sent(step(&[])).path, "/v1/checkout/sessions?limit=1");
        assert_eq!(done(step(&[reply(200, r#"{"object":"list","data":[],"has_more":false}"#)])), Outcome::Alive);
    }

    #[test]
    fn a_key_that_opens_nothing_is_a_matter_of_configuration() {
        for status in [401, 403] {
            assert!(matches!(step(&[error(status, "invalid_request_error", None)]), Err(Fault::Config(_))));
        }
    }
}
