//! What the merchant says to a dispute: evidence, or that the payer is right. Written down first, told to the PSP then.

use super::{DisputeOf, DisputeView, own, see_to};
use crate::idempotency::{Begun, Claim, begin};
use crate::payments::settle_matter;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::payments::{Dispute, DisputeAnswer, Part};
use ducat_domain::{DisputeId, MerchantId};
use std::collections::BTreeMap;

/// What is said in the merchant's defence, by the name of the field.
#[derive(Clone, Debug, Default)]
pub struct NewEvidence {
    /// Texts by field.
    pub fields: BTreeMap<String, String>,
}

/// Hands evidence in.
pub async fn submit(
    engine: &Engine,
    merchant: MerchantId,
    id: DisputeId,
    new: NewEvidence,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    answer(engine, merchant, id, DisputeAnswer::Evidence, new.fields, key.as_ref()).await
}

/// Gives in: the payer is right.
pub async fn accept(engine: &Engine, merchant: MerchantId, id: DisputeId, key: Option<RequestKey>) -> Result<Answer, Error> {
    answer(engine, merchant, id, DisputeAnswer::Acceptance, BTreeMap::new(), key.as_ref()).await
}

async fn answer(
    engine: &Engine,
    merchant: MerchantId,
    id: DisputeId,
    answer: DisputeAnswer,
    fields: BTreeMap<String, String>,
    key: Option<&RequestKey>,
) -> Result<Answer, Error> {
    match begin(engine, merchant, key, |claim| note(engine, (merchant, id), answer, fields, claim)).await? {
        Begun::Now(()) => see_to::tell_now(engine, merchant, id).await?,
        Begun::Answered(answer) => return Ok(answer),
        // What was written down before is told by the dispute's own job.
        Begun::TakenOver(_) => {}
    }
    finish(engine, merchant, id, key).await
}

/// Writes the answer down.
async fn note(
    engine: &Engine,
    (merchant, id): (MerchantId, DisputeId),
    answer: DisputeAnswer,
    fields: BTreeMap<String, String>,
    claim: Claim<'_>,
) -> Result<(), Error> {
    let of = own(engine, merchant, id).await?;
    if answer == DisputeAnswer::Evidence {
        super::files::check_texts(&of.payment, &fields)?;
        // Whether it may be answered at all is the domain's to say, and comes first.
        if of.dispute.status.awaits_answer() {
            says_something(engine, &of, &fields).await?;
        }
    }
    let now = engine.now();
    let settled = settle_matter(
        engine,
        of,
        |of: DisputeOf| of.payment.answer_dispute(of.dispute, answer, fields.clone(), now).map(Some),
        |_, _, change| {
            claim.begins(*id.as_bytes(), change);
            Ok(())
        },
    )
    .await?;
    match settled.part {
        Some(Part::Dispute(Dispute { .. })) => Ok(()),
        _ => Err(Error::Internal("an answer was written down and is not there".into())),
    }
}

/// The bank looks at evidence once: handing in nothing would waste that.
async fn says_something(engine: &Engine, of: &DisputeOf, fields: &BTreeMap<String, String>) -> Result<(), Error> {
    if let Some((name, _)) = fields.iter().find(|(_, text)| text.trim().is_empty()) {
        return Err(Error::Invalid(Problem::field("too_short", format!("/fields/{name}"), "must not be empty")));
    }
    let strange = |text: &str| text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if let Some((name, _)) = fields.iter().find(|(_, text)| strange(text)) {
        let detail = "must hold no control characters but line breaks and tabs";
        return Err(Error::Invalid(Problem::field("invalid_text", format!("/fields/{name}"), detail)));
    }
    let has_texts = !fields.is_empty() || !of.dispute.evidence.is_empty();
    if has_texts || !engine.store().dispute_files(of.payment.order.merchant, of.dispute.id).await?.is_empty() {
        return Ok(());
    }
    let detail = "must hold a text at least, or add a file first: the bank looks at the evidence once";
    Err(Error::Invalid(Problem::field("missing_field", "/fields", detail)))
}

async fn finish(engine: &Engine, merchant: MerchantId, id: DisputeId, key: Option<&RequestKey>) -> Result<Answer, Error> {
    let of = own(engine, merchant, id).await?;
    let kind = if of.dispute.answer.is_some() { AnswerKind::Accepted } else { AnswerKind::Done };
    let answer = Answer::new(kind, &DisputeView::of(&of.dispute))?;
    crate::idempotency::answer_once(engine, merchant, key, answer).await
}
