//! SIGKILL and a full disk: what was acknowledged is there whole, and nothing is there by halves.

use crate::builders::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const FILE: &str = "DUCAT_TEST_CRASH_FILE";
const SEED: &str = "DUCAT_TEST_CRASH_SEED";
/// As many tasks write at once.
const WRITERS: usize = 8;

/// The newest version of each order that was acknowledged.
type Acknowledged = HashMap<(MerchantId, PaymentOrderId), u32>;

/// Says that a version of an order was acknowledged.
fn acknowledge(payment: &Payment) {
    let mut out = std::io::stdout().lock();
    // A parent that is gone needs no word any more.
    let PaymentOrder { merchant, id, version, .. } = &payment.order;
    let _ = writeln!(out, "ack {merchant} {id} {version}").and_then(|()| out.flush());
}

/// One order from its beginning to its end, until the store says no.
async fn one_order(w: &World, shop: Shop) -> Result<(), CommitError> {
    let commit = async |moved: Moved, write: Write| {
        let after = moved.payment.clone();
        w.store.commit(w.change(moved, write)).await?;
        acknowledge(&after);
        Ok(after)
    };
    let created = commit(w.opened(shop, w.terms()), PaymentWrite::Insert).await?;
    let open = w.told(&created, Observed::Open);
    let open = commit(open, PaymentWrite::Move).await?;
    let fees = vec![Fee { psp_line: open.order.id.to_string(), amount: eur(29) }];
    let word = Observation { fees, ..seen(&open, Observed::Captured(eur(4999))) };
    let paid = open.observe(&word, w.now(), at(9)).unwrap().unwrap();
    let paid = commit(paid, PaymentWrite::Move).await?;
    let charged = paid.observe(&word, w.now(), at(9)).unwrap().unwrap();
    let charged = commit(charged, PaymentWrite::Move).await?;
    let done = shop.job(attend(charged.order.id), JobNext::Cancel);
    w.store.commit(Change { jobs: vec![done], ..Change::default() }).await
}

/// Archives what is over, again and again, until the store says no.
async fn archive(w: &World, shop: Shop) {
    while w.store.archive(shop.merchant, at(HOUR), None, 20).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Not a test of its own: what the other tests run as a process, to kill it.
#[test]
fn the_child_writes_until_it_is_killed() {
    let Ok(file) = std::env::var(FILE) else { return };
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    run(async {
        let w = Arc::new(World::open(PathBuf::from(file), WriterMode::Thread, seed));
        let shop = w.shop().await;
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let w = Arc::clone(&w);
                tokio::spawn(async move {
                    loop {
                        if let Err(e) = one_order(&w, shop).await {
                            return e;
                        }
                    }
                })
            })
            .collect();
        let archiver = tokio::spawn({
            let w = Arc::clone(&w);
            async move { archive(&w, shop).await }
        });
        for writer in writers {
            assert!(matches!(writer.await.unwrap(), CommitError::Unavailable(_)));
        }
        archiver.abort();
        assert!(w.store.ready().await.is_err(), "a store that cannot write is not ready");
        println!("stopped");
    });
}

fn child(mut command: Command, file: &Path, seed: u64) -> Child {
    let arguments = ["crash::the_child_writes_until_it_is_killed", "--exact", "--nocapture", "--test-threads=1"];
    command.args(arguments).env(FILE, file).env(SEED, seed.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The version of each order that was acknowledged last, and whether the child stopped by itself. `enough` is asked after each line.
fn read(child: &mut Child, acknowledged: &mut Acknowledged, kill_after: Option<u64>) -> bool {
    let (mut lines, mut stopped) = (0, false);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        stopped |= line.contains("stopped");
        // A line that the kill cut short has no newline, but `lines` gives it all the same: an id too short is no acknowledgement.
        let Some((_, words)) = line.split_once("ack ") else { continue };
        let words: Vec<&str> = words.split(' ').collect();
        if let [merchant, id, version] = words[..]
            && let (Ok(merchant), Ok(id), Ok(version)) = (merchant.parse(), id.parse(), version.parse())
        {
            acknowledged.insert((merchant, id), version);
        }
        lines += 1;
        if kill_after == Some(lines) {
            child.kill().unwrap();
        }
    }
    stopped
}

async fn assert_kept(store: &Store, acknowledged: &Acknowledged) {
    assert_eq!(store.verify().await.unwrap().findings, Vec::new());
    for ((merchant, id), version) in acknowledged {
        let kept = store.payment(*merchant, *id).await.unwrap().unwrap_or_else(|| panic!("{id} was acknowledged and is gone"));
        assert!(kept.order.version >= *version, "{id} was acknowledged at version {version}: {kept:?}");
        assert_eq!(store.events_of(*merchant, Subject::PaymentOrder(*id)).await.unwrap().len(), kept.order.version as usize);
        assert_eq!(store.entries_of(*merchant, *id).await.unwrap().len(), kept.order.version.saturating_sub(2) as usize);
    }
}

#[test]
fn what_was_acknowledged_survives_thirty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dice) = (folder.path().join("ducat.db"), Dice::new(2026));
    let mut acknowledged = HashMap::new();
    for round in 0..30 {
        let mut child = child(Command::new(std::env::current_exe().unwrap()), &file, round + 2);
        let stopped = read(&mut child, &mut acknowledged, Some(1 + dice.below(120)));
        child.wait().unwrap();
        assert!(!stopped, "the child stopped before it was killed");
        // The file is opened by the next child as the kill left it; here it is only looked at.
        let store = Store::open_sqlite(&file, WriterMode::Caller, at(0)).unwrap();
        run(assert_kept(&store, &acknowledged));
    }
    assert!(acknowledged.len() > 100, "only {} orders", acknowledged.len());
    run(async {
        let checked = Store::open_sqlite(&file, WriterMode::Caller, at(0)).unwrap().verify().await.unwrap().checked;
        assert!(checked.iter().any(|(table, rows)| *table == "archived_orders" && *rows > 50), "{checked:?}");
    });
}

/// A limit on the size of files stands in for a full disk: writing beyond it fails in the middle of a commit.
#[test]
fn a_disk_that_is_full_stops_the_writer_and_leaves_nothing_by_halves() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ducat.db");
    let mut acknowledged = HashMap::new();
    for (round, blocks) in [2200, 2900, 3600].into_iter().enumerate() {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
        shell.arg(std::env::current_exe().unwrap());
        let mut child = child(shell, &file, 100 + round as u64);
        let stopped = read(&mut child, &mut acknowledged, None);
        assert!(child.wait().unwrap().success() && stopped);
        let store = Store::open_sqlite(&file, WriterMode::Caller, at(0)).unwrap();
        run(assert_kept(&store, &acknowledged));
    }
    assert!(!acknowledged.is_empty());
}
