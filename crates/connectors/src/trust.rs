//! The one place where bytes from the network become a [`VerifiedMessage`].

use crate::{Account, Trust};
use ducat_domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The most signatures that are looked at in one header.
const MAX_SIGNATURES: usize = 10;

/// A message whose sender is proved. Only [`verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedMessage {
    body: Vec<u8>,
}

impl VerifiedMessage {
    /// The raw bytes that were signed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The account has no signing secret, so nothing can be believed.
    #[error("the PSP account has no signing secret for messages")]
    NoSecret,
    /// The header is missing or cannot be read.
    #[error("the signature header is missing or malformed")]
    Header,
    /// No signature is right.
    #[error("no signature in the header is right")]
    Signature,
    /// The time in the header is too far from ours: an old message sent again.
    #[error("the signed time is too far from the present")]
    Stale,
}

/// Whether a message carries what could prove it. The head alone says so: nobody needs to read the body of one that does not.
pub fn is_signed_at_all(trust: &Trust, header: impl Fn(&str) -> Option<String>) -> Result<(), TrustError> {
    match trust {
        Trust::TimestampedHmacSha256 { header: name, .. } => {
            let value = header(name).ok_or(TrustError::Header)?;
            read_header(&value).map(drop).ok_or(TrustError::Header)
        }
    }
}

/// Proves that a message comes from the PSP, over its raw bytes.
pub fn verify(
    trust: &Trust,
    account: &Account,
    header: impl Fn(&str) -> Option<String>,
    body: &[u8],
    now: Timestamp,
) -> Result<VerifiedMessage, TrustError> {
    match trust {
        Trust::TimestampedHmacSha256 { header: name, secret_setting, tolerance } => {
            let secrets = account.setting(secret_setting).ok_or(TrustError::NoSecret)?;
            let value = header(name).ok_or(TrustError::Header)?;
            let (seconds, signatures) = read_header(&value).ok_or(TrustError::Header)?;
            let right = secrets
                .split_ascii_whitespace()
                .any(|secret| signatures.iter().any(|signature| is_signed(secret, seconds, body, signature)));
            if !right {
                return Err(TrustError::Signature);
            }
            let signed_at = seconds.parse().map(Timestamp::from_seconds).map_err(|_| TrustError::Header)?;
            if now.since(signed_at) > *tolerance || signed_at.since(now) > *tolerance {
                return Err(TrustError::Stale);
            }
            Ok(VerifiedMessage { body: body.to_vec() })
        }
    }
}

/// The time as it was written, and every `v1`.
fn read_header(value: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in value.split(',').take(2 * MAX_SIGNATURES) {
        match part.trim().split_once('=') {
            Some(("t", t)) => time = time.or(Some(t)),
            Some(("v1", hex)) if signatures.len() < MAX_SIGNATURES => signatures.extend(hex::decode(hex).ok()),
            _ => {}
        }
    }
    if signatures.is_empty() { None } else { Some((time?, signatures)) }
}

/// Compared in constant time by the library.
fn is_signed(secret: &str, seconds: &str, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::Secret;
    use proptest::prelude::*;
    use std::time::Duration;

    const TRUST: Trust = Trust::TimestampedHmacSha256 {
        header: "stripe-signature",
        secret_setting: "webhook_secret",
        tolerance: Duration::from_secs(300),
    };
    const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
    const AT: i64 = 1_795_253_400;
    /// By `printf '1795253400.%s' "$BODY" | openssl dgst -sha256 -hmac whsec_first`, and the same with `whsec_second`.
    const FIRST: &str = "5dc6f95c91d9fb2abde57c80ab776f35bdfdc1ccaf0bb07ecb420c672e9699ce";
    const SECOND: &str = "b450ed05272c07a02b9fea7217d9fc10c3a11b2cb03822ac8b2eb343e8442a75";

    fn check_with(secrets: &str, header: Option<&str>, body: &[u8], now: i64) -> Result<VerifiedMessage, TrustError> {
        let settings = [("webhook_secret".to_owned(), Secret::new(secrets))].into();
        let header = |name: &str| if name == "stripe-signature" { header.map(str::to_owned) } else { None };
        verify(&TRUST, &Account { settings }, header, body, Timestamp::from_seconds(now))
    }

    fn check(header: &str) -> Result<VerifiedMessage, TrustError> {
        check_with("whsec_first", Some(header), BODY, AT)
    }

    fn signed(signature: &str) -> String {
        format!("t={AT},v1={signature}")
    }

    #[test]
    fn a_signature_that_openssl_made_is_believed_over_the_raw_bytes() {
        assert_eq!(check(&signed(FIRST)).map(|message| message.body().to_vec()), Ok(BODY.to_vec()));
    }

    #[test]
    fn any_of_several_signatures_may_be_right() {
        let wrong = "00".repeat(32);
        assert!(check(&format!("t={AT},v1={wrong},v1={FIRST}")).is_ok());
        assert!(check(&format!("t={AT},v1={SECOND}, v1={FIRST},v0={wrong}")).is_ok());
        assert!(check(&format!("v1={FIRST},t={AT}")).is_ok());
        assert!(check(&format!("t={AT},v1=not hex,v1={FIRST}")).is_ok());
    }

    #[test]
    fn while_a_secret_is_replaced_both_are_believed() {
        for signature in [FIRST, SECOND] {
            assert!(check_with("whsec_first whsec_second", Some(&signed(signature)), BODY, AT).is_ok());
        }
        assert_eq!(check(&signed(SECOND)), Err(TrustError::Signature));
    }

    #[test]
    fn a_changed_body_time_or_signature_is_not_believed() {
        let tampered = br#"{"id":"evt_2","object":"event"}"#;
        assert_eq!(check_with("whsec_first", Some(&signed(FIRST)), tampered, AT), Err(TrustError::Signature));
        assert_eq!(check(&format!("t={},v1={FIRST}", AT + 1)), Err(TrustError::Signature));
        assert_eq!(check(&signed(&FIRST[..62])), Err(TrustError::Signature));
        assert_eq!(check(&format!("t={AT},v0={FIRST}")), Err(TrustError::Header));
    }

    #[test]
    fn a_message_from_too_long_ago_or_from_the_future_is_stale() {
        for (distance, believed) in [(300, true), (301, false), (-300, true), (-301, false), (i64::MAX - AT, false)] {
            let result = check_with("whsec_first", Some(&signed(FIRST)), BODY, AT + distance);
            assert_eq!(result.err(), (!believed).then_some(TrustError::Stale), "{distance}");
        }
    }

    #[test]
    fn without_a_secret_nothing_is_believed() {
        assert_eq!(check_with("", Some(&signed(FIRST)), BODY, AT), Err(TrustError::NoSecret));
        assert_eq!(check_with(" ", Some(&signed(FIRST)), BODY, AT), Err(TrustError::Signature));
    }

    #[test]
    fn a_header_that_cannot_be_read_is_refused() {
        assert_eq!(check_with("whsec_first", None, BODY, AT), Err(TrustError::Header));
        for header in ["", "t=", "v1=", "t=1", "nonsense", "t=1,v1=", ",,,", "t=1;v1=00"] {
            assert!(matches!(check(header), Err(TrustError::Header | TrustError::Signature)), "{header}");
        }
        assert_eq!(check(&format!("v1={FIRST}")), Err(TrustError::Header));
    }

    #[test]
    fn the_head_alone_tells_whether_there_is_a_signature() {
        let check = |header: Option<String>| is_signed_at_all(&TRUST, |_| header.clone());
        assert_eq!(check(Some(signed(SECOND))), Ok(()));
        for without in [None, Some(String::new()), Some(format!("v1={FIRST}")), Some("t=1".to_owned())] {
            assert_eq!(check(without.clone()), Err(TrustError::Header), "{without:?}");
        }
    }

    #[test]
    fn a_header_is_looked_at_only_so_far() {
        let padding = format!("v1={},", "00".repeat(32)).repeat(MAX_SIGNATURES);
        assert_eq!(check(&format!("t={AT},{padding}v1={FIRST}")), Err(TrustError::Signature));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_check_panic_and_none_is_believed_by_luck(header in ".{0,200}", t: i64, hex in "[0-9a-f]{64}") {
            let guessed = format!("t={t},v1={hex}");
            prop_assert!(check(&header).is_err() && check(&guessed).is_err());
        }
    }
}
