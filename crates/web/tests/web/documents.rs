//! The documentation is whole: every code has its page, every route is in the document.

use crate::world::World;

#[tokio::test]
async fn the_openapi_document_names_every_route() {
    let world = World::new().await;
    let document = world.visit("/openapi.json").await.json();
    let mut paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    paths.sort();
    insta::assert_snapshot!(paths.join("\n"), @r#"
    /v1/api_keys
    /v1/api_keys/{id}/revoke
    /v1/disputes
    /v1/disputes/{id}
    /v1/disputes/{id}/accept
    /v1/disputes/{id}/evidence
    /v1/disputes/{id}/files
    /v1/events
    /v1/events/{id}
    /v1/exceptions
    /v1/exceptions/{id}/close
    /v1/ledger/accounts
    /v1/ledger/accounts/{account}/statement
    /v1/ledger/entries
    /v1/ledger/entries/{id}
    /v1/ledger/entries/{id}/reverse
    /v1/ledger/trial_balance
    /v1/merchant
    /v1/payment_orders
    /v1/payment_orders/{id}
    /v1/payment_orders/{id}/cancel
    /v1/payment_orders/{id}/capture
    /v1/payment_orders/{id}/claim
    /v1/payment_orders/{id}/ledger
    /v1/payment_orders/{id}/refunds
    /v1/payment_orders/{id}/stream
    /v1/payouts
    /v1/payouts/{id}
    /v1/payouts/{id}/arrive
    /v1/psp_accounts
    /v1/psp_accounts/{id}
    /v1/psp_accounts/{id}/check
    /v1/psp_accounts/{id}/subscribe
    /v1/refunds
    /v1/refunds/{id}
    /v1/webhook_endpoints
    /v1/webhook_endpoints/{id}
    /v1/webhook_endpoints/{id}/deliveries
    /v1/webhook_endpoints/{id}/deliveries/{delivery_id}
    /v1/webhook_endpoints/{id}/deliveries/{delivery_id}/retry
    /v1/webhook_endpoints/{id}/replay
    /v1/webhook_endpoints/{id}/rotate_secret
    /v1/webhook_endpoints/{id}/test
    /webhooks/{psp}/{psp_account_id}
    "#);
}

#[tokio::test]
async fn every_problem_links_to_a_page_that_exists() {
    let world = World::new().await;
    let index = world.visit("/docs/errors").await.body;
    let codes: Vec<&str> = index.split("href=\"/docs/errors/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        assert_eq!(world.visit(&format!("/docs/errors/{code}")).await.status, 200, "{code}");
    }
    assert_eq!(world.visit("/docs/errors/nonsense").await.status, 404);
}

#[tokio::test]
async fn the_docs_can_be_read_without_scripts() {
    let world = World::new().await;
    let index = world.visit("/docs").await.body;
    let pages: Vec<&str> = index
        .split("href=\"/docs/")
        .skip(1)
        .filter_map(|rest| rest.split(['"', '#']).next())
        .filter(|name| *name != "errors")
        .collect();
    assert!(pages.len() > 10, "{pages:?}");
    for name in &pages {
        let page = world.visit(&format!("/docs/{name}")).await;
        assert_eq!(page.status, 200, "{name}");
        assert!(page.body.len() < 50_000, "{name} weighs {}", page.body.len());
    }
    let orders = world.visit("/docs/payment-orders").await.body;
    for part in
        ["Create a payment order", "curl http://pay.test/v1/payment_orders", "/docs/schemas/PaymentOrder", "Idempotency-Key"]
    {
        assert!(orders.contains(part), "{part}");
    }
    assert!(world.visit("/docs/schemas").await.body.contains("href=\"/docs/schemas/Refund\""));
    assert!(world.visit("/docs/schemas/Refund").await.body.contains("psp_refund"));
    assert_eq!(world.visit("/docs/nonsense").await.status, 404);
}
