//! Through PgBouncer in transaction mode, which gives each transaction whichever connection is free.

use crate::builders::*;
use ducat_domain::payments::*;
use ducat_store::*;
use ducat_test_servers::Pooler;
use std::sync::Arc;

/// How many customers pay at once, and how often each of them.
const CUSTOMERS: usize = 12;
const ROUNDS: usize = 5;

#[test]
fn many_pay_at_once_through_a_pooler_that_changes_connections() {
    run(async {
        let url = ducat_test_servers::database();
        let pooler = Pooler::before(&url);
        // Migrated through the pooler as well.
        let w = Arc::new(World::at_server(pooler.url(&url), Statements::ReadAnew, 7).await);
        let shop = w.shop().await;
        let customers: Vec<_> = (0..CUSTOMERS)
            .map(|_| {
                let w = Arc::clone(&w);
                tokio::spawn(async move {
                    for _ in 0..ROUNDS {
                        let paid = w.paid(shop).await;
                        let found = w.store.payment(shop.merchant, paid.order.id).await.unwrap();
                        assert_eq!(found, Some(paid));
                    }
                })
            })
            .collect();
        for customer in customers {
            customer.await.unwrap();
        }
        let listed = w.store.payments(shop.merchant, OrderFilter::default(), PageAnchor::Newest, 100).await.unwrap();
        let succeeded = |payment: &&Payment| payment.order.status == OrderStatus::Succeeded;
        assert_eq!(listed.data.iter().filter(succeeded).count(), CUSTOMERS * ROUNDS);
        w.assert_sound().await;
    });
}
