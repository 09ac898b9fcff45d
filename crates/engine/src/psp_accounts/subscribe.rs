//! Telling the PSP where its messages go, and keeping the secret with which it signs them.

use super::secrets::open;
use super::update::{PspAccountPatch, patched, save};
use super::view::{PspAccountView, own, webhook_url};
use crate::payments::psp_problem;
use crate::{Engine, Error};
use ducat_connectors::{Operation, Outcome, Trust};
use ducat_domain::{MerchantId, PspAccountId};
use std::collections::BTreeMap;

/// Registers our webhook address at the PSP and keeps the signing secret that it gives.
pub async fn subscribe(engine: &Engine, merchant: MerchantId, id: PspAccountId) -> Result<PspAccountView, Error> {
    let account = own(engine, merchant, id).await?;
    let psp = open(engine, &account)?;
    let url = webhook_url(engine, &account);
    // Each version of the account may subscribe once: a lost answer is asked for again under the same key.
    let key = format!("{id}-subscribe-{}", account.version);
    let secret = match psp.talk(engine, &Operation::Subscribe { url, key }).await {
        Ok(Outcome::Subscribed(secret)) => secret,
        Ok(other) => return Err(Error::Internal(format!("the connector answers a subscription with {other:?}"))),
        Err(fault) => return Err(psp_problem(&fault)),
    };
    let Trust::TimestampedHmacSha256 { secret_setting, .. } = psp.connector.spec().trust;
    let settings = BTreeMap::from([(secret_setting.to_owned(), secret)]);
    let account = patched(engine, account, PspAccountPatch { settings, ..PspAccountPatch::default() })?;
    let view = PspAccountView::of(engine, &account)?;
    save(engine, account).await?;
    Ok(view)
}
