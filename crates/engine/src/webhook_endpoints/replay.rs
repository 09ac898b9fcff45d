//! Having the events of a range of time delivered again: new deliveries of the same events.

use super::check;
use super::view::own;
use crate::idempotency::{Whole, once};
use crate::{Answer, AnswerKind, Engine, Error, Problem, RequestKey};
use ducat_domain::webhooks::Replay;
use ducat_domain::{MerchantId, ReplayId, Timestamp, WebhookEndpointId};
use ducat_store::Change;
use serde::Serialize;
use utoipa::ToSchema;

/// How many replays of an endpoint may be under way.
const MAX_REPLAYS: usize = 5;

/// What is wanted again.
#[derive(Clone, Debug)]
pub struct NewReplay {
    /// Events of this moment or later.
    pub from: Timestamp,
    /// Events before this moment; now where nobody says.
    pub before: Option<Timestamp>,
    /// The kinds of events; empty for those that the endpoint wants.
    pub types: Vec<String>,
}

/// A replay, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "WebhookReplay")]
pub struct ReplayView {
    /// `rp_…`
    pub id: String,
    /// Always `webhook_replay`.
    pub object: &'static str,
    /// `we_…`
    pub webhook_endpoint: String,
    /// Events of this moment or later, RFC 3339.
    pub created_gte: String,
    /// Events before this moment, RFC 3339.
    pub created_lt: String,
    /// The types of events; empty for those that the endpoint gets anyway.
    pub types: Vec<String>,
    /// RFC 3339.
    pub created_at: String,
}

impl ReplayView {
    fn of(replay: &Replay) -> Self {
        Self {
            id: replay.id.to_string(),
            object: "webhook_replay",
            webhook_endpoint: replay.endpoint.to_string(),
            created_gte: replay.from.to_string(),
            created_lt: replay.before.to_string(),
            types: replay.types.clone(),
            created_at: replay.created_at.to_string(),
        }
    }
}

/// Writes the wish down; the dispatcher makes the deliveries, a part at a time.
pub async fn replay(
    engine: &Engine,
    merchant: MerchantId,
    id: WebhookEndpointId,
    new: NewReplay,
    key: Option<RequestKey>,
) -> Result<Answer, Error> {
    let answer = once(engine, merchant, key, decide(engine, merchant, id, new)).await?;
    engine.wake_dispatcher();
    Ok(answer)
}

async fn decide(engine: &Engine, merchant: MerchantId, id: WebhookEndpointId, new: NewReplay) -> Result<Whole, Error> {
    let now = engine.now();
    // What has not happened yet is delivered anyway.
    let before = new.before.unwrap_or(now).min(now);
    if new.from >= before {
        let detail = "the range is empty: created_gte must be before created_lt, and in the past";
        return Err(Error::Invalid(Problem::field("out_of_range", "/created_gte", detail)));
    }
    let types = check::types(new.types).map_err(Error::Invalid)?;
    own(engine, merchant, id).await?;
    if engine.store().open_replays(merchant, id).await?.len() >= MAX_REPLAYS {
        let detail = format!("{MAX_REPLAYS} replays of this endpoint are under way already");
        return Err(Error::Conflict(Problem::new("too_many", detail)));
    }
    let replay = Replay {
        id: ReplayId::new(now, engine.chance()),
        endpoint: id,
        merchant,
        from: new.from,
        before,
        types,
        cursor: None,
        made: 0,
        done_at: None,
        created_at: now,
    };
    let answer = Answer::new(AnswerKind::Done, &ReplayView::of(&replay))?;
    Ok(Whole::new(Change { replays: vec![replay], ..Change::default() }, answer))
}
