//! `POST /v1/ledger/entries/{id}/reverse`: put a mistake right.

use crate::api::allowed::{Allowed, ToManage};
use crate::api::answer::answered;
use crate::api::asked::Asked;
use crate::api::named::Named;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Fields;
use crate::reading::fields::Shape;
use axum::extract::State;
use axum::response::Response;
use ducat_domain::EntryId;
use ducat_engine::ledger::{self, NewLine, NewReversal};
use serde_json::Value;
use utoipa::ToSchema;

/// Why an entry was wrong, and what would have been right.
#[derive(ToSchema)]
#[schema(title = "NewReversal", example = json!({
    "why": "the line was the PSP's monthly fee",
    "replacement": [
        { "account": "expense:psp_fee", "amount": 900, "currency": "EUR" },
        { "account": "psp:psp_01kaj0000000000000000000a0:receivable", "amount": -900, "currency": "EUR" }
    ]
}))]
#[allow(dead_code)]
pub(crate) struct NewReversalBody {
    /// Why it was wrong, up to 500 characters; kept with the entries.
    why: String,
    /// What should have been booked: two lines or more that sum to zero in each currency. Without it the entry is only taken back.
    replacement: Option<Vec<NewLineBody>>,
}

/// One line of what should have been booked.
#[derive(ToSchema)]
#[schema(title = "NewLine")]
#[allow(dead_code)]
pub(crate) struct NewLineBody {
    /// One of your accounts, or a new one as the chart of accounts has it.
    account: String,
    /// Minor units; a debit is positive, a credit negative. Up to 1,000,000,000,000,000 either way.
    #[schema(minimum = -1_000_000_000_000_000_i64, maximum = 1_000_000_000_000_000_i64)]
    amount: i64,
    /// ISO 4217.
    currency: String,
}

struct Line(NewLine);

impl Shape for Line {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        let mut fields = Fields::of(value, at, &["account", "amount", "currency"])?;
        let (account, amount) = (fields.required("account")?, fields.required("amount")?);
        Ok(Self(NewLine { account, amount, currency: fields.required("currency")? }))
    }
}

fn read(body: Value, by: String) -> Result<NewReversal, Problem> {
    let mut fields = Fields::of(body, "", &["why", "replacement"])?;
    let lines: Option<Vec<Line>> = fields.optional("replacement")?;
    let replacement = lines.map(|lines| lines.into_iter().map(|line| line.0).collect());
    Ok(NewReversal { by, why: fields.required("why")?, replacement })
}

/// Takes an entry back, and books the right one.
#[utoipa::path(
    post, path = "/v1/ledger/entries/{id}/reverse", tag = "Ledger", operation_id = "reverse_ledger_entry", summary = "Reverse a journal entry",
    description = "Nothing in the journal is ever changed: the mirror image of the wrong entry is booked, and the right one after it, with who asked (the \
        API key) and why. What follows from a payment, a refund, a dispute or a payout cannot be reversed; what lies in suspense, other lines of \
        a PSP's statement and corrections can, once. Needs a key of scope admin.",
    params(
        ("id" = String, Path, description = "`je_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat the request."),
    ),
    request_body = NewReversalBody,
    responses((status = 200, description = "What was booked", body = ref("#/components/schemas/Reversal"))),
)]
pub(crate) async fn reverse(
    caller: Allowed<ToManage>,
    State(app): State<App>,
    Named(id): Named<EntryId>,
    asked: Asked,
) -> Result<Response, Problem> {
    let new = read(asked.body, caller.who())?;
    let answer = ledger::reverse(&app.engine, caller.merchant, id, new, asked.key).await?;
    Ok(answered(answer, "/v1/ledger/entries"))
}
