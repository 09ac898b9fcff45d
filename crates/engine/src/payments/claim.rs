//! Taking a paid order on, once. A shop hears of a payment twice, by the returning customer and by the event: both carry the same proof
//! and sequence, and only the first of them may make an order out of it.

use super::checkout::{is_signed, sign};
use super::commit::settle;
use super::get::own;
use super::view::{ClaimView, PaymentOrderView};
use crate::idempotency::{Begun, Claim, begin};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::payments::{OrderStatus, Payment};
use ducat_domain::{MerchantId, PaymentOrderId, Secret};
use serde::Serialize;
use utoipa::ToSchema;

/// What proves a status: made with the merchant's return secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(title = "Proof")]
pub struct Proof {
    /// The sequence of the event with which the order came into its status.
    pub sequence: u32,
    /// HMAC-SHA256 in hex over `{payment order}.{status}.{sequence}`.
    pub proof: String,
}

impl Proof {
    pub(super) fn of(secret: &Secret, id: PaymentOrderId, status: OrderStatus, sequence: u32) -> Self {
        Self { sequence, proof: sign(secret, &text(id, status, sequence)) }
    }
}

fn text(id: PaymentOrderId, status: OrderStatus, sequence: u32) -> String {
    format!("{id}.{}.{sequence}", status.as_str())
}

/// What a caller brings along.
#[derive(Clone, Debug)]
pub struct NewClaim {
    /// Who claims, in the merchant's own words.
    pub by: String,
    /// The proof from the return address or the event, where the caller wants it checked.
    pub proof: Option<String>,
}

/// A claim that succeeded.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Claimed")]
pub struct Claimed {
    /// Always `claim`.
    pub object: &'static str,
    /// The order.
    pub payment_order: PaymentOrderView,
    /// Who has it now.
    #[serde(flatten)]
    pub claim: ClaimView,
    /// The sequence of the event that told of the money.
    pub sequence: u32,
}

/// Takes an order on. Whoever comes later is told who was first.
pub async fn claim(
    engine: &Engine,
    merchant: MerchantId,
    id: PaymentOrderId,
    new: NewClaim,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    let key = key.as_ref();
    super::check_text("/claimed_by", &new.by, 1, 200).map_err(Error::Invalid)?;
    match begin(engine, merchant, key, |first| take(engine, merchant, id, new, first)).await? {
        Begun::Now(answer) | Begun::Answered(answer) => Ok(answer),
        // The answer lies under the key from the first commit on.
        Begun::TakenOver(_) => Err(Error::KeyBusy),
    }
}

async fn take(
    engine: &Engine,
    merchant: MerchantId,
    id: PaymentOrderId,
    new: NewClaim,
    claim: Claim<'_>,
) -> Result<Answer, Error> {
    let payment = own(engine, merchant, id).await?;
    check_proof(engine, &payment, new.proof.as_deref()).await?;
    let now = engine.now();
    let answered = std::sync::Mutex::new(None);
    settle(
        engine,
        payment,
        |p| p.claim(new.by.clone(), now).map(Some),
        |after, _, change| {
            let answer = Answer::new(AnswerKind::Done, &view(engine, after)?)?;
            claim.ends(&answer, change);
            *answered.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(answer);
            Ok(())
        },
    )
    .await?;
    let answer = answered.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    answer.ok_or_else(|| Error::Internal("a claim without an answer".into()))
}

fn view(engine: &Engine, payment: &Payment) -> Result<Claimed, Error> {
    let view = PaymentOrderView::now(super::commit::links(engine), payment);
    let claim = view.claim.clone().ok_or_else(|| Error::Internal("a claim that is not there".into()))?;
    Ok(Claimed { object: "claim", payment_order: view, claim, sequence: payment.order.status_version })
}

async fn check_proof(engine: &Engine, payment: &Payment, proof: Option<&str>) -> Result<(), Error> {
    let Some(proof) = proof else { return Ok(()) };
    let order = &payment.order;
    let secret = crate::merchants::return_secret(engine, order.merchant).await?;
    if is_signed(&secret, &text(order.id, order.status, order.status_version), proof) {
        return Ok(());
    }
    let detail = "must be the proof of the order's present status, from its return address or its event";
    Err(Error::Invalid(Problem::field("proof_wrong", "/proof", detail)))
}
