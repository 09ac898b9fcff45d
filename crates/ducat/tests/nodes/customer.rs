//! A customer pays on the PSP's page.

use crate::support::forms::card_form;
use crate::support::http::Http;

/// A card with which every payment succeeds.
const CARD: &str = "4242424242424242";

/// Pays there. Nobody goes back to the gateway afterwards, so that it hears of the payment by the PSP's message alone.
pub async fn pay(http: &Http, page: &str) {
    let shown = http.get(page, None).await.unwrap();
    let (action, fields) = card_form(&shown.text(), CARD).unwrap_or_else(|| panic!("no form at {page}: {}", shown.told()));
    let target = url::Url::parse(page).and_then(|base| base.join(&action)).unwrap();
    let paid = http.post_form(target.as_str(), None, &fields).await.unwrap();
    assert!(paid.status == 303 && paid.location.is_some(), "not sent back to the shop: {}", paid.told());
}
