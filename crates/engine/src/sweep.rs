//! Sweeping up, beside all other work: what is old enough is forgotten, what is over is archived, what the database needs is made ahead. In
//! small steps, one after the other while there is more, so that it keeps up with any load and holds nobody up.

use crate::archive::{Place, archive};
use crate::closings::{Turn, close};
use crate::{Engine, Error, declines, deliveries, idempotency};
use ducat_domain::Timestamp;
use std::future::Future;
use std::time::Duration;

/// How long there is a rest when everything is swept.
const REST: Duration = Duration::from_secs(60);
/// The pause between two steps: five steps a second, of a thousand rows or more of each kind.
const PAUSE: Duration = Duration::from_millis(200);

/// How often it is asked whether changes left enough behind in the database to be swept up.
const LOOK: Duration = Duration::from_secs(2);

/// What is swept up in one process, and how far it has come.
#[derive(Default)]
pub struct Sweep {
    made_at: Option<Timestamp>,
    archived: Place,
    closing: Turn,
}

impl Sweep {
    /// Sweeps until `shutdown` ends.
    pub async fn work(mut self, engine: Engine, shutdown: impl Future<Output = ()> + Send) {
        let steps = async {
            loop {
                let rest = if self.step(&engine).await { PAUSE } else { REST };
                engine.transport().wait(rest).await;
            }
        };
        // Beside the steps: a large table takes its time.
        let tables = async {
            let mut rest = LOOK;
            loop {
                engine.transport().wait(rest).await;
                let swept = engine.store().sweep_up().await.map_err(Into::into);
                // A database that is away is not told of every other second.
                rest = if told("what changes left behind could not be swept up", swept).is_some() { LOOK } else { REST };
            }
        };
        tokio::select! {
            () = shutdown => {}
            () = steps => {}
            () = tables => {}
        }
    }

    /// One step of everything; whether there is more to do. Nobody waits for it: what fails now is done a minute later.
    pub async fn step(&mut self, engine: &Engine) -> bool {
        let now = engine.now();
        if self.made_at.is_none_or(|at| now.since(at) >= REST) {
            self.made_at = Some(now);
            told("what the database needs could not be made ahead", engine.store().keep_house(now).await.map_err(Into::into));
        }
        let more = [
            told("old answers could not be forgotten", idempotency::forget(engine).await),
            told("old deliveries could not be forgotten", deliveries::forget(engine).await),
            told("old refusals could not be forgotten", declines::forget(engine).await),
            told("orders that are over could not be archived", self.put_away(engine).await),
            told("books could not be closed", close(engine, &mut self.closing).await),
        ];
        more.into_iter().flatten().any(|more| more)
    }

    async fn put_away(&mut self, engine: &Engine) -> Result<bool, Error> {
        let moved = archive(engine, &mut self.archived).await?;
        if moved > 0 {
            tracing::info!(archived = moved, "orders that are over went to the archive");
        }
        Ok(self.archived.is_on_its_way())
    }
}

fn told<T>(what: &str, done: Result<T, Error>) -> Option<T> {
    done.inspect_err(|error| tracing::warn!(%error, "{what}")).ok()
}
