//! How often the store waits for the server while it commits: once, however many changes are committed together.
//!
//! All goes through a way that counts. It lets nothing of a transaction through before its `COMMIT` has come, so whoever waited for an
//! answer in the middle of one would wait in vain; and it takes every other question for one that is waited for. So what it counts depends on
//! no packet's luck, and is never too little.

use crate::builders::*;
use crate::conformance::claim;
use crate::group_commit::{Pending, hand_in};
use ducat_domain::payments::*;
use ducat_store::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How many are committed together.
const GROUP: usize = 64;

/// What a client says: a question, and the end of one that has parts.
const QUERY: u8 = b'Q';
const SYNC: u8 = b'S';
const BEGIN: &[u8] = b"BEGIN";
const COMMIT: &[u8] = b"COMMIT\0";
/// The server's word that it waits for the next question, but for what it says of the transaction.
const READY: &[u8] = b"Z\0\0\0\x05";

/// A way to the server that counts.
struct Way {
    port: u16,
    connections: AtomicU32,
    /// How often somebody has sent all that they had to send, and now waits.
    turns: AtomicU32,
    /// How often the server has said something.
    answers: AtomicU32,
    /// Whether transactions are let through.
    gate: watch::Sender<bool>,
}

/// What was counted.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    connections: u32,
    turns: u32,
    answers: u32,
}

impl Way {
    async fn to(server: u16) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let zero = AtomicU32::default;
        let way = Arc::new(Self { port, connections: zero(), turns: zero(), answers: zero(), gate: watch::Sender::new(true) });
        let door = Arc::clone(&way);
        tokio::spawn(async move {
            loop {
                let (client, server) =
                    (listener.accept().await.unwrap().0, TcpStream::connect(("127.0.0.1", server)).await.unwrap());
                door.connections.fetch_add(1, Ordering::SeqCst);
                let ((asks, hears), (says, told)) = (client.into_split(), server.into_split());
                let (greeted, is_greeted) = watch::channel(false);
                tokio::spawn(Arc::clone(&door).back(says, hears, greeted));
                tokio::spawn(Arc::clone(&door).forth(asks, told, is_greeted));
            }
        });
        way
    }

    /// What the client says.
    async fn forth(self: Arc<Self>, mut client: OwnedReadHalf, mut server: OwnedWriteHalf, is_greeted: watch::Receiver<bool>) {
        let (mut read, mut waiting) = (vec![0; 65536], Vec::new());
        while let Ok(n @ 1..) = client.read(&mut read).await {
            waiting.extend_from_slice(&read[..n]);
            let whole = if *is_greeted.borrow() { self.whole(&waiting) } else { waiting.len() };
            if waiting[..whole].windows(BEGIN.len()).any(|window| window == BEGIN) {
                self.gate.subscribe().wait_for(|is_open| *is_open).await.unwrap();
            }
            if server.write_all(&waiting[..whole]).await.is_err() {
                return;
            }
            waiting.drain(..whole);
        }
    }

    /// How much of this may go on: whole questions, and of a transaction all or nothing. Counts them.
    fn whole(&self, said: &[u8]) -> usize {
        let (mut place, mut whole, mut is_begun) = (0, 0, false);
        while let Some(message) = first(&said[place..]) {
            let (kind, text) = (message[0], &message[5..]);
            place += message.len();
            is_begun = (is_begun || kind == QUERY && text.starts_with(BEGIN)) && !(kind == QUERY && text == COMMIT);
            if matches!(kind, QUERY | SYNC) && !is_begun {
                whole = place;
                self.turns.fetch_add(1, Ordering::SeqCst);
            }
        }
        whole
    }

    /// What the server says.
    async fn back(self: Arc<Self>, mut server: OwnedReadHalf, mut client: OwnedWriteHalf, greeted: watch::Sender<bool>) {
        let (mut read, mut tail) = (vec![0; 65536], Vec::new());
        while let Ok(n @ 1..) = server.read(&mut read).await {
            tail.extend_from_slice(&read[..n]);
            let ready = tail.windows(READY.len()).filter(|window| *window == READY).count();
            // What may be the beginning of the word is looked at again with what follows.
            tail.drain(..tail.len().saturating_sub(READY.len() - 1));
            self.answers.fetch_add(u32::try_from(ready).unwrap(), Ordering::SeqCst);
            if ready > 0 {
                greeted.send_replace(true);
            }
            if client.write_all(&read[..n]).await.is_err() {
                return;
            }
        }
    }

    fn count(&self) -> Count {
        let read = |number: &AtomicU32| number.load(Ordering::SeqCst);
        Count { connections: read(&self.connections), turns: read(&self.turns), answers: read(&self.answers) }
    }

    /// What is counted while this happens.
    async fn during(&self, happens: impl Future<Output = ()>) -> Count {
        let before = self.count();
        happens.await;
        let after = self.count();
        Count {
            connections: after.connections - before.connections,
            turns: after.turns - before.turns,
            answers: after.answers - before.answers,
        }
    }
}

/// The first message, if it is there whole: a letter, its length without the letter, and what it says.
fn first(said: &[u8]) -> Option<&[u8]> {
    let length: [u8; 4] = said.get(1..5)?.try_into().ok()?;
    said.get(..1 + u32::from_be_bytes(length) as usize)
}

/// A world with one writer, whose way to the server counts; and another one that goes straight to the same database.
async fn world(statements: Statements) -> (World, Arc<Way>, World) {
    let direct = World::postgres(Statements::Kept).await;
    let server = ducat_test_servers::server().port;
    let way = Way::to(server).await;
    let url = direct.url.replace(&format!(":{server}/"), &format!(":{}/", way.port));
    (World::with_writers(url, statements, 2, 1).await, way, direct)
}

/// Commits these together: a change that the writer is busy with is held on its way until they wait behind it.
async fn together(w: &World, way: &Way, busy: Change, changes: Vec<Change>) -> Vec<Result<(), CommitError>> {
    way.gate.send_replace(false);
    let commits = w.store.stats().commits;
    let turns = way.count().turns;
    let (busy, _) = hand_in(w, busy);
    let still = patience("the writer is busy");
    while way.count().turns == turns {
        still();
        tokio::task::yield_now().await;
    }
    let waiting: Vec<Pending> = changes.into_iter().map(|change| hand_in(w, change).0).collect();
    way.gate.send_replace(true);
    busy.await.unwrap();
    let mut results = Vec::new();
    for pending in waiting {
        results.push(pending.await);
    }
    assert_eq!(w.store.stats().commits - commits, 2, "one for the busy one, one for all others");
    results
}

/// The three commits of so many payments: created, registered, paid.
fn steps(w: &World, shop: Shop, payments: usize) -> ([Vec<Change>; 3], Vec<Payment>) {
    let created: Vec<Moved> = (0..payments).map(|_| w.opened(shop, w.terms())).collect();
    let told = |before: &[Moved], state| before.iter().map(|moved| w.told(&moved.payment, state)).collect::<Vec<_>>();
    let registered = told(&created, Observed::Open);
    let paid = told(&registered, Observed::Captured(eur(4999)));
    let after = paid.iter().map(|moved| moved.payment.clone()).collect();
    let create = |moved: Moved| {
        let order = &moved.payment.order;
        let key = claim(shop, &order.terms.reference.clone(), Some(order.id), None);
        Change { idempotency: Some(key), ..w.change(moved, PaymentWrite::Insert) }
    };
    let moves = |moved: Vec<Moved>| moved.into_iter().map(|moved| w.change(moved, PaymentWrite::Move)).collect();
    ([created.into_iter().map(create).collect(), moves(registered), moves(paid)], after)
}

async fn are_there(w: &World, shop: Shop, payments: Vec<Payment>) {
    for payment in payments {
        assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment));
    }
}

/// What the connection keeps is prepared when it is first sent, and what names an account is another text once it is known.
async fn warm(w: &World, shop: Shop) {
    for _ in 0..2 {
        for change in steps(w, shop, 1).0.into_iter().flatten() {
            w.commit(change).await;
        }
    }
}

/// `BEGIN` with what goes with it, three legs of which the first bears the mark, and `COMMIT`: each is answered.
const ANSWERS: u32 = 5;

async fn a_commit_is_one_turn(statements: Statements) {
    let (w, way, direct) = world(statements).await;
    let shop = w.shop().await;
    warm(&w, shop).await;
    let once = Count { connections: 0, turns: 1, answers: ANSWERS };
    let (alone, after) = steps(&w, shop, 1);
    for change in alone.into_iter().flatten() {
        assert_eq!(way.during(w.commit(change)).await, once, "one change alone");
    }
    are_there(&w, shop, after).await;
    // The one before them, and all of them: what they bring is more, how often it goes to and fro is not.
    let twice = Count { connections: 0, turns: 2, answers: 2 * ANSWERS };
    let (groups, after) = steps(&w, shop, GROUP);
    for changes in groups {
        let busy = steps(&w, shop, 1).0[0].remove(0);
        let count = way.during(async { assert_eq!(together(&w, &way, busy, changes).await, vec![Ok(()); GROUP]) });
        assert_eq!(count.await, twice, "{GROUP} together, behind one");
    }
    are_there(&w, shop, after).await;
    direct.assert_sound().await;
}

#[test]
fn a_commit_is_one_turn_of_one_change_or_of_many() {
    run(a_commit_is_one_turn(Statements::Kept));
}

#[test]
fn a_commit_is_one_turn_where_statements_are_read_anew() {
    run(a_commit_is_one_turn(Statements::ReadAnew));
}

/// How many questions it takes at the most to know who of new orders and moves has lost: one for each kind of what they touch.
const LOOKS: u32 = 5;

/// The one before them; then the server ends the transaction, who has lost is asked for, and the others are sent again.
#[test]
fn who_has_lost_costs_a_group_a_few_turns() {
    run(async {
        let (w, way, direct) = world(Statements::Kept).await;
        let shop = w.shop().await;
        warm(&w, shop).await;
        for round in 0..2 {
            let late = w.order(shop).await;
            let lost = w.change(w.told(&late, Observed::Processing), PaymentWrite::Move);
            w.see(late, Observed::Open).await;
            let (groups, _) = steps(&w, shop, GROUP);
            let (mut changes, mut wanted) = (groups.into_iter().next().unwrap(), vec![Ok(()); GROUP]);
            changes.insert(GROUP / 2, lost);
            wanted.insert(GROUP / 2, Err(CommitError::Stale));
            let busy = steps(&w, shop, 1).0[0].remove(0);
            let count = way.during(async { assert_eq!(together(&w, &way, busy, changes).await, wanted) }).await;
            // The first time, the questions are prepared.
            assert!(round == 0 || count.turns <= 3 + LOOKS, "{count:?}");
        }
        direct.assert_sound().await;
    });
}
