//! The log of committed facts.
use crate::{payments::EventView, Engine, Error};
use ducat_domain::{EventId, MerchantId};
use ducat_store::Page;

#[allow(unused_variables, missing_docs)]
/// Events in the order of their commit, after a cursor. `kinds` empty is all.
pub async fn list(engine: &Engine, merchant: MerchantId, after: Option<EventId>, kinds: Vec<String>, limit: u32) -> Result<Page<EventView>, Error> { unreachable!() }
#[allow(unused_variables, missing_docs)]
/// One event.
pub async fn get(engine: &Engine, merchant: MerchantId, id: EventId) -> Result<EventView, Error> { unreachable!() }
