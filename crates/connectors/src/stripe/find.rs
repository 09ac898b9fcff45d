//! Looks a registration up by our reference, after its answer was lost: goes through the sessions since then, the newest first, because
//! Stripe has no search by reference. The one that is found is fetched, so that money and fees are known too.

use super::fetch;
use super::form::Form;
use super::objects::{List, Session, note};
use super::reading::look;
use super::register::ATTEMPT_NOTE;
use crate::{Fault, HttpRequest, Outcome, Reply, Step};
use ducat_domain::Timestamp;
use ducat_domain::payments::PspToken;
use serde::Deserialize;
use std::time::Duration;

/// How many pages of a hundred are gone through. Beyond them, sending the same key again finds out sooner.
const MAX_PAGES: usize = 20;
const PAGE_SIZE: &str = "100";
/// How far Stripe's clock may be behind ours.
const CLOCK_MARGIN: Duration = Duration::from_secs(5 * 60);

pub(super) fn step(reference: &str, since: Timestamp, seen: &[Reply]) -> Result<Step, Fault> {
    if let Some(fetched) = seen.iter().position(is_session) {
        return fetch::read_on(&seen[fetched..]);
    }
    // Only the last page is to be read: the search went on because the pages before it did not have the session.
    let Some(last) = seen.last() else { return Ok(Step::Send(page(since, None))) };
    let list: List<Session> = look(last)?;
    let found = list
        .data
        .iter()
        .find(|s| s.client_reference_id.as_deref() == Some(reference) || note(&s.metadata, ATTEMPT_NOTE) == Some(reference));
    match (found, list.data.last()) {
        (Some(session), _) => fetch::request(&PspToken(session.id.clone())).map(Step::Send),
        (None, Some(_)) if list.has_more && seen.len() >= MAX_PAGES => {
            Err(Fault::Unknown(format!("not among the newest {MAX_PAGES} pages of sessions")))
        }
        (None, Some(oldest)) if list.has_more => Ok(Step::Send(page(since, Some(&oldest.id)))),
        (None, _) => Ok(Step::Done(Outcome::Absent)),
    }
}

fn page(since: Timestamp, after: Option<&str>) -> HttpRequest {
    let from = since.minus(CLOCK_MARGIN).as_seconds().max(0).to_string();
    Form::new()
        .with("created[gte]", &from)
        .with("limit", PAGE_SIZE)
        .with_some("starting_after", after)
        .get("/v1/checkout/sessions")
}

/// Whether this answers the fetch that follows a page with the session on it.
fn is_session(reply: &Reply) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        object: String,
    }
    let Ok(reply) = reply else { return false };
    serde_json::from_slice::<Kind>(&reply.body).is_ok_and(|kind| kind.object == "checkout.session")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ATTEMPT, done, error, json, paid, reply, sent, session};
    use super::*;
    use ducat_domain::payments::Observed;
    use serde_json::{Value, json as value};

    fn foreign(id: &str) -> Value {
        let mut other = session("open");
        other["id"] = value!(id);
        other["client_reference_id"] = value!("somebody else's");
        other["metadata"] = value!({});
        other
    }

    fn list(data: &[Value], has_more: bool) -> Reply {
        json(&value!({"object": "list", "url": "/v1/checkout/sessions", "data": data, "has_more": has_more}))
    }

    fn find(seen: &[Reply]) -> Result<Step, Fault> {
        step(ATTEMPT, Timestamp::from_seconds(1_000_000), seen)
    }

    #[test]
    fn the_search_begins_a_little_before_the_registration() {
        assert_eq!(sent(find(&[])).path, "/v1/checkout/sessions?created%5Bgte%5D=999700&limit=100");
    }

    #[test]
    fn what_is_found_is_fetched_with_its_money() {
        let page = list(&[foreign("cs_a"), session("complete")], true);
        let fetched = sent(find(std::slice::from_ref(&page)));
        assert!(fetched.path.starts_with("/v1/checkout/sessions/cs_test_1?"), "{}", fetched.path);
        let Outcome::Seen(seen) = done(find(&[page, json(&paid())])) else { panic!() };
        assert!(matches!(seen.state, Observed::Captured(_)));
    }

    #[test]
    fn the_search_goes_on_behind_the_oldest_of_a_page() {
        let next = sent(find(&[list(&[foreign("cs_a"), foreign("cs_b")], true)]));
        assert!(next.path.ends_with("limit=100&starting_after=cs_b"), "{}", next.path);
    }

    #[test]
    fn what_is_on_no_page_is_absent() {
        let first = list(&[foreign("cs_a")], true);
        assert_eq!(done(find(&[first, list(&[foreign("cs_b")], false)])), Outcome::Absent);
        assert_eq!(done(find(&[list(&[], false)])), Outcome::Absent);
    }

    #[test]
    fn a_search_that_is_too_long_says_that_it_does_not_know() {
        let pages: Vec<Reply> = (0..MAX_PAGES).map(|n| list(&[foreign(&format!("cs_{n}"))], true)).collect();
        assert!(matches!(find(&pages[1..]), Ok(Step::Send(_))));
        assert!(matches!(find(&pages), Err(Fault::Unknown(_))));
    }

    #[test]
    fn a_page_that_cannot_be_read_is_asked_for_again_and_never_taken_for_an_empty_one() {
        for bad in [reply(200, "{}"), reply(200, "<html>"), reply(500, "")] {
            assert!(matches!(find(&[bad]), Err(Fault::Retry { .. })));
        }
        let gone = error(404, "invalid_request_error", Some("resource_missing"));
        assert!(matches!(find(&[gone]), Err(Fault::Protocol(_))));
    }
}
