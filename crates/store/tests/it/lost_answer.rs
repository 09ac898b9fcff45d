//! The connection to the server is cut while it commits: what the store answers is the truth, and nothing is written twice.

use crate::builders::*;
use crate::conformance::{claim, tip};
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};

/// Where a transaction begins.
const BEGIN: &[u8] = b"BEGIN ISOLATION LEVEL";
/// A COMMIT on its way to the server, and the server's word that it is done, or that there is nothing to commit any more.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";
const UNDONE: &[u8] = b"C\0\0\0\x0dROLLBACK\0";

/// Somebody asks whether anything could be written.
const KNOCK: &[u8] = b"SELECT 1\0";

/// Whoever looks for a commit, and the server's word that it waits for the next question.
const LOOK: &[u8] = b"WITH written AS";
const READY: &[u8] = b"Z\0\0\0\x05I";

const PASS: u8 = 0;
const CUT_BEFORE: u8 = 1;
const CUT_AFTER: u8 = 2;
const HOLD: u8 = 3;

/// A way to the server that can be cut.
struct Way {
    port: u16,
    /// What happens to the next commit.
    next: AtomicU8,
    /// How many callers are turned away after a cut, and how many of them are still to come.
    turns_away: u32,
    closed: AtomicU32,
    cuts: AtomicU32,
    /// How many looks go without their answer.
    looks: AtomicU32,
    /// How many knocks were never answered, and who waits for one.
    knocks: Semaphore,
    /// A transaction that is held on its way. It arrives just before the next one.
    held: Mutex<Option<(TcpStream, Vec<u8>)>>,
}

impl Way {
    async fn to(server: u16, turns_away: u32) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let zero = AtomicU32::default;
        let way = Arc::new(Self {
            port,
            next: AtomicU8::new(PASS),
            turns_away,
            closed: zero(),
            cuts: zero(),
            looks: zero(),
            knocks: Semaphore::new(0),
            held: Mutex::default(),
        });
        let door = Arc::clone(&way);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if door.closed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                    continue;
                }
                let way = Arc::clone(&door);
                tokio::spawn(async move { way.forward(client, TcpStream::connect(("127.0.0.1", server)).await.unwrap()).await });
            }
        });
        way
    }

    /// Passes everything on until one side ends, or the commit comes that is to be cut.
    async fn forward(&self, mut client: TcpStream, mut server: TcpStream) {
        let (mut asked, mut told) = (vec![0; 65536], vec![0; 65536]);
        let (mut sent, mut got): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        let mut is_lost = false;
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(n @ 1..) = read else { return };
                    sent.extend_from_slice(&asked[..n]);
                    if self.next.load(Ordering::SeqCst) == HOLD && find(&sent, BEGIN).is_some() {
                        if find(&sent, COMMIT).is_none() { continue }
                        self.next.store(PASS, Ordering::SeqCst);
                        *self.held.lock().await = Some((server, sent));
                        return self.cut();
                    }
                    if find(&sent, KNOCK).is_some() {
                        self.knocks.add_permits(1);
                        return std::future::pending().await;
                    }
                    let is_look = find(&sent, LOOK).is_some();
                    if is_look && self.looks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                        return carry_out(&mut server, &sent, &[READY]).await;
                    }
                    // What may be the beginning of a commit waits for the rest of it.
                    if let Some(place) = find(&sent, COMMIT) {
                        match self.next.swap(PASS, Ordering::SeqCst) {
                            CUT_BEFORE => {
                                let _ = server.write_all(&sent[..place]).await;
                                return self.cut();
                            }
                            CUT_AFTER => is_lost = true,
                            _ => self.let_go().await,
                        }
                    }
                    if server.write_all(&sent).await.is_err() { return }
                    sent.clear();
                }
                read = server.read(&mut told) => {
                    let Ok(n @ 1..) = read else { return };
                    if is_lost {
                        got.extend_from_slice(&told[..n]);
                        if find(&got, COMMITTED).or(find(&got, UNDONE)).is_some() {
                            return self.cut();
                        }
                    } else if client.write_all(&told[..n]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl Way {
    /// What was held arrives, and is over before anything else arrives.
    async fn let_go(&self) {
        if let Some((mut server, sent)) = self.held.lock().await.take() {
            carry_out(&mut server, &sent, &[COMMITTED, UNDONE]).await;
        }
    }

    fn cut(&self) {
        self.closed.store(self.turns_away, Ordering::SeqCst);
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends, and waits until the server says one of these.
async fn carry_out(server: &mut TcpStream, sent: &[u8], ends: &[&[u8]]) {
    server.write_all(sent).await.unwrap();
    let (mut told, mut got) = (vec![0; 65536], Vec::new());
    while !ends.iter().any(|end| find(&got, end).is_some()) {
        let n = server.read(&mut told).await.unwrap();
        assert!(n > 0, "the server hung up");
        got.extend_from_slice(&told[..n]);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A world whose way to the server can be cut.
async fn world(statements: Statements, turns_away: u32) -> (World, Arc<Way>) {
    let direct = World::postgres(Statements::Kept).await;
    let server = ducat_test_servers::server().port;
    let way = Way::to(server, turns_away).await;
    let url = direct.url.replace(&format!(":{server}/"), &format!(":{}/", way.port));
    (World::at_server(url, statements, 2).await, way)
}

/// Everything that must not be there twice: an order with its event and job, an entry, a request.
fn change(w: &World, shop: Shop) -> (Payment, Change) {
    let moved = w.opened(shop, w.terms());
    let payment = moved.payment.clone();
    let key = payment.order.terms.reference.clone();
    let mut change = w.change(moved, PaymentWrite::Insert);
    change.entries.push(tip(w, shop, 5));
    change.idempotency = Some(claim(shop, &key, Some(payment.order.id), None));
    (payment, change)
}

async fn nothing_is_lost_or_doubled(statements: Statements, next: u8, turns_away: u32) {
    let (w, way) = world(statements, turns_away).await;
    let shop = w.shop().await;
    for round in 1..=3 {
        let (payment, change) = change(&w, shop);
        way.next.store(next, Ordering::SeqCst);
        let before = w.store.stats();
        assert_eq!(w.store.commit(change).await, Ok(()));
        assert_eq!(way.cuts.load(Ordering::SeqCst), round, "the cut was made");
        assert_eq!(w.store.stats().changes - before.changes, 1);
        assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment.clone()));
        let events = w.store.events_of(shop.merchant, Subject::PaymentOrder(payment.order.id)).await.unwrap();
        assert_eq!(events.len(), 1);
        let balances = w.store.balances(shop.merchant).await.unwrap();
        assert!(balances.iter().all(|b| b.posted.abs() == 5 * i64::from(round)), "{balances:?}");
    }
    w.assert_sound().await;
}

#[test]
fn a_commit_whose_answer_is_lost_is_told_as_committed_and_made_once() {
    run(nothing_is_lost_or_doubled(Statements::Kept, CUT_AFTER, 0));
}

#[test]
fn a_commit_that_never_arrived_is_made_once() {
    run(nothing_is_lost_or_doubled(Statements::Kept, CUT_BEFORE, 0));
}

/// Whoever was told that it will never be committed can rely on it: it comes too late.
#[test]
fn a_commit_that_arrives_after_it_was_looked_for_is_refused_by_its_mark() {
    run(nothing_is_lost_or_doubled(Statements::Kept, HOLD, 0));
}

#[test]
fn the_answer_to_a_look_can_be_lost_too_and_nobody_takes_a_look_for_the_commit() {
    run(async {
        let (w, way) = world(Statements::Kept, 0).await;
        let shop = w.shop().await;
        for next in [CUT_BEFORE, CUT_AFTER] {
            let (payment, change) = change(&w, shop);
            way.looks.store(2, Ordering::SeqCst);
            way.next.store(next, Ordering::SeqCst);
            assert_eq!(w.store.commit(change).await, Ok(()));
            assert_eq!(way.looks.load(Ordering::SeqCst), 0, "two looks were cut");
            assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment));
        }
        w.assert_sound().await;
    });
}

#[test]
fn the_same_is_true_where_statements_are_read_anew() {
    run(async {
        nothing_is_lost_or_doubled(Statements::ReadAnew, CUT_AFTER, 0).await;
        nothing_is_lost_or_doubled(Statements::ReadAnew, CUT_BEFORE, 0).await;
    });
}

#[test]
fn a_server_that_is_away_for_a_moment_is_asked_until_it_answers() {
    run(nothing_is_lost_or_doubled(Statements::Kept, CUT_AFTER, 2));
}

/// The lost answer was a refusal: whoever asks again is refused in the same way.
#[test]
fn a_change_that_lost_its_race_is_told_so_though_the_connection_was_cut() {
    run(async {
        let (w, way) = world(Statements::Kept, 0).await;
        let shop = w.shop().await;
        let read = w.order(shop).await;
        w.see(read.clone(), Observed::Open).await;
        for next in [CUT_BEFORE, CUT_AFTER] {
            let late = w.change(w.told(&read, Observed::Captured(eur(4999))), PaymentWrite::Move);
            way.next.store(next, Ordering::SeqCst);
            assert_eq!(w.store.commit(late).await, Err(CommitError::Stale));
            way.next.store(PASS, Ordering::SeqCst);
        }
        assert_eq!(w.store.balances(shop.merchant).await.unwrap(), Vec::new());
        w.assert_sound().await;
    });
}

#[test]
fn a_question_that_the_server_does_not_answer_keeps_no_commit_waiting() {
    run(async {
        let (w, way) = world(Statements::Kept, 0).await;
        let shop = w.shop().await;
        let store = w.store.clone();
        let knock = tokio::spawn(async move { store.commit(Change::default()).await });
        way.knocks.acquire().await.unwrap().forget();
        let (payment, change) = change(&w, shop);
        assert_eq!(w.store.commit(change).await, Ok(()));
        assert!(!knock.is_finished(), "nobody had to wait for the end of the question");
        assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment));
        assert!(matches!(knock.await.unwrap(), Err(CommitError::Unavailable(_))));
        w.assert_sound().await;
    });
}
