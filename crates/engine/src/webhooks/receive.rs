//! Receiving a PSP's message. It is a hint: it may come twice, late, out of order or forged. What it says is kept and applied in one
//! commit; where it does not say the whole truth, the PSP is asked.

use crate::payments::{Psp, psp_problem};
use crate::psp_accounts::Opened;
use crate::settlement::hear_payout;
use crate::{Engine, Error, disputes, payments, psp_accounts, refunds};
use ducat_connectors::{About, Fault, Message, News, Operation, Outcome, TrustError, VerifiedMessage, verify};
use ducat_domain::payments::{Observation, Payment};
use ducat_domain::{AttemptId, PspAccount, PspAccountId, Timestamp};
use ducat_store::{Change, CommitError, InboxState, InboxWrite, Unique};
use std::sync::Arc;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is stored; whatever it means is done or scheduled.
    Stored,
    /// It was there already.
    Duplicate,
}

/// Why a message is turned away.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No such account, or not of this PSP.
    #[error("there is no such PSP account")]
    NoAccount,
    /// The sender is not proved.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// It is proved, but cannot be read.
    #[error("the message cannot be read")]
    Malformed,
    /// Something of ours failed; the PSP will send it again.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Verifies, stores and applies a message. `header` looks a header up by its name in lower case.
pub async fn receive(
    engine: &Engine,
    psp: &str,
    account: PspAccountId,
    header: impl Fn(&str) -> Option<String> + Send,
    body: &[u8],
) -> Result<Received, ReceiveError> {
    let now = engine.now();
    let (opened, verified) = prove(engine, psp, account, header, body, now).await?;
    let Opened { kept, psp } = &*opened;
    let message = psp.connector.message(&verified, &psp.account).map_err(|fault| {
        tracing::warn!(account = %account, %fault, "a verified message cannot be read");
        ReceiveError::Malformed
    })?;
    let inbox = InboxWrite {
        merchant: kept.merchant,
        psp_account: account,
        message_id: message.dedupe.clone(),
        kind: message.kind.clone(),
        state: InboxState::Ignored,
        order: None,
        body: None,
        received_at: now,
    };
    match Box::pin(store(engine, (kept, psp), message, &verified, inbox)).await {
        Ok(()) => Ok(Received::Stored),
        Err(Error::Duplicate) => Ok(Received::Duplicate),
        Err(e) => Err(e.into()),
    }
}

/// Proves the message. What is not right by the account as it was seen lately may be right by the account as it is now, whose secret was
/// changed on another node.
async fn prove(
    engine: &Engine,
    psp: &str,
    account: PspAccountId,
    header: impl Fn(&str) -> Option<String> + Send,
    body: &[u8],
    now: Timestamp,
) -> Result<(Arc<Opened>, VerifiedMessage), ReceiveError> {
    let check = |opened: &Opened| verify(&opened.psp.connector.spec().trust, &opened.psp.account, &header, body, now);
    let opened = look(engine, psp, account).await?;
    match check(&opened) {
        Ok(verified) => Ok((opened, verified)),
        Err(_) => {
            engine.accounts().forget(&opened.psp);
            let opened = look(engine, psp, account).await?;
            let verified = check(&opened)?;
            Ok((opened, verified))
        }
    }
}

/// The account, where there is one of this PSP.
pub(super) async fn look(engine: &Engine, psp: &str, account: PspAccountId) -> Result<Arc<Opened>, ReceiveError> {
    let opened = psp_accounts::opened(engine, account).await?;
    opened.filter(|opened| opened.kept.psp == psp).ok_or(ReceiveError::NoAccount)
}

async fn store(
    engine: &Engine,
    (account, psp): (&PspAccount, &Psp),
    message: Message,
    verified: &VerifiedMessage,
    inbox: InboxWrite,
) -> Result<(), Error> {
    let applied = match message.news {
        News::Nothing => return keep(engine, inbox).await,
        News::Payout(seen) => Box::pin(hear_payout(engine, account, &seen, Some(inbox.clone()))).await.map(drop),
        News::Registration(about, seen) => match (recall_or_find(engine, account, &about, seen.as_ref()).await?, seen) {
            (None, _) => return keep(engine, inbox).await,
            (Some(payment), None) => return ask(engine, &payment, inbox).await,
            (Some(payment), Some(seen)) => payments::apply_message(engine, payment, &seen, inbox.clone()).await.map(drop),
        },
        News::Refund(about, seen) => match Box::pin(place(engine, account, psp, &about)).await? {
            None => return keep(engine, inbox).await,
            // The refund of money that we have not heard of yet: the PSP is asked for the whole truth.
            Some(payment) if payment.attempt.captured == 0 => return ask(engine, &payment, inbox).await,
            Some(payment) => {
                let heard = Box::pin(refunds::hear(engine, payment.clone(), &seen, Some(inbox.clone()))).await;
                return fits(engine, &payment, heard, verified, inbox).await;
            }
        },
        News::Dispute(about, seen) => match Box::pin(place(engine, account, psp, &about)).await? {
            None => return keep(engine, inbox).await,
            Some(payment) if payment.attempt.captured == 0 => return ask(engine, &payment, inbox).await,
            Some(payment) => {
                let heard = Box::pin(disputes::hear(engine, payment.clone(), &seen, Some(inbox.clone()))).await;
                return fits(engine, &payment, heard, verified, inbox).await;
            }
        },
    };
    match applied {
        Err(Error::Mismatch(why)) => {
            tracing::error!(account = %account.id, message = inbox.message_id, why, "a verified message does not fit our books");
            let body = Some(verified.body().to_vec());
            keep(engine, InboxWrite { state: InboxState::Refused, body, ..inbox }).await
        }
        other => other,
    }
}

/// What does not fit now may fit in a moment: a refund made at the PSP while one of ours, which the PSP will refuse, still holds the
/// money. So the message is kept with its body, and the PSP is asked until its word and our books agree.
async fn fits(
    engine: &Engine,
    payment: &Payment,
    heard: Result<Payment, Error>,
    verified: &VerifiedMessage,
    inbox: InboxWrite,
) -> Result<(), Error> {
    match heard {
        Err(Error::Mismatch(why)) => {
            tracing::warn!(order = %payment.order.id, message = inbox.message_id, why, "a message does not fit our books yet; the PSP is asked");
            ask(engine, payment, InboxWrite { body: Some(verified.body().to_vec()), ..inbox }).await
        }
        other => other.map(drop),
    }
}

async fn ask(engine: &Engine, payment: &Payment, inbox: InboxWrite) -> Result<(), Error> {
    payments::ask_psp(engine, payment, inbox).await.map_err(duplicate)
}

/// The payment that a refund or a dispute is about. Where its message comes before the one that would have told us of the payment, the
/// PSP is asked whose payment it is; while it cannot be asked, the message is not taken, and will come again.
async fn place(engine: &Engine, account: &PspAccount, psp: &Psp, about: &About) -> Result<Option<Payment>, Error> {
    let found = find(engine, account, about).await?;
    let (None, Some(psp_payment)) = (&found, &about.psp_payment) else { return Ok(found) };
    match psp.talk(engine, &Operation::Locate { psp_payment: psp_payment.clone() }).await {
        Ok(Outcome::Located(attempt)) => find(engine, account, &About { attempt, ..About::default() }).await,
        Ok(other) => Err(Error::Internal(format!("the connector answers whose a payment is with {other:?}"))),
        Err(Fault::Unsupported) => Ok(None),
        Err(fault) => Err(psp_problem(&fault)),
    }
}

async fn keep(engine: &Engine, inbox: InboxWrite) -> Result<(), Error> {
    engine.store().commit(Change { inbox: Some(inbox), ..Change::default() }).await.map_err(duplicate)
}

fn duplicate(e: CommitError) -> Error {
    if e == CommitError::Taken(Unique::Message) { Error::Duplicate } else { e.into() }
}

/// The payment that a message is about: as it was registered here a moment ago, or as it is kept.
async fn recall_or_find(
    engine: &Engine,
    account: &PspAccount,
    about: &About,
    seen: Option<&Observation>,
) -> Result<Option<Payment>, Error> {
    if let (Some(token), Some(seen)) = (&about.token, seen)
        && let Some(payment) = engine.registered().recall(account.id, token, seen)
    {
        return Ok(Some(payment));
    }
    find(engine, account, about).await
}

/// The payment that a message is about: by the PSP's token, or by our attempt's id where the token is not known yet. Never one of
/// another account.
async fn find(engine: &Engine, account: &PspAccount, about: &About) -> Result<Option<Payment>, Error> {
    if let Some(token) = &about.token
        && let Some(payment) = engine.store().payment_by_token(account.merchant, account.id, token).await?
    {
        return Ok(Some(payment));
    }
    if let Some(psp_payment) = &about.psp_payment
        && let Some(payment) = engine.store().payment_by_psp_payment(account.merchant, account.id, psp_payment).await?
    {
        return Ok(Some(payment));
    }
    let Some(Ok(attempt)) = about.attempt.as_deref().map(str::parse::<AttemptId>) else { return Ok(None) };
    let payment = engine.store().payment_by_attempt(account.merchant, attempt).await?;
    Ok(payment.filter(|p| p.attempt.psp_account == account.id))
}
