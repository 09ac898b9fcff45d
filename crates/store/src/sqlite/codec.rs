//! Between rows and domain types.

use crate::ReadError;
use ducat_domain::payments::*;
use ducat_domain::settlement::{Payout, PayoutStatus};
use ducat_domain::webhooks::*;
use ducat_domain::*;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

impl From<rusqlite::Error> for ReadError {
    fn from(e: rusqlite::Error) -> Self {
        Self(e.to_string())
    }
}

/// A domain value as a column.
pub(super) struct Col<T>(pub T);

macro_rules! id_columns {
    ($($id:ident)*) => {$(
        impl ToSql for Col<$id> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
            }
        }
        impl FromSql for Col<$id> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes: [u8; 16] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
                Ok(Self($id::from_bytes(bytes)))
            }
        }
    )*};
}

id_columns!(MerchantId PaymentOrderId AttemptId PspAccountId ApiKeyId EventId EntryId CaptureId RefundId DisputeId DisputeFileId PayoutId
    ExceptionId WebhookEndpointId DeliveryId ReplayId);

impl ToSql for Col<Timestamp> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_micros()))
    }
}

impl FromSql for Col<Timestamp> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|micros| Self(Timestamp::from_micros(micros)))
    }
}

impl FromSql for Col<Currency> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(|e: CurrencyError| FromSqlError::Other(Box::new(e)))
    }
}

fn unknown_text<T>(found: Option<T>) -> FromSqlResult<Col<T>> {
    found.map(Col).ok_or(FromSqlError::InvalidType)
}

macro_rules! text_columns {
    ($($name:ident)*) => {$(
        impl FromSql for Col<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let text = value.as_str()?;
                unknown_text($name::ALL.iter().copied().find(|s| s.as_str() == text))
            }
        }
    )*};
}

text_columns!(OrderStatus AttemptStatus CaptureStatus RefundStatus RefundOrigin DisputeStatus DisputeReason PayoutStatus);

impl FromSql for Col<EventKind> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        unknown_text(EventKind::parse(value.as_str()?))
    }
}

impl FromSql for Col<EndpointStatus> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        unknown_text(EndpointStatus::parse(value.as_str()?))
    }
}

impl FromSql for Col<DeliveryState> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        unknown_text(DeliveryState::parse(value.as_str()?))
    }
}

impl FromSql for Col<DeliveryOrigin> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        unknown_text(DeliveryOrigin::parse(value.as_str()?))
    }
}

/// Reads a column of a domain type.
pub(super) fn col<T>(row: &Row<'_>, name: &str) -> rusqlite::Result<T>
where
    Col<T>: FromSql,
{
    row.get::<_, Col<T>>(name).map(|c| c.0)
}

/// Reads a column that may be empty.
pub(super) fn maybe<T>(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<T>>
where
    Col<T>: FromSql,
{
    row.get::<_, Option<Col<T>>>(name).map(|c| c.map(|c| c.0))
}

/// Reads a column of JSON.
pub(super) fn json<T: for<'de> Deserialize<'de>>(row: &Row<'_>, name: &str) -> rusqlite::Result<T> {
    let text: String = row.get(name)?;
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

/// Reads a column of JSON that may be empty.
pub(super) fn maybe_json<T: for<'de> Deserialize<'de>>(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<T>> {
    match row.get_ref(name)? {
        ValueRef::Null => Ok(None),
        _ => json(row, name).map(Some),
    }
}

/// The terms that are kept as one text, because nothing is searched by them.
#[derive(Serialize, Deserialize)]
struct Details {
    payment_type: PaymentType,
    payment_method: PaymentMethod,
    capture: CaptureMode,
    channel: Channel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    psp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    line_items: Vec<LineItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<Customer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    success_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancel_url: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

pub(super) fn details_of(terms: &Terms) -> serde_json::Result<String> {
    let t = terms.clone();
    serde_json::to_string(&Details {
        payment_type: t.payment_type,
        payment_method: t.payment_method,
        capture: t.capture,
        channel: t.channel,
        psp: t.psp,
        description: t.description,
        line_items: t.line_items,
        customer: t.customer,
        success_url: t.success_url,
        cancel_url: t.cancel_url,
        metadata: t.metadata,
    })
}

/// The columns of an order, named so that they can stand beside those of an attempt.
pub(super) const ORDER_COLUMNS: &str = "o.merchant_id, o.id AS order_id, o.reference, o.amount, o.currency, o.details, o.expires_at, \
     o.created_at AS order_created_at, o.status AS order_status, o.version, o.updated_at, o.amount_authorized, o.amount_captured, \
     o.amount_refunded, o.amount_disputed, o.paid_by, o.cancel_requested_at, o.paid_late, o.amount_refunding, o.status_version, o.claim";

/// The columns of an attempt.
pub(super) const ATTEMPT_COLUMNS: &str = "a.id AS attempt_id, a.number, a.psp_account_id, a.psp, a.created_at AS attempt_created_at, \
     a.status AS attempt_status, a.token, a.psp_payment, a.redirect_url, a.decline, a.declines, a.check_at, a.authorized, a.captured, \
     a.surplus, a.fees, a.capturing, a.refunded, a.refunding, a.disputed, a.open_disputes";

pub(super) fn order(row: &Row<'_>) -> rusqlite::Result<PaymentOrder> {
    let details: Details = json(row, "details")?;
    Ok(PaymentOrder {
        id: col(row, "order_id")?,
        merchant: col(row, "merchant_id")?,
        terms: Terms {
            reference: row.get("reference")?,
            amount: Money::new(row.get("amount")?, col(row, "currency")?),
            payment_type: details.payment_type,
            payment_method: details.payment_method,
            capture: details.capture,
            psp: details.psp,
            channel: details.channel,
            expires_at: col(row, "expires_at")?,
            description: details.description,
            line_items: details.line_items,
            customer: details.customer,
            success_url: details.success_url,
            cancel_url: details.cancel_url,
            metadata: details.metadata,
        },
        created_at: col(row, "order_created_at")?,
        status: col(row, "order_status")?,
        version: row.get("version")?,
        updated_at: col(row, "updated_at")?,
        amount_authorized: row.get("amount_authorized")?,
        amount_captured: row.get("amount_captured")?,
        amount_refunded: row.get("amount_refunded")?,
        amount_refunding: row.get("amount_refunding")?,
        amount_disputed: row.get("amount_disputed")?,
        paid_by: maybe(row, "paid_by")?,
        cancel_requested_at: maybe(row, "cancel_requested_at")?,
        paid_late: row.get("paid_late")?,
        status_version: row.get("status_version")?,
        claim: maybe_json(row, "claim")?,
    })
}

pub(super) fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: col(row, "attempt_id")?,
        psp_account: col(row, "psp_account_id")?,
        psp: row.get("psp")?,
        number: row.get("number")?,
        created_at: col(row, "attempt_created_at")?,
        status: col(row, "attempt_status")?,
        token: row.get::<_, Option<String>>("token")?.map(PspToken),
        psp_payment: row.get("psp_payment")?,
        redirect_url: row.get("redirect_url")?,
        decline: maybe_json(row, "decline")?,
        declines: row.get("declines")?,
        check_at: maybe(row, "check_at")?,
        authorized: row.get("authorized")?,
        captured: row.get("captured")?,
        capturing: row.get("capturing")?,
        refunded: row.get("refunded")?,
        refunding: row.get("refunding")?,
        disputed: row.get("disputed")?,
        open_disputes: row.get("open_disputes")?,
        surplus: row.get("surplus")?,
        fees: maybe_json(row, "fees")?.unwrap_or_default(),
    })
}

pub(super) fn payment(row: &Row<'_>) -> rusqlite::Result<Payment> {
    Ok(Payment { order: order(row)?, attempt: attempt(row)? })
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<crate::EventRow> {
    Ok(crate::EventRow {
        id: col(row, "id")?,
        merchant: col(row, "merchant_id")?,
        subject: subject(row)?,
        sequence: row.get("sequence")?,
        kind: col(row, "kind")?,
        at: col(row, "at")?,
        snapshot: row.get("snapshot")?,
    })
}

fn subject(row: &Row<'_>) -> rusqlite::Result<Subject> {
    let kind: String = row.get("subject_kind")?;
    Ok(Subject::from_parts(&kind, row.get("subject_id")?).ok_or(FromSqlError::InvalidType)?)
}

pub(super) fn capture(row: &Row<'_>) -> rusqlite::Result<Capture> {
    Ok(Capture {
        id: col(row, "id")?,
        order: col(row, "order_id")?,
        attempt: col(row, "attempt_id")?,
        psp_account: col(row, "psp_account_id")?,
        amount: Money::new(row.get("amount")?, col(row, "currency")?),
        total: row.get("total")?,
        is_final: row.get("is_final")?,
        status: col(row, "status")?,
        failure: maybe_json(row, "failure")?,
        check_at: maybe(row, "check_at")?,
        created_at: col(row, "created_at")?,
        updated_at: col(row, "updated_at")?,
    })
}

pub(super) fn refund(row: &Row<'_>) -> rusqlite::Result<Refund> {
    Ok(Refund {
        id: col(row, "id")?,
        order: col(row, "order_id")?,
        attempt: col(row, "attempt_id")?,
        psp_account: col(row, "psp_account_id")?,
        amount: Money::new(row.get("amount")?, col(row, "currency")?),
        reason: row.get("reason")?,
        origin: col(row, "origin")?,
        status: col(row, "status")?,
        psp_refund: row.get("psp_refund")?,
        failure: maybe_json(row, "failure")?,
        check_at: maybe(row, "check_at")?,
        created_at: col(row, "created_at")?,
        updated_at: col(row, "updated_at")?,
    })
}

pub(super) fn dispute(row: &Row<'_>) -> rusqlite::Result<Dispute> {
    let answer: Option<String> = row.get("answer")?;
    Ok(Dispute {
        id: col(row, "id")?,
        order: col(row, "order_id")?,
        attempt: col(row, "attempt_id")?,
        psp_account: col(row, "psp_account_id")?,
        psp_dispute: row.get("psp_dispute")?,
        amount: Money::new(row.get("amount")?, col(row, "currency")?),
        reason: col(row, "reason")?,
        status: col(row, "status")?,
        evidence_due_at: maybe(row, "evidence_due_at")?,
        withdrawn: row.get("withdrawn")?,
        returned: row.get("returned")?,
        fees: maybe_json(row, "fees")?.unwrap_or_default(),
        evidence: maybe_json(row, "evidence")?.unwrap_or_default(),
        answer: [DisputeAnswer::Evidence, DisputeAnswer::Acceptance].into_iter().find(|a| Some(a.as_str()) == answer.as_deref()),
        answers: row.get("answers")?,
        refusal: maybe_json(row, "refusal")?,
        submitted_at: maybe(row, "submitted_at")?,
        accepted_at: maybe(row, "accepted_at")?,
        reminded_at: maybe(row, "reminded_at")?,
        opened_at: col(row, "opened_at")?,
        created_at: col(row, "created_at")?,
        updated_at: col(row, "updated_at")?,
    })
}

pub(super) fn dispute_file(row: &Row<'_>) -> rusqlite::Result<crate::DisputeFile> {
    Ok(crate::DisputeFile {
        id: col(row, "id")?,
        dispute: col(row, "dispute_id")?,
        field: row.get("field")?,
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        size: row.get("size")?,
        bytes: row.get("bytes")?,
        created_at: col(row, "created_at")?,
    })
}

pub(super) fn payout(row: &Row<'_>) -> rusqlite::Result<Payout> {
    Ok(Payout {
        id: col(row, "id")?,
        merchant: col(row, "merchant_id")?,
        psp_account: col(row, "psp_account_id")?,
        psp_payout: row.get("psp_payout")?,
        amount: Money::new(row.get("amount")?, col(row, "currency")?),
        status: col(row, "status")?,
        arrives_at: maybe(row, "arrives_at")?,
        left: row.get("has_left")?,
        came_back: row.get("came_back")?,
        arrival: maybe_json(row, "arrival")?,
        version: row.get("version")?,
        created_at: col(row, "created_at")?,
        updated_at: col(row, "updated_at")?,
    })
}

pub(super) fn exception(row: &Row<'_>) -> rusqlite::Result<crate::BookException> {
    let closed_at: Option<Timestamp> = maybe(row, "closed_at")?;
    let closed = match closed_at {
        Some(at) => Some(crate::Closed { at, by: row.get("closed_by")?, why: row.get("why")? }),
        None => None,
    };
    Ok(crate::BookException {
        id: col(row, "id")?,
        merchant: col(row, "merchant_id")?,
        kind: row.get("kind")?,
        psp_account: maybe(row, "psp_account_id")?,
        subject: row.get("subject")?,
        amount: Money::new(row.get("amount")?, col(row, "currency")?),
        opened_at: col(row, "opened_at")?,
        closed,
    })
}

/// A sum of an account, with its columns `name`, `currency`, `posted`, `pending`.
pub(super) fn account_balance(row: &Row<'_>, merchant: MerchantId) -> rusqlite::Result<crate::AccountBalance> {
    Ok(crate::AccountBalance {
        merchant,
        account: row.get("name")?,
        currency: col(row, "currency")?,
        posted: row.get("posted")?,
        pending: row.get("pending")?,
    })
}

pub(super) fn merchant(row: &Row<'_>) -> rusqlite::Result<Merchant> {
    Ok(Merchant {
        id: col(row, "id")?,
        name: row.get("name")?,
        sealed_return_secret: row.get("sealed_return_secret")?,
        created_at: col(row, "created_at")?,
    })
}

pub(super) fn api_key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let scope: String = row.get("scope")?;
    let hash: Vec<u8> = row.get("hash")?;
    let networks: String = row.get("networks")?;
    Ok(ApiKey {
        id: col(row, "id")?,
        merchant: col(row, "merchant_id")?,
        hash: hash.try_into().map_err(|_| FromSqlError::InvalidType)?,
        hint: row.get("hint")?,
        name: row.get("name")?,
        scope: [Scope::Read, Scope::Payments, Scope::Admin]
            .into_iter()
            .find(|s| s.as_str() == scope)
            .ok_or(FromSqlError::InvalidType)?,
        networks: networks.split_ascii_whitespace().map(str::to_owned).collect(),
        expires_at: maybe(row, "expires_at")?,
        revoked_at: maybe(row, "revoked_at")?,
        last_used_at: maybe(row, "last_used_at")?,
        created_at: col(row, "created_at")?,
    })
}

pub(super) fn psp_account(row: &Row<'_>) -> rusqlite::Result<PspAccount> {
    Ok(PspAccount {
        id: col(row, "id")?,
        merchant: col(row, "merchant_id")?,
        psp: row.get("psp")?,
        name: row.get("name")?,
        active: row.get("active")?,
        sealed_settings: row.get("sealed_settings")?,
        version: row.get("version")?,
        created_at: col(row, "created_at")?,
    })
}

pub(super) fn webhook_endpoint(row: &Row<'_>) -> rusqlite::Result<WebhookEndpoint> {
    Ok(WebhookEndpoint {
        id: col(row, "id")?,
        merchant: col(row, "merchant_id")?,
        url: row.get("url")?,
        description: row.get("description")?,
        types: json(row, "types")?,
        status: col(row, "status")?,
        sealed_keys: row.get("sealed_keys")?,
        failing_since: maybe(row, "failing_since")?,
        failures: row.get("failures")?,
        events: row.get("events")?,
        version: row.get("version")?,
        created_at: col(row, "created_at")?,
    })
}

pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: col(row, "id")?,
        endpoint: col(row, "endpoint_id")?,
        merchant: col(row, "merchant_id")?,
        event: col(row, "event_id")?,
        kind: row.get("kind")?,
        origin: col(row, "origin")?,
        body: row.get("body")?,
        state: col(row, "state")?,
        tries: row.get("tries")?,
        step: row.get("step")?,
        next_at: maybe(row, "next_at")?,
        created_at: col(row, "created_at")?,
    })
}

pub(super) fn delivery_try(row: &Row<'_>) -> rusqlite::Result<DeliveryTry> {
    let answer = match row.get::<_, Option<u16>>("status")? {
        Some(status) => Some(TryAnswer {
            status,
            headers: json(row, "response_headers")?,
            body: row.get("response_body")?,
            truncated: row.get("truncated")?,
        }),
        None => None,
    };
    Ok(DeliveryTry {
        number: row.get("number")?,
        at: col(row, "at")?,
        took_ms: row.get("took_ms")?,
        url: row.get("url")?,
        request_headers: json(row, "request_headers")?,
        answer,
        error: row.get("error")?,
    })
}

pub(super) fn replay(row: &Row<'_>) -> rusqlite::Result<Replay> {
    Ok(Replay {
        id: col(row, "id")?,
        endpoint: col(row, "endpoint_id")?,
        merchant: col(row, "merchant_id")?,
        from: col(row, "from_at")?,
        before: col(row, "before_at")?,
        types: json(row, "types")?,
        cursor: maybe(row, "cursor")?,
        made: row.get("made")?,
        done_at: maybe(row, "done_at")?,
        created_at: col(row, "created_at")?,
    })
}
