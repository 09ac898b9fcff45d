//! The bank's credit for a payout, as somebody tells it who has seen the bank's statement.

use super::get::own;
use super::{PayoutView, payouts};
use crate::idempotency::{Whole, once};
use crate::payments::check_text;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::journal::is_bank_name;
use ducat_domain::settlement::{Arrival, Payout, PayoutError};
use ducat_domain::{Currency, MerchantId, Money, PayoutId};

/// What the bank's statement says.
#[derive(Clone, Debug)]
pub struct NewArrival {
    /// The merchant's name for the bank account.
    pub bank: String,
    /// Minor units that were credited.
    pub credited: i64,
    /// In which currency, ISO 4217.
    pub currency: String,
    /// Minor units that the bank kept, in the same currency.
    pub fee: i64,
    /// What the bank's statement calls it.
    pub reference: Option<String>,
}

/// Books the bank's credit. In another currency than the payout's it is a conversion, whose rate are the two amounts.
pub async fn arrive(
    engine: &Engine,
    merchant: MerchantId,
    id: PayoutId,
    new: NewArrival,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    once(engine, merchant, key, decide(engine, merchant, id, new)).await
}

async fn decide(engine: &Engine, merchant: MerchantId, id: PayoutId, new: NewArrival) -> Result<Whole, Error> {
    let currency = check(&new)?;
    let now = engine.now();
    let arrival = Arrival {
        bank: new.bank,
        credited: Money::new(new.credited, currency),
        fee: Money::new(new.fee, currency),
        reference: new.reference,
        at: now,
    };
    let payout = own(engine, merchant, id).await?;
    let moved = payout.clone().arrive(arrival, now).map_err(|e| refused(&payout, &e))?;
    let answer = Answer::new(AnswerKind::Done, &PayoutView::of(&moved.payout))?;
    Ok(Whole::new(payouts::change(engine, moved)?, answer))
}

fn check(new: &NewArrival) -> Result<Currency, Error> {
    let refused = |code, at: &str, detail: &str| Err(Error::Invalid(Problem::field(code, at, detail)));
    if !is_bank_name(&new.bank) {
        return refused("invalid_text", "/bank", "must be up to 64 letters, digits, dots, dashes and underscores");
    }
    if new.credited <= 0 {
        return refused("amount_too_small", "/credited", "must be at least 1");
    }
    if new.fee < 0 {
        return refused("amount_too_small", "/fee", "must not be negative");
    }
    if let Some(reference) = &new.reference {
        check_text("/reference", reference, 1, 200).map_err(Error::Invalid)?;
    }
    match new.currency.parse() {
        Ok(currency) => Ok(currency),
        Err(_) => refused("currency_unknown", "/currency", "must be an active code of ISO 4217"),
    }
}

fn refused(payout: &Payout, e: &PayoutError) -> Error {
    match e {
        PayoutError::Sum(_) => Error::Invalid(Problem::field("amount_mismatch", "/credited", e.to_string())),
        PayoutError::Arrived | PayoutError::NotInTransit => Error::Conflict(Problem::new("payout_state", e.to_string())),
        PayoutError::Amount => Error::Mismatch(format!("payout {}: {e}", payout.id)),
    }
}
