//! What payments take in the database when they are over: their orders are in the archive, and the answers that are kept for some days are
//! forgotten. Nothing is waited for: the store is told a moment long after all of it.

use crate::outbox::{SystemClock, open};
use crate::postgres::Server;
use crate::{Failure, sqlite};
use ducat_domain::Clock;
use ducat_store::{Change, Store};
use std::path::Path;
use std::time::Duration;

/// How much later it is: everything that is ever put away or forgotten is old by then.
const LATER: Duration = Duration::from_secs(400 * 86_400);
/// How many orders are looked at in one step.
const STEP: u32 = 250;
/// Each order awaits its fee, which the stub's statement never tells.
const FEES_ARE_TOLD: &str = "DELETE FROM jobs";
const STILL_LIVE: &str = "SELECT count(*) FROM payment_orders";

/// What the file in a gateway's folder takes, in bytes, without the pages that are free for what comes next.
pub async fn in_file(folder: &Path) -> Result<u64, Failure> {
    sqlite::change(folder, FEES_ARE_TOLD)?;
    put_away(&open(folder, None).await?).await?;
    all_are_over(sqlite::number(folder, STILL_LIVE)?)?;
    sqlite::number(
        folder,
        "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    )
}

/// What a server's database takes, in bytes. The tables of what lives are empty then: the room in them is for what comes next.
pub async fn on_server(server: &Server, database: &str, url: &str) -> Result<u64, Failure> {
    server.ask(database, FEES_ARE_TOLD).await?;
    put_away(&open(Path::new(""), Some(url)).await?).await?;
    all_are_over(server.ask(database, STILL_LIVE).await?.parse()?)?;
    for table in ["payment_orders", "attempts", "idempotency_keys", "jobs"] {
        server.ask(database, &format!("VACUUM FULL {table}")).await?;
    }
    server.size(database).await
}

async fn put_away(store: &Store) -> Result<(), Failure> {
    let later = SystemClock.now().plus(LATER);
    let merchant = store.merchants().await?.first().ok_or("nobody sells here")?.id;
    let mut after = None;
    loop {
        after = store.archive(merchant, later, after, STEP).await?.next;
        if after.is_none() {
            break;
        }
    }
    while store.has_keys_before(later).await? {
        store.commit(Change { forget_keys_before: Some(later), ..Change::default() }).await?;
    }
    Ok(())
}

fn all_are_over(live: u64) -> Result<(), Failure> {
    if live == 0 { Ok(()) } else { Err(format!("{live} orders are not over").into()) }
}
