//! `GET /v1/ledger/accounts/{account}/statement`: one account as a table for a spreadsheet.

use crate::api::allowed::{Allowed, ToRead};
use crate::api::named::{AccountName, Named};
use crate::app::App;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::Query;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ducat_domain::EntryId;
use ducat_engine::ledger;
use ducat_store::StatementAsk;

const KNOWN: &[&str] = &["currency", "from", "to", "after"];

fn ask(account: String, query: &Query) -> Result<StatementAsk, Problem> {
    let missing = || Problem::at(&kinds::INVALID_PARAMETER, "currency", "currency is required, such as currency=EUR.");
    Ok(StatementAsk {
        account,
        currency: query.parsed("currency", "an active code of ISO 4217", |text| text.parse().ok())?.ok_or_else(missing)?,
        from: query.moment("from")?,
        to: query.moment("to")?,
        after: query.parsed("after", "the id of a journal entry", |text| text.parse().ok())?,
    })
}

/// The statement of an account.
#[utoipa::path(
    get, path = "/v1/ledger/accounts/{account}/statement", tag = "Ledger", operation_id = "get_account_statement",
    summary = "Get an account's statement",
    description = "A table for a spreadsheet (CSV, RFC 4180): the opening balance, each line of money that moved with the balance after it, and the \
        closing balance. Amounts are decimal. At most 10,000 lines: where there are more, the last line says `carried forward` and when, and the \
        header `Link` leads to the next page, which begins with `brought forward`.",
    params(
        ("account" = String, Path, description = "The account, such as `merchant:mer_…:payable`."),
        ("currency" = String, Query, description = "ISO 4217."),
        ("from" = Option<String>, Query, description = "From this moment on, RFC 3339."),
        ("to" = Option<String>, Query, description = "Before this moment, RFC 3339."),
        ("after" = Option<String>, Query, description = "The id of the last entry of the page before."),
    ),
    responses((status = 200, description = "The statement", body = String, content_type = "text/csv")),
)]
pub(crate) async fn statement(
    caller: Allowed<ToRead>,
    State(app): State<App>,
    Named(AccountName(account)): Named<AccountName>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let ask = ask(account, &Query::of(query.as_deref(), KNOWN)?)?;
    let asked = ask.clone();
    let statement = ledger::statement(&app.engine, caller.merchant, ask).await?;
    let kind = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"statement.csv\""),
    ];
    let mut response = (kind, statement.csv).into_response();
    if let Some(link) = statement.next.and_then(|last| next_page(&asked, last)) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Where the statement goes on.
fn next_page(ask: &StatementAsk, last: EntryId) -> Option<HeaderValue> {
    let account: String = form_urlencoded::byte_serialize(ask.account.as_bytes()).collect();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("currency", ask.currency.code()).append_pair("after", &last.to_string());
    if let Some(to) = ask.to {
        query.append_pair("to", &to.to_string());
    }
    let address = format!("</v1/ledger/accounts/{account}/statement?{}>; rel=\"next\"", query.finish());
    HeaderValue::from_str(&address).ok()
}
