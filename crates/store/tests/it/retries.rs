//! What the server cannot put in order with others' work is tried again, so often and no more: nobody is refused for somebody else's lock.

use crate::builders::*;
use ducat_domain::payments::*;
use ducat_store::*;
use std::time::Duration;

/// How often a transaction is tried.
const TRIES: i64 = 6;

/// An order that waits for its payment, and the change that tells of it.
async fn about_to_be_paid(w: &World, shop: Shop) -> (Payment, Change) {
    let pending = w.see(w.order(shop).await, Observed::Open).await;
    let change = w.change(w.told(&pending, Observed::Captured(eur(4999))), PaymentWrite::Move);
    (pending, change)
}

/// From now on the first `times` updates of orders are answered with this error. A sequence counts them all: it is not rolled back.
async fn refuse(w: &World, times: i64, code: &str) {
    let sql = format!(
        "CREATE SEQUENCE updates;
         CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF nextval('updates') <= {times} THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END IF;
           RETURN NULL;
         END $$;
         CREATE TRIGGER stumble BEFORE UPDATE ON payment_orders FOR EACH STATEMENT EXECUTE FUNCTION stumble();
         GRANT USAGE ON SEQUENCE updates TO PUBLIC"
    );
    w.raw().await.batch_execute(&sql).await.unwrap();
}

async fn end_refusals(w: &World) {
    w.raw()
        .await
        .batch_execute("DROP TRIGGER stumble ON payment_orders; DROP FUNCTION stumble; DROP SEQUENCE updates")
        .await
        .unwrap();
}

async fn updates(w: &World) -> i64 {
    w.raw().await.query_one("SELECT last_value FROM updates", &[]).await.unwrap().get(0)
}

/// Waits until there is one of these.
async fn until(w: &World, count: &str, what: &'static str) {
    let still = patience(what);
    while w.raw().await.query_one(count, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        still();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a transaction waits for a lock that did not begin at `before`. Says when it began.
async fn waiting(w: &World, before: &str) -> String {
    let sql = "SELECT xact_start::text FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event_type = 'Lock' AND xact_start::text <> $1";
    let still = patience("somebody waits for a lock");
    loop {
        if let Some(row) = w.raw().await.query_opt(sql, &[&before]).await.unwrap() {
            return row.get(0);
        }
        still();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn what_could_not_be_put_in_order_with_others_is_tried_again() {
    run(async {
        for code in ["40001", "40P01", "55P03"] {
            let w = World::postgres(Statements::Kept).await;
            let (_, change) = about_to_be_paid(&w, w.shop().await).await;
            refuse(&w, 2, code).await;
            w.store.commit(change).await.unwrap();
            assert_eq!(updates(&w).await, 3, "{code}");
            end_refusals(&w).await;
            w.assert_sound().await;
        }
    });
}

#[test]
fn nothing_is_tried_for_ever() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let (pending, change) = about_to_be_paid(&w, w.shop().await).await;
        refuse(&w, i64::MAX, "40001").await;
        assert_eq!(w.store.commit(change).await, Err(CommitError::Busy));
        assert_eq!(updates(&w).await, TRIES);
        end_refusals(&w).await;
        w.see(pending, Observed::Captured(eur(4999))).await;
        w.assert_sound().await;
    });
}

#[test]
fn who_waits_too_long_for_a_lock_asks_again() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let (_, change) = about_to_be_paid(&w, w.shop().await).await;
        let other = connect(&w.url).await;
        other.batch_execute("BEGIN; SELECT FROM payment_orders FOR UPDATE").await.unwrap();
        let store = w.store.clone();
        let commit = tokio::spawn(async move { store.commit(change).await });
        let first = waiting(&w, "").await;
        waiting(&w, &first).await;
        other.batch_execute("ROLLBACK").await.unwrap();
        commit.await.unwrap().unwrap();
        w.assert_sound().await;
    });
}

#[test]
fn of_two_that_wait_for_each_other_the_store_begins_anew() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let shop = w.shop().await;
        w.paid(shop).await;
        let (_, change) = about_to_be_paid(&w, shop).await;
        // At its first try the store goes on from the order to the balances when somebody wants the order from it.
        let linger = "CREATE SEQUENCE updates;
             CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF nextval('updates') > 1 THEN RETURN NULL; END IF;
               WHILE NOT EXISTS (SELECT FROM pg_locks l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))) LOOP
                 PERFORM pg_sleep(0.01);
               END LOOP;
               RETURN NULL;
             END $$;
             CREATE TRIGGER stumble BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION stumble()";
        w.raw().await.batch_execute(linger).await.unwrap();
        let other = connect(&w.url).await;
        // Who finds the ring ends its own transaction: that is not to be this one.
        other.batch_execute("SET deadlock_timeout = '1h'; BEGIN; SELECT FROM balances FOR UPDATE").await.unwrap();
        let store = w.store.clone();
        let commit = tokio::spawn(async move { store.commit(change).await });
        let lingers = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        until(&w, lingers, "the store has the order").await;
        other.batch_execute("SELECT FROM payment_orders FOR UPDATE; ROLLBACK").await.unwrap();
        commit.await.unwrap().unwrap();
        until(&w, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", "the server has counted the ring")
            .await;
        w.raw()
            .await
            .batch_execute("DROP TRIGGER stumble ON events; DROP FUNCTION stumble; DROP SEQUENCE updates")
            .await
            .unwrap();
        w.assert_sound().await;
    });
}
