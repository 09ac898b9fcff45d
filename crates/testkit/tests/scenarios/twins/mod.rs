//! The same request twice at the same moment, from two nodes under one key, on both databases. The second is let in before each access of the
//! first to the database in turn, and runs whole; whatever it has done by then, the first is given its answer, or is told to come again.

mod after_the_sale;
mod books;
mod orders;
mod setup;

use ducat_domain::MerchantId;
use ducat_engine::{Answer, Engine, Error, RequestKey};
use ducat_testkit::{Database, Twin, World};
use serde_json::Value;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

/// More accesses than any command makes.
const MANY: usize = 100;

/// A request that is on its way.
type Asked = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

/// What is asked: by which node, for whom, of what, under which key.
type Ask<S> = fn(Engine, MerchantId, S, Option<RequestKey>) -> Asked;

/// Plays it on both databases, at every place where the second can come in. `prepare` makes what the request is about, anew for each. Gives
/// how many were told to come again.
async fn played<S: Clone>(seed: u64, prepare: impl AsyncFn(&World, usize) -> S, ask: Ask<S>) -> usize {
    let mut told_to_wait = 0;
    for database in [Database::Sqlite, Database::Postgres] {
        let world = World::on(database, seed).await;
        for place in 0..MANY {
            let subject = prepare(&world, place).await;
            let key = RequestKey { key: format!("twin-{place}"), fingerprint: [1; 32] };
            let asked = |node: &Engine| ask(node.clone(), world.merchant, subject.clone(), Some(key.clone()));
            let told = Arc::new(Mutex::new(None));
            let (second, tell) = (asked(&world.engine), Arc::clone(&told));
            let twin = Arc::new(Twin::after(place, async move {
                let answer = second.await;
                *tell.lock().unwrap() = Some(answer);
            }));
            let first = asked(&world.node(seed + 1_000 + place as u64, &twin)).await;
            if !twin.was_there() {
                assert!(place > 2, "{database:?}: it came in at {place} places only");
                break;
            }
            let second = told.lock().unwrap().take().unwrap();
            let later = asked(&world.engine).await.unwrap_or_else(|e| panic!("{database:?}, place {place}: afterwards: {e}"));
            for (which, twin) in [("the first", first), ("the second", second)] {
                match twin {
                    Ok(answer) => assert_eq!(said(&answer), said(&later), "{database:?}, place {place}: {which}"),
                    Err(Error::KeyBusy) => told_to_wait += 1,
                    Err(wrong) => panic!("{database:?}, place {place}: {which} is told: {wrong}"),
                }
            }
            assert!(place + 1 < MANY, "a command that never ends");
        }
        world.assert_sound().await;
    }
    told_to_wait
}

/// The answer without what is shown only once.
fn said(answer: &Answer) -> Value {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
    for shown_once in ["secret", "key"] {
        body.as_object_mut().unwrap().remove(shown_once);
    }
    body
}
