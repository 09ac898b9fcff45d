//! What the customer sees: the order's page, and the way back to the shop.

use super::attend::attend_now;
use super::claim::Proof;
use super::commit::links;
use super::get::on_page;
use super::plan::FRESH;
use super::try_again::can_try_again;
use super::view::PaymentOrderView;
use crate::refunds::RefundView;
use crate::{Engine, Error};
use ducat_domain::events::Subject;
use ducat_domain::payments::{OrderStatus, Payment};
use ducat_domain::{PaymentOrderId, Secret, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

/// What the checkout page shows.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The order.
    pub order: PaymentOrderView,
    /// When it was paid, or the money held; nothing in any other status.
    pub paid_at: Option<Timestamp>,
    /// Who sells.
    pub merchant_name: String,
    /// The PSP's name for people, such as `Stripe`.
    pub psp_title: String,
    /// Whether a new attempt can be begun now.
    pub can_try_again: bool,
    /// One sentence for the customer about the last refusal, where there is one.
    pub decline_text: Option<&'static str>,
    /// Where the customer goes on to, with `payment_order`, `status` and `signature` added; nothing while the outcome is open.
    pub onward_url: Option<String>,
    /// Where the customer goes back to without paying.
    pub cancel_url: Option<String>,
}

/// What the checkout page shows; for anybody who knows the id.
pub async fn checkout(engine: &Engine, id: PaymentOrderId) -> Result<Checkout, Error> {
    let payment = on_page(engine, id).await?;
    show(engine, payment).await
}

/// The customer came back. When the PSP's message is late, the PSP is asked, so that the page shows the truth.
pub async fn come_back(engine: &Engine, id: PaymentOrderId) -> Result<Checkout, Error> {
    let payment = on_page(engine, id).await?;
    let open = !payment.order.status.is_terminal() && payment.attempt.token.is_some();
    if !open || !engine.may_ask_again(id, FRESH) {
        return show(engine, payment).await;
    }
    match attend_now(engine, payment.order.merchant, id).await {
        Ok(payment) => show(engine, payment).await,
        Err(error) => {
            // The page can say honestly that the outcome is open; the worker goes on asking.
            tracing::warn!(order = %id, %error, "the PSP could not be asked for a returning customer");
            show(engine, payment).await
        }
    }
}

async fn show(engine: &Engine, payment: Payment) -> Result<Checkout, Error> {
    let merchant = engine.store().merchant(payment.order.merchant).await?.ok_or(Error::NotFound("merchant"))?;
    let psp = ducat_connectors::connector(&payment.attempt.psp);
    let secret = crate::merchants::open_return_secret(engine, &merchant)?;
    let terms = &payment.order.terms;
    let mut order = PaymentOrderView::now(links(engine), &payment);
    if payment.order.amount_captured > 0 {
        // What went back is part of the receipt.
        order.refunds =
            Some(engine.store().refunds_of(merchant.id, payment.order.id).await?.iter().map(RefundView::of).collect());
    }
    Ok(Checkout {
        paid_at: paid_at(engine, &payment).await?,
        merchant_name: merchant.name,
        psp_title: psp.map_or_else(|| payment.attempt.psp.clone(), |c| c.spec().title.to_owned()),
        can_try_again: can_try_again(engine, &payment),
        decline_text: payment.attempt.decline.as_ref().map(|d| d.code.for_customer()),
        onward_url: onward(&payment, &secret),
        cancel_url: terms.cancel_url.as_deref().map(|address| filled(address, payment.order.id)),
        order,
    })
}

/// The moment of the event with which the order came into its status. `updated_at` moves on with fees and refunds; this stays.
async fn paid_at(engine: &Engine, payment: &Payment) -> Result<Option<Timestamp>, Error> {
    let order = &payment.order;
    if !matches!(order.status, OrderStatus::Succeeded | OrderStatus::Authorized) {
        return Ok(None);
    }
    let events = engine.store().events_of(order.merchant, Subject::PaymentOrder(order.id)).await?;
    Ok(events.iter().find(|event| event.sequence == order.status_version).map(|event| event.at))
}

/// Where the customer goes on to, with what the shop can check.
fn onward(payment: &Payment, secret: &Secret) -> Option<String> {
    let (order, terms) = (&payment.order, &payment.order.terms);
    let address = match order.status {
        OrderStatus::Succeeded | OrderStatus::Authorized => terms.success_url.as_deref(),
        OrderStatus::Failed | OrderStatus::Canceled | OrderStatus::Expired => terms.cancel_url.as_deref(),
        OrderStatus::Created | OrderStatus::Pending | OrderStatus::Processing => None,
    }?;
    let mut url = Url::parse(&filled(address, order.id)).ok()?;
    let status = order.status.as_str();
    // The event that told of the status carries the same sequence and proof.
    let proof = Proof::of(secret, order.id, order.status, order.status_version);
    url.query_pairs_mut()
        .append_pair("payment_order", &order.id.to_string())
        .append_pair("status", status)
        .append_pair("sequence", &proof.sequence.to_string())
        .append_pair("proof", &proof.proof)
        .append_pair("signature", &return_signature(secret, order.id, status));
    Some(url.into())
}

fn filled(address: &str, id: PaymentOrderId) -> String {
    address.replace("{PAYMENT_ORDER_ID}", &id.to_string())
}

/// HMAC-SHA256 in hex over `{payment order}.{status}`, with the merchant's return secret as it is written.
pub fn return_signature(secret: &Secret, id: PaymentOrderId, status: &str) -> String {
    sign(secret, &format!("{id}.{status}"))
}

/// Whether a returning customer brings our signature; compared in constant time.
pub fn is_return_signed(secret: &Secret, id: PaymentOrderId, status: &str, signature: &str) -> bool {
    is_signed(secret, &format!("{id}.{status}"), signature)
}

/// HMAC-SHA256 in hex.
pub(super) fn sign(secret: &Secret, text: &str) -> String {
    let mut mac = mac(secret);
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Compares in constant time.
pub(super) fn is_signed(secret: &Secret, text: &str, signature: &str) -> bool {
    let mut mac = mac(secret);
    mac.update(text.as_bytes());
    hex::decode(signature).is_ok_and(|bytes| mac.verify_slice(&bytes).is_ok())
}

fn mac(secret: &Secret) -> Hmac<Sha256> {
    // HMAC takes a key of any length.
    Hmac::new_from_slice(secret.expose().as_bytes()).expect("a key of any length will do")
}
