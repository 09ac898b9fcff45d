//! Putting a mistake right: nothing in the journal is changed; the mirror image takes back what a wrong entry moved, and the right entry
//! follows. Both say who asked and why.

use super::EntryView;
use crate::idempotency::{Whole, once};
use crate::payments::check_text;
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Layer, Note, Posting};
use ducat_domain::{EntryId, MerchantId, Money, Timestamp};
use ducat_store::{Change, EntryRow, PostingRow};
use serde::Serialize;
use utoipa::ToSchema;

/// The longest reason, in characters.
const MAX_WHY: usize = 500;
/// How many lines a replacement has at the most.
const MAX_LINES: usize = 20;
/// The largest amount of a line of a replacement, in minor units, as debit or as credit: far beyond any payment, and so far below what 64 bits
/// hold that a slip of the hand does not use a balance up.
pub const MAX_REPLACED: i64 = 1_000_000_000_000_000;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewReversal {
    /// Who asks.
    pub by: String,
    /// Why it was wrong.
    pub why: String,
    /// What should have been booked; nothing where the entry should not have been there.
    pub replacement: Option<Vec<NewLine>>,
}

/// A line of what should have been booked.
#[derive(Clone, Debug)]
pub struct NewLine {
    /// The account.
    pub account: String,
    /// Minor units; a debit is positive, a credit negative.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What was booked to put an entry right.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Reversal")]
pub struct ReversalView {
    /// Always `reversal`.
    pub object: &'static str,
    /// The entry that was wrong: `je_…`
    pub reversed: String,
    /// Its mirror image.
    #[schema(value_type = Object)]
    pub reversal: EntryView,
    /// The right entry.
    #[schema(value_type = Option<Object>)]
    pub replacement: Option<EntryView>,
}

/// Takes an entry back, and books the right one where there is one.
pub async fn reverse(
    engine: &Engine,
    merchant: MerchantId,
    id: EntryId,
    new: NewReversal,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    once(engine, merchant, key, decide(engine, merchant, id, new)).await
}

async fn decide(engine: &Engine, merchant: MerchantId, id: EntryId, new: NewReversal) -> Result<Whole, Error> {
    check_text("/why", &new.why, 1, MAX_WHY).map_err(Error::Invalid)?;
    let wrong = engine.store().entry(merchant, id).await?.ok_or(Error::NotFound("journal entry"))?;
    refuse_states(&wrong)?;
    refuse_reversed(engine, merchant, id).await?;
    let now = engine.now();
    let note = Note { by: new.by, why: new.why };
    let mut entries = vec![filed(engine, merchant, mirror(&wrong, now)?, &note)];
    if let Some(lines) = new.replacement {
        let right = replacement(engine, merchant, &wrong, lines, now).await?;
        entries.push(filed(engine, merchant, right, &note));
    }
    let mut views = entries.iter().map(|entry| EntryView::of(&row_of(entry)));
    let reversal = views.next().ok_or_else(|| Error::Internal("a reversal without an entry".into()))?;
    let view = ReversalView { object: "reversal", reversed: id.to_string(), reversal, replacement: views.next() };
    let answer = Answer::new(AnswerKind::Done, &view)?;
    Ok(Whole::new(Change { entries, ..Change::default() }, answer))
}

/// What follows from a payment, a refund, a dispute or a payout is true as long as that is: to book against it would make two truths.
fn refuse_states(wrong: &EntryRow) -> Result<(), Error> {
    let what = match wrong.event_ref.split(':').next().unwrap_or_default() {
        "line" | "susp" | "rev" | "fix" => return Ok(()),
        "auth" | "cap" | "void" => "a payment; refund or cancel the order instead",
        "ref" | "refs" | "reff" => "a refund; it ends as its PSP says",
        "dsp" => "a dispute; it ends as its PSP says",
        "pay" | "payf" | "bank" => "a payout; it ends as its PSP and the bank say",
        _ => "a PSP's own statement of a payment; ask the PSP to correct it",
    };
    let detail = format!("the entry {} follows from {what}", wrong.event_ref);
    Err(Error::Conflict(Problem::new("entry_not_reversible", detail)))
}

async fn refuse_reversed(engine: &Engine, merchant: MerchantId, id: EntryId) -> Result<(), Error> {
    if !engine.store().is_booked(merchant, EventRef::Reversal(id).to_string()).await? {
        return Ok(());
    }
    let detail = "the entry was reversed before; reverse the entry that took its place, if that is wrong too";
    Err(Error::Conflict(Problem::new("entry_reversed", detail)))
}

fn mirror(wrong: &EntryRow, now: Timestamp) -> Result<Entry, Error> {
    let unreadable = || Error::Internal(format!("entry {} cannot be mirrored", wrong.id));
    let line = |p: &PostingRow| {
        let account: Account = p.account.parse().map_err(|_| unreadable())?;
        Ok(Posting { account, amount: p.amount, layer: p.layer })
    };
    let lines = wrong.postings.iter().map(line).collect::<Result<_, Error>>()?;
    Entry::mirror(EventRef::Reversal(wrong.id), wrong.order, now, lines).ok_or_else(unreadable)
}

async fn replacement(
    engine: &Engine,
    merchant: MerchantId,
    wrong: &EntryRow,
    lines: Vec<NewLine>,
    now: Timestamp,
) -> Result<Entry, Error> {
    let refused = |code, at: String, detail: &str| Error::Invalid(Problem::field(code, at, detail));
    if lines.len() > MAX_LINES {
        return Err(refused("too_many", "/replacement".into(), &format!("must have at most {MAX_LINES} lines")));
    }
    let mut postings = Vec::with_capacity(lines.len());
    for (i, line) in lines.into_iter().enumerate() {
        let at = |name: &str| format!("/replacement/{i}/{name}");
        let currency = line.currency.parse();
        let currency = currency.map_err(|_| refused("currency_unknown", at("currency"), "must be an active code of ISO 4217"))?;
        if line.amount == 0 {
            return Err(refused("amount_too_small", at("amount"), "must not be zero"));
        }
        if !(-MAX_REPLACED..=MAX_REPLACED).contains(&line.amount) {
            let detail = format!("must be from -{MAX_REPLACED} to {MAX_REPLACED}");
            return Err(refused("amount_too_large", at("amount"), &detail));
        }
        let account = own_account(engine, merchant, &line.account).await?;
        let account = account.ok_or_else(|| {
            refused("account_unknown", at("account"), "must be an account of yours, or a new one as the chart of accounts has it")
        })?;
        postings.push(Posting { account, amount: Money::new(line.amount, currency), layer: Layer::Posted });
    }
    Entry::by_hand(EventRef::Correction(wrong.id), wrong.order, now, postings).ok_or_else(|| {
        refused("entry_unbalanced", "/replacement".into(), "must have two lines or more that sum to zero in each currency")
    })
}

/// The account, where it is one of the chart and nobody else's.
async fn own_account(engine: &Engine, merchant: MerchantId, name: &str) -> Result<Option<Account>, Error> {
    let Ok(account) = name.parse::<Account>() else { return Ok(None) };
    let own = match &account {
        Account::PspReceivable(id) | Account::PspDisputeHeld(id) | Account::PspReserve(id) | Account::Suspense(id) => {
            engine.store().psp_account(*id).await?.is_some_and(|psp| psp.merchant == merchant)
        }
        Account::PayoutInTransit(id) => engine.store().payout(merchant, *id).await?.is_some(),
        Account::MerchantPayable(id) | Account::MerchantReserve(id) => *id == merchant,
        Account::Bank(_)
        | Account::ExpensePspFee
        | Account::ExpenseDisputeFee
        | Account::ExpenseFxFee
        | Account::ExpenseBankFee
        | Account::ExpenseChargebackLoss
        | Account::IncomeGatewayFee
        | Account::FxClearing => true,
    };
    Ok(own.then_some(account))
}

fn filed(engine: &Engine, merchant: MerchantId, entry: Entry, note: &Note) -> FiledEntry {
    FiledEntry { id: EntryId::new(entry.at(), engine.chance()), merchant, entry, note: Some(note.clone()) }
}

/// The entry as it will be kept.
fn row_of(filed: &FiledEntry) -> EntryRow {
    let entry = &filed.entry;
    let line = |p: &Posting| PostingRow { account: p.account.to_string(), amount: p.amount, layer: p.layer };
    EntryRow {
        id: filed.id,
        event_ref: entry.event_ref().to_string(),
        order: entry.order(),
        at: entry.at(),
        note: filed.note.clone(),
        postings: entry.postings().iter().map(line).collect(),
    }
}
