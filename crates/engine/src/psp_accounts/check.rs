//! Asking the PSP whether the credentials are good.

use super::secrets::open;
use super::view::own;
use crate::payments::psp_problem;
use crate::{Engine, Error};
use ducat_connectors::Operation;
use ducat_domain::{MerchantId, PspAccountId};

/// Asks for nothing but whether the credentials are good.
pub async fn check(engine: &Engine, merchant: MerchantId, id: PspAccountId) -> Result<(), Error> {
    let psp = open(engine, &own(engine, merchant, id).await?)?;
    psp.talk(engine, &Operation::Ping).await.map(drop).map_err(|fault| psp_problem(&fault))
}
