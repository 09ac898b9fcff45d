//! The statement of an account as a table for a spreadsheet (RFC 4180): what lay there before, each line with what lies there after it,
//! and what lies there at the end.

use crate::{Engine, Error, Problem};
use ducat_domain::{Currency, EntryId, MerchantId, Money, Timestamp};
use ducat_store::{StatementAsk, StatementLines, StatementRow};

/// How many lines a statement has at the most; the next page goes on after the last.
pub const MAX_LINES: u32 = 10_000;

/// A statement, written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The table.
    pub csv: String,
    /// The last entry, where there are more after it.
    pub next: Option<EntryId>,
}

/// Writes the statement of an account.
pub async fn statement(engine: &Engine, merchant: MerchantId, ask: StatementAsk) -> Result<Statement, Error> {
    let (currency, from, to, after) = (ask.currency, ask.from, ask.to, ask.after);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Error::Invalid(Problem::field("invalid_parameter", "to", "must not be before from")));
    }
    let read = engine.store().statement(merchant, ask, MAX_LINES).await?.ok_or(Error::NotFound("ledger account"))?;
    let begin = if after.is_none() { ("opening balance", from) } else { ("brought forward", None) };
    Ok(Statement {
        csv: table(&read, currency, begin, to)?,
        next: read.lines.last().filter(|_| read.has_more).map(|line| line.id),
    })
}

/// What lay there at the beginning, each line, and what lies there at the end: of all, or of this page, which is that of its last line's moment.
fn table(
    read: &StatementLines,
    currency: Currency,
    (begin, from): (&str, Option<Timestamp>),
    to: Option<Timestamp>,
) -> Result<String, Error> {
    let mut csv = String::from("date,entry,reference,payment_order,by,why,debit,credit,balance,currency\r\n");
    let mut balance = read.opening;
    let row = |what: &str, at: Option<Timestamp>, balance: i64| {
        let at = at.map(|at| at.to_string()).unwrap_or_default();
        record(
            &[at, String::new(), what.to_owned(), String::new(), String::new(), String::new()],
            ["", "", &plain(balance, currency)],
            currency,
        )
    };
    csv.push_str(&row(begin, from, balance));
    for line in &read.lines {
        balance = balance.checked_add(line.amount).ok_or_else(|| Error::Internal("a balance is out of range".into()))?;
        csv.push_str(&written(line, balance, currency));
    }
    let (end, at) = match read.lines.last() {
        Some(last) if read.has_more => ("carried forward", Some(last.at)),
        _ => ("closing balance", to),
    };
    csv.push_str(&row(end, at, balance));
    Ok(csv)
}

fn written(line: &StatementRow, balance: i64, currency: Currency) -> String {
    let (by, why) = line.note.as_ref().map(|note| (note.by.clone(), note.why.clone())).unwrap_or_default();
    let order = line.order.map(|id| id.to_string()).unwrap_or_default();
    let amount = plain(line.amount.saturating_abs(), currency);
    let (debit, credit) = if line.amount > 0 { (amount.as_str(), "") } else { ("", amount.as_str()) };
    let texts = [line.at.to_string(), line.id.to_string(), line.event_ref.clone(), order, by, why];
    record(&texts, [debit, credit, &plain(balance, currency)], currency)
}

/// One line: texts, then numbers, then the currency.
fn record(texts: &[String], numbers: [&str; 3], currency: Currency) -> String {
    let mut cells: Vec<String> = texts.iter().map(|text| cell(text)).collect();
    cells.extend(numbers.map(str::to_owned));
    cells.push(currency.code().to_owned());
    cells.join(",") + "\r\n"
}

/// A text as a cell: quoted where it must be, and never a formula. A spreadsheet runs what begins with one of these characters, so such
/// a text gets an apostrophe before it, which spreadsheets do not show.
fn cell(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\r', '\n']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

/// The amount without its currency: `49.99`.
fn plain(minor: i64, currency: Currency) -> String {
    let text = Money::new(minor, currency).to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_where_it_must_be_and_never_a_formula() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,b \"c\"\nd"), "\"a,b \"\"c\"\"\nd\"");
        for formula in ["=1+1", "+1", "-1", "@sum", "\t=1"] {
            assert!(cell(formula).trim_start_matches('"').starts_with('\''), "{formula}");
        }
        assert_eq!(cell("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\"");
    }

    #[test]
    fn a_page_ends_with_what_lay_there_after_its_last_line() {
        let (eur, at) = ("EUR".parse().unwrap(), Timestamp::from_seconds);
        let line = StatementRow {
            id: EntryId::from_bytes([7; 16]),
            event_ref: "cap:1".into(),
            order: None,
            at: at(2),
            note: None,
            amount: 250,
        };
        let page = |has_more| StatementLines { opening: 100, lines: vec![line.clone()], has_more };
        let ends = |has_more, begin| {
            let table = table(&page(has_more), eur, begin, Some(at(9))).unwrap();
            let row =
                |row: &str| row.split(',').step_by(2).take(2).map(str::to_owned).collect::<Vec<_>>().join(" ") + row.trim_end();
            let rows: Vec<&str> = table.trim_end().split("\r\n").collect();
            (row(rows[1]), row(rows[3]))
        };
        let (begin, end) = ends(true, ("opening balance", Some(at(1))));
        assert!(begin.starts_with("1970-01-01T00:00:01Z opening balance") && begin.ends_with(",1.00,EUR"), "{begin}");
        assert!(end.starts_with("1970-01-01T00:00:02Z carried forward") && end.ends_with(",3.50,EUR"), "{end}");
        let (begin, end) = ends(false, ("brought forward", None));
        assert!(
            begin.starts_with(" brought forward") && end.starts_with("1970-01-01T00:00:09Z closing balance"),
            "{begin}; {end}"
        );
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        let of = |minor, code: &str| plain(minor, code.parse().unwrap());
        assert_eq!((of(-4999, "EUR"), of(500, "JPY"), of(1250, "KWD")), ("-49.99".into(), "500".into(), "1.250".into()));
    }
}
