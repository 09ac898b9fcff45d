//! Orders that are over go to the archive some time after their last change, and come back by themselves when something is heard of them.

use crate::{Engine, Error};
use ducat_domain::{MerchantId, PaymentOrderId, Timestamp};
use std::time::Duration;

/// How many living orders are looked at in one step; those of them that are over go in one commit.
const STEP: u32 = 250;
/// How many steps are taken at one go.
const MOST_STEPS: usize = 4;
/// How long after all orders were looked at they are looked at anew.
const REST: Duration = Duration::from_secs(3600);

/// How far a node has come. Who begins without it begins at the beginning, where little is left.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    merchant: Option<MerchantId>,
    order: Option<PaymentOrderId>,
    rests_until: Option<Timestamp>,
}

impl Place {
    /// Whether there are orders left to look at on this way through all of them.
    pub const fn is_on_its_way(&self) -> bool {
        self.merchant.is_some()
    }
}

/// Goes on from a place, a few steps, and says how many orders went to the archive. Several nodes may do so at once: each order goes once.
pub async fn archive(engine: &Engine, place: &mut Place) -> Result<u64, Error> {
    let now = engine.now();
    let Some(after) = engine.settings().archive_after else { return Ok(0) };
    if place.rests_until.is_some_and(|until| now < until) {
        return Ok(0);
    }
    let (mut archived, mut steps) = (0, 0);
    let merchants = engine.store().merchants().await?;
    for merchant in merchants.iter().map(|merchant| merchant.id).filter(|id| place.merchant.is_none_or(|from| *id >= from)) {
        let mut order = place.order.take();
        loop {
            if steps == MOST_STEPS {
                *place = Place { merchant: Some(merchant), order, rests_until: None };
                return Ok(archived);
            }
            let step = engine.store().archive(merchant, now.minus(after), order, STEP).await?;
            (steps, archived, order) = (steps + 1, archived + step.moved, step.next);
            if order.is_none() {
                break;
            }
        }
    }
    *place = Place { rests_until: Some(now.plus(REST)), ..Place::default() };
    Ok(archived)
}
