//! Orders and attempts from rows.

use super::unpack;
use crate::ReadError;
use crate::row::Row;
use ducat_domain::Money;
use ducat_domain::payments::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The terms that are kept as one text, because nothing is searched by them. What nearly every order says is left out.
#[derive(Serialize, Deserialize)]
struct Details {
    #[serde(default = "usual_type", skip_serializing_if = "is_usual_type")]
    payment_type: PaymentType,
    #[serde(default = "usual_method", skip_serializing_if = "is_usual_method")]
    payment_method: PaymentMethod,
    #[serde(default = "usual_capture", skip_serializing_if = "is_usual_capture")]
    capture: CaptureMode,
    #[serde(default = "usual_channel", skip_serializing_if = "is_usual_channel")]
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

/// What a term is where the text does not say. Never changed: there are rows that do not say it.
macro_rules! usual {
    ($($usual:ident, $is_usual:ident: $kind:ident::$value:ident;)*) => {$(
        const fn $usual() -> $kind {
            $kind::$value
        }

        fn $is_usual(value: &$kind) -> bool {
            *value == $usual()
        }
    )*};
}

usual! {
    usual_type, is_usual_type: PaymentType::Sale;
    usual_method, is_usual_method: PaymentMethod::Apm;
    usual_capture, is_usual_capture: CaptureMode::Automatic;
    usual_channel, is_usual_channel: Channel::Ecommerce;
}

pub(crate) fn details_of(terms: &Terms) -> serde_json::Result<String> {
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

/// They are packed on a server, where each of an order's versions has them.
fn details(row: &Row<'_>) -> Result<Details, ReadError> {
    match row {
        Row::Sqlite(_) => row.json("details"),
        Row::Postgres(_) => {
            let text = unpack(row.get("details")?)?;
            serde_json::from_slice(&text).map_err(|e| ReadError(format!("the column details: {e}")))
        }
    }
}

/// The columns of an order, named so that they can stand beside those of an attempt.
pub(crate) const ORDER_COLUMNS: &str = "o.merchant_id, o.id AS order_id, o.reference, o.amount, o.currency, o.details, o.expires_at, \
     o.created_at AS order_created_at, o.status AS order_status, o.version, o.updated_at, o.amount_authorized, o.amount_captured, \
     o.amount_refunded, o.amount_disputed, o.paid_by, o.cancel_requested_at, o.paid_late, o.amount_refunding, o.status_version, o.claim";

/// The columns of an attempt.
pub(crate) const ATTEMPT_COLUMNS: &str = "a.id AS attempt_id, a.number, a.psp_account_id, a.psp, a.created_at AS attempt_created_at, \
     a.status AS attempt_status, a.token, a.psp_payment, a.redirect_url, a.decline, a.declines, a.check_at, a.authorized, a.captured, \
     a.surplus, a.fees, a.capturing, a.refunded, a.refunding, a.disputed, a.open_disputes";

pub(crate) fn order(row: &Row<'_>) -> Result<PaymentOrder, ReadError> {
    let details = details(row)?;
    Ok(PaymentOrder {
        id: row.get("order_id")?,
        merchant: row.get("merchant_id")?,
        terms: Arc::new(Terms {
            reference: row.get("reference")?,
            amount: Money::new(row.get("amount")?, row.get("currency")?),
            payment_type: details.payment_type,
            payment_method: details.payment_method,
            capture: details.capture,
            psp: details.psp,
            channel: details.channel,
            expires_at: row.get("expires_at")?,
            description: details.description,
            line_items: details.line_items,
            customer: details.customer,
            success_url: details.success_url,
            cancel_url: details.cancel_url,
            metadata: details.metadata,
        }),
        created_at: row.get("order_created_at")?,
        status: row.get("order_status")?,
        version: row.get("version")?,
        updated_at: row.get("updated_at")?,
        amount_authorized: row.get("amount_authorized")?,
        amount_captured: row.get("amount_captured")?,
        amount_refunded: row.get("amount_refunded")?,
        amount_refunding: row.get("amount_refunding")?,
        amount_disputed: row.get("amount_disputed")?,
        paid_by: row.maybe("paid_by")?,
        cancel_requested_at: row.maybe("cancel_requested_at")?,
        paid_late: row.get("paid_late")?,
        status_version: row.get("status_version")?,
        claim: row.maybe_json("claim")?,
    })
}

pub(crate) fn attempt(row: &Row<'_>) -> Result<Attempt, ReadError> {
    Ok(Attempt {
        id: row.get("attempt_id")?,
        psp_account: row.get("psp_account_id")?,
        psp: row.get("psp")?,
        number: row.get("number")?,
        created_at: row.get("attempt_created_at")?,
        status: row.get("attempt_status")?,
        token: row.maybe::<String>("token")?.map(PspToken),
        psp_payment: row.maybe("psp_payment")?,
        redirect_url: row.maybe("redirect_url")?,
        decline: row.maybe_json("decline")?,
        declines: row.get("declines")?,
        check_at: row.maybe("check_at")?,
        authorized: row.get("authorized")?,
        captured: row.get("captured")?,
        capturing: row.get("capturing")?,
        refunded: row.get("refunded")?,
        refunding: row.get("refunding")?,
        disputed: row.get("disputed")?,
        open_disputes: row.get("open_disputes")?,
        surplus: row.get("surplus")?,
        fees: row.maybe_json("fees")?.unwrap_or_default(),
    })
}

pub(crate) fn payment(row: &Row<'_>) -> Result<Payment, ReadError> {
    Ok(Payment { order: order(row)?, attempt: attempt(row)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (PaymentType, PaymentMethod, CaptureMode, Channel) {
        let d: Details = serde_json::from_str(text).unwrap();
        (d.payment_type, d.payment_method, d.capture, d.channel)
    }

    #[test]
    fn what_a_row_does_not_say_is_the_usual() {
        let usual = (PaymentType::Sale, PaymentMethod::Apm, CaptureMode::Automatic, Channel::Ecommerce);
        assert_eq!(read("{}"), usual);
        assert_eq!(
            read(r#"{"payment_type":"SALE","payment_method":"APM","capture":"automatic","channel":"ecommerce"}"#),
            usual,
            "as rows said it before"
        );
        let other = r#"{"payment_type":"RECC","payment_method":"CARD","capture":"manual","channel":"pos"}"#;
        assert_eq!(read(other), (PaymentType::Recc, PaymentMethod::Card, CaptureMode::Manual, Channel::Pos));
        let said: Details = serde_json::from_str(other).unwrap();
        assert_eq!(serde_json::to_string(&said).unwrap(), other);
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Details>("{}").unwrap()).unwrap(), "{}");
    }
}
