//! Goes through a list of Stripe's to its end, page by page, as far as the replies reach.

use super::form::{Form, segment};
use super::objects::{List, Row};
use super::reading::look;
use crate::{Fault, HttpRequest, Reply};

/// How many pages of a hundred are gone through.
const MAX_PAGES: usize = 10;
const PAGE_SIZE: &str = "100";

/// The next page to ask for, or everything there is.
pub(super) enum Pages<T> {
    Ask(HttpRequest),
    All(Vec<T>),
}

/// Everything of a payment that the list at `path` holds. Takes its pages out of the replies.
pub(super) fn of_payment<T: Row>(
    path: &str,
    payment: &str,
    replies: &mut std::slice::Iter<'_, Reply>,
) -> Result<Pages<T>, Fault> {
    let mut rows: Vec<T> = Vec::new();
    for _ in 0..MAX_PAGES {
        let Some(reply) = replies.next() else {
            let form = Form::new()
                .with("payment_intent", segment(payment)?)
                .with("limit", PAGE_SIZE)
                .with_some("starting_after", rows.last().map(Row::id));
            return Ok(Pages::Ask(form.get(path)));
        };
        let page: List<T> = look(reply)?;
        let ends = !page.has_more || page.data.is_empty();
        rows.extend(page.data);
        if ends {
            return Ok(Pages::All(rows));
        }
    }
    Err(Fault::Protocol(format!("more than {MAX_PAGES} pages at {path}")))
}
