//! Worlds that were written down before money settled in more than one currency.

use crate::world::{DAY, Shop, text};
use serde_json::{Value, json};

#[test]
fn a_world_from_before_settlement_currencies_goes_on_in_euros() {
    let shop = Shop::new();
    shop.pay("pm_card_visa", &[]);
    let mut kept: Value = serde_json::from_slice(&shop.sandbox.save()).unwrap();
    let account = kept["accounts"]["shop"].as_object_mut().unwrap();
    for newer in ["settlement", "payout_times"] {
        assert!(account.remove(newer).is_some());
    }
    account["agenda"] = json!([]);
    shop.sandbox.load(kept.to_string().as_bytes()).unwrap();
    shop.pay("pm_card_visa", &[("currency", "usd")]);
    assert_eq!(text(&shop.rows("/v1/balance_transactions")[0], "currency"), "eur");
    // The first payment waits in no plan any more, but leaves together with the second.
    shop.pass(3 * DAY);
    let sent = shop.rows("/v1/payouts");
    let lines = shop.rows(&format!("/v1/balance_transactions?payout={}", text(&sent[0], "id")));
    assert_eq!((sent.len(), lines.len()), (1, 3));
}
