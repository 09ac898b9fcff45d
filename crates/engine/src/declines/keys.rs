//! By what refusals are counted. Addresses and card data become digests here, of one merchant each, and go no further.

use crate::{Engine, visitor};
use ducat_domain::payments::{CardSeen, PaymentOrder, Terms};
use ducat_domain::{MerchantId, PaymentOrderId, PspAccountId, Secret};
use ducat_store::DeclineKey;
use std::net::IpAddr;

fn digest(engine: &Engine, merchant: MerchantId, what: &str, text: &[u8]) -> [u8; 32] {
    let context = [merchant.as_bytes().as_slice(), what.as_bytes()].concat();
    engine.vault().digest(&context, text)
}

/// The order.
pub(super) fn order(engine: &Engine, merchant: MerchantId, id: PaymentOrderId) -> DeclineKey {
    DeclineKey::Order(digest(engine, merchant, "order", id.as_bytes()))
}

/// The order, as it is.
pub(super) fn of_order(engine: &Engine, of: &PaymentOrder) -> DeclineKey {
    order(engine, of.merchant, of.id)
}

/// The customer, where the shop named an e-mail address.
pub(super) fn customer(engine: &Engine, merchant: MerchantId, terms: &Terms) -> Option<DeclineKey> {
    let email = terms.customer.as_ref()?.email.as_deref()?;
    Some(DeclineKey::Customer(digest(engine, merchant, "customer", plain(email).as_bytes())))
}

/// The mailbox: letters in lower case, without what a `+` adds, so that one mailbox is not a thousand customers.
fn plain(email: &str) -> String {
    let email = email.trim().to_lowercase();
    match email.rsplit_once('@') {
        Some((name, host)) => format!("{}@{host}", name.split('+').next().unwrap_or(name)),
        None => email,
    }
}

/// Where the customer comes from, where that tells one from another.
pub(super) fn address(engine: &Engine, merchant: MerchantId, ip: IpAddr) -> Option<[u8; 32]> {
    let text = match visitor::origin(ip)? {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
    };
    Some(digest(engine, merchant, "address", &text))
}

/// The card: by the PSP's own mark at this account, and by what is printed on it, which is the same at every PSP.
pub(super) fn cards(engine: &Engine, merchant: MerchantId, account: PspAccountId, card: &CardSeen) -> Vec<DeclineKey> {
    let key = |what: &str, text: &[u8]| DeclineKey::Card(digest(engine, merchant, what, text));
    let by_mark = |mark: &Secret| key("card mark", &[account.as_bytes().as_slice(), mark.expose().as_bytes()].concat());
    let by_face = |face: &Secret| key("card face", face.expose().as_bytes());
    card.fingerprint.as_ref().map(by_mark).into_iter().chain(card.face.as_ref().map(by_face)).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn one_mailbox_is_one_customer_however_it_is_written() {
        for text in ["ada@shop.example", " Ada@Shop.Example ", "ada+1@shop.example", "ADA+one+two@shop.example"] {
            assert_eq!(plain(text), "ada@shop.example");
        }
        assert_ne!(plain("ada@other.example"), plain("ada@shop.example"));
        assert_eq!(plain("nobody"), "nobody");
    }
}
