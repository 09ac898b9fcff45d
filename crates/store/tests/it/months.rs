//! What is only ever inserted lies in tables by month on PostgreSQL: sales go over the ends of months, whether the next was made or not.

use crate::builders::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use std::collections::BTreeMap;

/// How many rows lie in each table of a month.
async fn places(w: &World, whole: &str) -> BTreeMap<String, i64> {
    let sql = format!("SELECT substr(tableoid::regclass::text, length('{whole}_') + 1), count(*) FROM {whole} GROUP BY 1");
    w.raw().await.query(&sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// An order that waits for its payment.
async fn pending(w: &World, shop: Shop) -> Payment {
    w.see(w.order(shop).await, Observed::Open).await
}

#[test]
fn sales_go_over_the_ends_of_months_whether_the_next_was_made_or_not() {
    run(async {
        let w = World::postgres(Statements::Kept).await;
        let shop = w.shop().await;
        let captured = Observed::Captured(eur(4999));
        // November is the month in which the database was opened, December is made ahead.
        let mut sold = vec![w.paid(shop).await];
        let over_the_year = pending(&w, shop).await;
        let late = pending(&w, shop).await;
        w.days_pass(20);
        sold.push(w.see(late, captured).await);
        let very_late = pending(&w, shop).await;
        // Ten years later nobody has made the month.
        w.days_pass(3_650);
        sold.push(w.see(very_late, captured).await);
        // Too late for this month, whose first rows lie elsewhere; in time for the next.
        w.store.keep_house(w.now()).await.unwrap();
        sold.push(w.paid(shop).await);
        w.days_pass(31);
        sold.push(w.see(over_the_year, captured).await);

        let counts = |of: [i64; 4]| {
            BTreeMap::from_iter(["2026_11", "2026_12", "default", "2037_01"].map(String::from).into_iter().zip(of))
        };
        // An order, its page and its payment are an event each; a payment is an entry of two lines.
        assert_eq!(places(&w, "events").await, counts([7, 3, 4, 1]));
        assert_eq!(places(&w, "journal_entries").await, counts([1, 1, 2, 1]));
        assert_eq!(places(&w, "postings").await, counts([2, 2, 4, 2]));

        for payment in &sold {
            assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap().as_ref(), Some(payment));
            let events = w.store.events_of(shop.merchant, Subject::PaymentOrder(payment.order.id)).await.unwrap();
            assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        }
        w.caught_up().await;
        let page = w.store.events(shop.merchant, EventCursor::Start, Vec::new(), 100).await.unwrap().unwrap();
        assert_eq!(page.data.len(), 15);
        assert!(page.data.is_sorted_by_key(|event| event.at), "in the order in which they happened");
        let balances = w.store.balances(shop.merchant).await.unwrap();
        assert!(balances.len() == 2 && balances.iter().all(|b| b.posted.abs() == 5 * 4999), "{balances:?}");
        w.assert_sound().await;
    });
}
