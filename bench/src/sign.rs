//! Signs a message as Stripe signs it: HMAC-SHA-256 over the time, a dot and the raw body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of the header `Stripe-Signature`. `seconds` is the time of signing since 1970.
pub fn header(secret: &str, seconds: u64, body: &str) -> String {
    // A key of any length is good for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_connectors::{Account, TrustError, connector, verify};
    use ducat_domain::{Secret, Timestamp};
    use std::collections::BTreeMap;

    fn believed(secret: &str, signed: &str, body: &str) -> Result<(), TrustError> {
        let settings = BTreeMap::from([("webhook_secret".to_owned(), Secret::new(secret))]);
        let account = Account { settings };
        let trust = &connector("stripe").expect("Stripe is there").spec().trust;
        let header = |name: &str| (name == "stripe-signature").then(|| signed.to_owned());
        verify(trust, &account, header, body.as_bytes(), Timestamp::from_seconds(1_800_000_000)).map(drop)
    }

    #[test]
    fn the_gateway_s_own_verifier_believes_it() {
        let signed = header("whsec_1", 1_800_000_000, "{}");
        assert_eq!(believed("whsec_1", &signed, "{}"), Ok(()));
        assert_eq!(believed("whsec_2", &signed, "{}"), Err(TrustError::Signature));
        assert_eq!(believed("whsec_1", &signed, "{ }"), Err(TrustError::Signature));
    }

    #[test]
    fn an_old_signature_is_not_believed() {
        assert_eq!(believed("whsec_1", &header("whsec_1", 1_799_990_000, "{}"), "{}"), Err(TrustError::Stale));
    }
}
