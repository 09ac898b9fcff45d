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
