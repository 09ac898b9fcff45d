//! What a merchant sets up: PSP accounts and keys.

use crate::world::{Mood, World};
use axum::body::Body;
use axum::http::Request;
use ducat_domain::Secret;
use ducat_engine::psp_accounts::{self, NewPspAccount};
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_psp_account_shows_no_secret() {
    let world = World::new().await;
    let new = json!({ "psp": "stripe", "name": "Second", "settings": { "api_key": "sk_test_very_secret_1234" } });
    let made = world.post("/v1/psp_accounts", &new).await;
    assert_eq!(made.status, 201);
    assert!(!made.body.contains("very_secret"));
    insta::assert_snapshot!(made.pinned(), @r#"
    {
      "active": true,
      "created_at": "2026-11-21T10:00:00Z",
      "id": "psp_…",
      "name": "Second",
      "object": "psp_account",
      "psp": "stripe",
      "settings": {
        "api_key": "…1234"
      },
      "webhook_url": "http://pay.test/webhooks/stripe/psp_…"
    }
    "#);
    let patched = world.post(made.header("location"), &json!({ "active": false })).await;
    assert_eq!((patched.status.as_u16(), patched.json()["active"].clone()), (200, json!(false)));
    assert_eq!(world.get("/v1/psp_accounts").await.json()["data"].as_array().unwrap().len(), 2);
}

/// A start finds the accounts of the configuration by their names.
#[tokio::test]
async fn the_names_of_the_configuration_s_accounts_are_its_own() {
    let world = World::new().await;
    let settings = json!({ "api_key": "sk_test_very_secret_1234" });
    for name in [psp_accounts::SANDBOX_ACCOUNT, psp_accounts::CONFIGURED_ACCOUNT] {
        let taken = json!({ "psp": "stripe", "name": name, "settings": settings });
        assert_eq!(world.post("/v1/psp_accounts", &taken).await.refusal(), (400, "invalid_value".into(), "/name".into()));
        let path = format!("/v1/psp_accounts/{}", world.account);
        assert_eq!(world.post(&path, &json!({ "name": name })).await.refusal(), (400, "invalid_value".into(), "/name".into()));
    }
    let new = NewPspAccount {
        psp: "stripe".into(),
        name: psp_accounts::CONFIGURED_ACCOUNT.into(),
        settings: BTreeMap::from([("api_key".to_owned(), Secret::new("sk_test_of_the_configuration"))]),
    };
    let made = psp_accounts::create(&world.engine, world.merchant, new, None).await.unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
    let path = format!("/v1/psp_accounts/{}", made["id"].as_str().unwrap());
    assert_eq!(
        world.post(&path, &json!({ "name": "Stripe live" })).await.refusal(),
        (400, "invalid_value".into(), "/name".into())
    );
    let told = world.post(&path, &json!({ "name": psp_accounts::CONFIGURED_ACCOUNT, "active": true })).await;
    assert_eq!(told.status, 200, "its own name is no change");
    let form = Request::post("/shop/checkout").body(Body::from("currency=EUR&beans=1")).unwrap();
    assert_eq!(world.send(form).await.status, 404, "the demo shop never sells on a real account");
}

#[tokio::test]
async fn an_account_is_checked_at_the_psp_and_told_what_is_wrong() {
    let world = World::new().await;
    let path = |verb: &str| format!("/v1/psp_accounts/{}/{verb}", world.account);
    assert_eq!(world.post_text(&path("check"), "", &[]).await.status, 200);
    let subscribed = world.post_text(&path("subscribe"), "", &[]).await;
    assert_eq!(subscribed.json()["settings"]["webhook_secret"], "…7890");
    *world.psp.mood.lock().unwrap() = Mood::Down;
    assert_eq!(world.post_text(&path("check"), "", &[]).await.refusal(), (502, "psp_unavailable".into(), String::new()));
}

#[tokio::test]
async fn wrong_settings_are_refused_with_their_place() {
    let world = World::new().await;
    for (body, code, param) in [
        (json!({ "psp": "nobody", "settings": {} }), "psp_unknown", "/psp"),
        (json!({ "psp": "stripe", "settings": {} }), "missing_field", "/settings/api_key"),
        (json!({ "psp": "stripe", "settings": { "api_key": "x", "apikey": "y" } }), "unknown_field", "/settings/apikey"),
        (json!({ "psp": "stripe", "settings": { "api_key": 1 } }), "invalid_type", "/settings/api_key"),
    ] {
        assert_eq!(world.post("/v1/psp_accounts", &body).await.refusal(), (400, code.into(), param.into()), "{body}");
    }
}

#[tokio::test]
async fn keys_are_made_listed_and_never_shown_again() {
    let world = World::new().await;
    let made = world.post("/v1/api_keys", &json!({ "name": "till", "scope": "payments", "networks": ["10.0.0.0/8"] })).await;
    assert_eq!(made.status, 201);
    let key = made.text("key");
    let list = world.get("/v1/api_keys").await;
    assert!(!list.body.contains(&key));
    assert!(list.json()["data"].as_array().unwrap().iter().any(|row| row["name"] == "till" && row["scope"] == "payments"));
    for (body, code, param) in [
        (json!({ "name": "x", "scope": "root" }), "invalid_value", "/scope"),
        (json!({ "name": "x" }), "missing_field", "/scope"),
        (json!({ "name": "x", "scope": "read", "networks": ["here"] }), "invalid_network", "/networks/0"),
        (json!({ "name": "x", "scope": "read", "expires_at": "soon" }), "invalid_value", "/expires_at"),
        (json!({ "name": "x", "scope": "read", "expires_at": "2020-01-01T00:00:00Z" }), "out_of_range", "/expires_at"),
    ] {
        assert_eq!(world.post("/v1/api_keys", &body).await.refusal(), (400, code.into(), param.into()), "{body}");
    }
}
