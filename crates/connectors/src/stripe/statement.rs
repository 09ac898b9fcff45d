//! Reads Stripe's statement on, the oldest line first. Stripe lists the newest first. After a known line, its list can be asked for the page
//! just before that line. Without one, the oldest page is found by halving the time until few enough lines lie in it; a second with more
//! lines than a page is gone through to its end.

use super::form::{Form, segment};
use super::lines::{self, Extent};
use super::objects::{BalanceTransaction, List, Row};
use super::reading::look;
use crate::{Fault, HttpRequest, Outcome, Reply, StatementPage, Step};
use ducat_domain::Timestamp;
use std::slice::Iter;
use std::time::Duration;

const PATH: &str = "/v1/balance_transactions";
/// With what is behind each of them, so many lines stay well below what a reply may hold.
const PAGE_SIZE: &str = "50";
/// How far Stripe's clock may be behind ours.
const CLOCK_MARGIN: Duration = Duration::from_secs(5 * 60);
/// How many requests the search for the oldest page may take: enough for three months, second by second.
const MAX_SEARCH: usize = 24;
/// How many charges are looked up for one page; what is behind the last of them is left for the next page.
const MAX_LOOKUPS: usize = 6;

/// A page that was found, the oldest line first; or what to ask next.
enum Found {
    Ask(HttpRequest),
    Page { lines: Vec<BalanceTransaction>, has_more: bool },
}

pub(super) fn step(after: Option<&str>, since: Timestamp, seen: &[Reply]) -> Result<Step, Fault> {
    let mut replies = seen.iter();
    let found = match after {
        Some(line) => newer(line, &mut replies)?,
        None => oldest(since, &mut replies)?,
    };
    match found {
        Found::Ask(request) => Ok(Step::Send(request)),
        Found::Page { lines, has_more } => place(&lines, has_more, &mut replies),
    }
}

/// The page just newer than a line.
fn newer(line: &str, replies: &mut Iter<'_, Reply>) -> Result<Found, Fault> {
    let Some(reply) = replies.next() else {
        return Ok(Found::Ask(page().with("ending_before", segment(line)?).get(PATH)));
    };
    let List { data, has_more } = look(reply)?;
    Ok(Found::Page { lines: reversed(data), has_more })
}

/// The oldest page since a time.
fn oldest(since: Timestamp, replies: &mut Iter<'_, Reply>) -> Result<Found, Fault> {
    let mut first = since.minus(CLOCK_MARGIN).as_seconds().max(0);
    let Some(reply) = replies.next() else { return Ok(Found::Ask(window(first, None, None))) };
    let newest: List<BalanceTransaction> = look(reply)?;
    if !newest.has_more {
        return Ok(Found::Page { lines: reversed(newest.data), has_more: false });
    }
    // There are lines from `first` to `last`, both included, and more than a page.
    let mut last = oldest_time(&newest.data)?.max(first);
    for _ in 0..MAX_SEARCH {
        if first == last {
            return whole_second(first, replies);
        }
        let middle = first + (last - first) / 2;
        let Some(reply) = replies.next() else { return Ok(Found::Ask(window(first, Some(middle), None))) };
        let List { data, has_more } = look(reply)?;
        match (data.is_empty(), has_more) {
            (true, _) => first = middle + 1,
            (false, false) => return Ok(Found::Page { lines: reversed(data), has_more: true }),
            (false, true) => last = oldest_time(&data)?.clamp(first, middle),
        }
    }
    Err(Fault::Protocol("the oldest page of the statement is not to be found".into()))
}

/// All lines of one second.
fn whole_second(second: i64, replies: &mut Iter<'_, Reply>) -> Result<Found, Fault> {
    let mut lines: Vec<BalanceTransaction> = Vec::new();
    for _ in 0..MAX_SEARCH {
        let Some(reply) = replies.next() else {
            return Ok(Found::Ask(window(second, Some(second), lines.last().map(Row::id))));
        };
        let List { data, has_more } = look(reply)?;
        let ends = !has_more || data.is_empty();
        lines.extend(data);
        if ends {
            return Ok(Found::Page { lines: reversed(lines), has_more: true });
        }
    }
    Err(Fault::Protocol("one second of the statement has no end".into()))
}

/// The lines in our words. Where a charge in another currency may have been captured in parts, Stripe is asked for all of its lines: only
/// if there is one, what was paid is known exactly.
fn place(found: &[BalanceTransaction], has_more: bool, replies: &mut Iter<'_, Reply>) -> Result<Step, Fault> {
    let mut lines = Vec::with_capacity(found.len());
    let mut looked_up = 0;
    for line in found {
        let extent = match lines::in_doubt(line) {
            None => Extent::Whole,
            Some(_) if looked_up == MAX_LOOKUPS => return Ok(done(lines, true)),
            Some(charge) => {
                looked_up += 1;
                let Some(reply) = replies.next() else {
                    let request = Form::new().with("source", segment(&charge)?).with("limit", PAGE_SIZE).get(PATH);
                    return Ok(Step::Send(request));
                };
                let all: List<BalanceTransaction> = look(reply)?;
                let captures = all.data.iter().filter(|line| lines::is_capture(line)).count();
                if captures == 1 && !all.has_more { Extent::Whole } else { Extent::Part }
            }
        };
        lines.push(lines::read(line, extent)?);
    }
    Ok(done(lines, has_more))
}

fn done(lines: Vec<ducat_domain::settlement::StatementLine>, has_more: bool) -> Step {
    Step::Done(Outcome::Statement(StatementPage { lines, has_more }))
}

fn page() -> Form {
    Form::new().with("limit", PAGE_SIZE).with("expand[]", "data.source")
}

/// The newest page of a time, or the one behind a line of it.
fn window(first: i64, last: Option<i64>, behind: Option<&str>) -> HttpRequest {
    page()
        .with("created[gte]", &first.to_string())
        .with_some("created[lte]", last.map(|at| at.to_string()).as_deref())
        .with_some("starting_after", behind)
        .get(PATH)
}

fn oldest_time(lines: &[BalanceTransaction]) -> Result<i64, Fault> {
    lines
        .iter()
        .filter_map(|line| line.created)
        .min()
        .ok_or_else(|| Fault::Protocol("a page of lines without their times".into()))
}

fn reversed(mut lines: Vec<BalanceTransaction>) -> Vec<BalanceTransaction> {
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::super::samples::{error, json, list, reply, sent};
    use super::*;
    use ducat_domain::settlement::LineKind;
    use proptest::prelude::*;
    use serde_json::{Value, json as value};

    const SINCE: i64 = 1_000_000;

    fn line(id: &str, created: i64) -> Value {
        value!({
            "id": id, "object": "balance_transaction", "type": "stripe_fee", "amount": -10, "fee": 0, "currency": "eur",
            "created": created, "source": null,
        })
    }

    fn read(after: Option<&str>, seen: &[Reply]) -> Result<Step, Fault> {
        step(after, Timestamp::from_seconds(SINCE), seen)
    }

    fn found(step: Result<Step, Fault>) -> StatementPage {
        match super::super::samples::done(step) {
            Outcome::Statement(page) => page,
            other => panic!("{other:?}"),
        }
    }

    fn ids(page: &StatementPage) -> Vec<&str> {
        page.lines.iter().map(|line| line.psp_line.as_str()).collect()
    }

    #[test]
    fn after_a_line_the_page_just_newer_is_asked_for_and_turned_around() {
        let request = sent(read(Some("txn_1"), &[]));
        assert_eq!(request.path, "/v1/balance_transactions?limit=50&expand%5B%5D=data.source&ending_before=txn_1");
        let page = found(read(Some("txn_1"), &[json(&list(&[line("txn_3", 9), line("txn_2", 8)], true))]));
        assert_eq!((ids(&page), page.has_more), (vec!["txn_2", "txn_3"], true));
    }

    #[test]
    fn without_a_line_one_page_is_enough_where_it_holds_everything() {
        let request = sent(read(None, &[]));
        assert!(request.path.ends_with("&created%5Bgte%5D=999700"), "{}", request.path);
        let page = found(read(None, &[json(&list(&[line("txn_2", 9), line("txn_1", 8)], false))]));
        assert_eq!((ids(&page), page.has_more), (vec!["txn_1", "txn_2"], false));
        assert_eq!(found(read(None, &[json(&list(&[], false))])), StatementPage::default());
    }

    #[test]
    fn a_page_that_cannot_be_read_is_asked_for_again_and_never_taken_for_an_empty_one() {
        for bad in [reply(200, "{}"), reply(500, "")] {
            assert!(matches!(read(None, &[bad]), Err(Fault::Retry { .. })));
        }
        let gone = error(400, "invalid_request_error", Some("resource_missing"));
        assert!(matches!(read(Some("txn_1"), &[gone]), Err(Fault::Protocol(_))));
    }

    /// A charge in dollars that was settled in euros, and may have been captured in parts.
    fn converted(id: &str, charge: &str) -> Value {
        let mut line = line(id, SINCE);
        line["type"] = value!("charge");
        line["amount"] = value!(920);
        line["source"] = value!({
            "id": charge, "object": "charge", "amount": 1_000, "amount_captured": 1_000, "currency": "usd", "payment_intent": "pi_1",
            "payment_method_details": {"card": {"multicapture": {"status": "available"}}},
        });
        line
    }

    #[test]
    fn what_was_paid_in_another_currency_is_told_only_where_the_line_is_all_of_its_charge() {
        let first = json(&list(&[converted("txn_1", "ch_1")], false));
        assert_eq!(sent(read(None, std::slice::from_ref(&first))).path, "/v1/balance_transactions?source=ch_1&limit=50");
        let alone = json(&list(&[converted("txn_1", "ch_1")], false));
        let page = found(read(None, &[first.clone(), alone]));
        assert_eq!((page.lines[0].kind, page.lines[0].paid.unwrap().minor), (LineKind::Charge, 1_000));
        let parts = json(&list(&[converted("txn_2", "ch_1"), converted("txn_1", "ch_1")], false));
        let page = found(read(None, &[first, parts]));
        assert_eq!((page.lines[0].kind, page.lines[0].paid), (LineKind::Unplaced, None));
    }

    #[test]
    fn a_page_with_too_many_charges_to_look_up_ends_before_the_next_of_them() {
        let many: Vec<Value> = (0..=MAX_LOOKUPS).rev().map(|n| converted(&format!("txn_{n}"), &format!("ch_{n}"))).collect();
        let mut replies = vec![json(&list(&many, false))];
        for n in 0..MAX_LOOKUPS {
            assert!(sent(read(None, &replies)).path.contains(&format!("source=ch_{n}&")));
            replies.push(json(&list(&[converted("txn", "ch")], false)));
        }
        let page = found(read(None, &replies));
        assert_eq!((page.lines.len(), page.has_more), (MAX_LOOKUPS, true));
    }

    /// Stripe, with lines at these seconds, the oldest first.
    fn stripe(times: &[i64], path: &str) -> Reply {
        let query: std::collections::BTreeMap<String, String> =
            form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let bound = |name: &str, other: i64| query.get(name).map_or(other, |text| text.parse().unwrap());
        let (first, last) = (bound("created[gte]", 0), bound("created[lte]", i64::MAX));
        let place = |name: &str| query.get(name).map(|id| id[4..].parse::<usize>().unwrap());
        let mut rows: Vec<(usize, i64)> =
            times.iter().copied().enumerate().filter(|(_, at)| (first..=last).contains(at)).collect();
        rows.retain(|(n, _)| {
            place("ending_before").is_none_or(|line| *n > line) && place("starting_after").is_none_or(|line| *n < line)
        });
        let has_more = rows.len() > 50;
        if query.contains_key("ending_before") {
            rows.truncate(50);
        } else {
            rows.drain(..rows.len().saturating_sub(50));
        }
        let data: Vec<Value> = rows.iter().rev().map(|(n, at)| line(&format!("txn_{n}"), *at)).collect();
        json(&list(&data, has_more))
    }

    /// Everything that is read, page after page.
    fn everything(times: &[i64]) -> Vec<String> {
        let (mut all, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
        for _ in 0..100 {
            let mut replies = Vec::new();
            let page = loop {
                assert!(replies.len() < 32, "the engine sends no more for one operation");
                match read(after.as_deref(), &replies).unwrap() {
                    Step::Send(request) => replies.push(stripe(times, &request.path)),
                    other => break found(Ok(other)),
                }
            };
            all.extend(page.lines.iter().map(|line| line.psp_line.clone()));
            after = page.lines.last().map(|line| line.psp_line.clone()).or(after);
            if !page.has_more || page.lines.is_empty() {
                return all;
            }
        }
        panic!("no end");
    }

    fn named(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("txn_{n}")).collect()
    }

    #[test]
    fn a_second_with_more_lines_than_a_page_is_read_to_its_end() {
        let mut times = vec![SINCE; 170];
        times.extend([SINCE + 1, SINCE + 90_000]);
        assert_eq!(everything(&times), named(172));
    }

    #[test]
    fn months_of_lines_are_read_from_the_oldest_on() {
        let times: Vec<i64> = (0..500).map(|n| SINCE + n * 15_000).collect();
        assert_eq!(everything(&times), named(500));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_line_is_read_once_and_in_order(gaps in proptest::collection::vec(prop_oneof![4 => Just(0_i64), 2 => 0..10_i64, 1 => 0..50_000_i64], 0..260)) {
            let times: Vec<i64> = gaps.iter().scan(SINCE, |at, gap| { *at += gap; Some(*at) }).collect();
            prop_assert_eq!(everything(&times), named(times.len()));
        }
    }
}
