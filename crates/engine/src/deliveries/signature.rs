//! Signatures of Standard Webhooks 1.0 over `id.timestamp.body`: `v1` is HMAC-SHA256 with a secret that both sides know, `v1a` is Ed25519
//! with a key of which the receiver needs only the public half. Pure.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ducat_domain::{Chance, Secret, random_bytes};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What stands before a shared secret.
const SECRET_PREFIX: &str = "whsec_";
/// What stands before a public key.
const PUBLIC_PREFIX: &str = "whpk_";
/// How long the shared secrets are that we make. The standard allows 24 to 64 bytes.
const SECRET_BYTES: usize = 32;
/// The length of an Ed25519 seed.
const SEED_BYTES: usize = 32;

/// The key or secret is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signing secret of an endpoint")]
pub struct KeyError;

/// A secret that the merchant shares with us: the key of `v1`.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(Vec<u8>);

impl SharedSecret {
    /// A new one.
    pub fn new(chance: &dyn Chance) -> Self {
        Self(random_bytes::<SECRET_BYTES>(chance).to_vec())
    }

    /// Reads `whsec_…`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(KeyError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError)?;
        if bytes.is_empty() { Err(KeyError) } else { Ok(Self(bytes)) }
    }

    /// `whsec_…`
    pub fn text(&self) -> Secret {
        Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(&self.0)))
    }

    fn sign(&self, signed: &[u8]) -> Result<String, KeyError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| KeyError)?;
        mac.update(signed);
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

/// An endpoint's own Ed25519 key: the key of `v1a`. It never leaves; receivers get the public half.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The seed of a new one, in base64.
    pub fn new_seed(chance: &dyn Chance) -> Secret {
        Secret::new(STANDARD.encode(random_bytes::<SEED_BYTES>(chance)))
    }

    /// The key of this seed.
    pub fn of_seed(seed: &Secret) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(seed.expose()).map_err(|_| KeyError)?;
        // The library takes a longer one and cuts it, silently.
        let seed: [u8; SEED_BYTES] = bytes.try_into().map_err(|_| KeyError)?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Self).map_err(|_| KeyError)
    }

    /// `whpk_…`
    pub fn public(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", STANDARD.encode(self.0.public_key().as_ref()))
    }

    fn sign(&self, signed: &[u8]) -> Result<String, KeyError> {
        let signature = self.0.try_sign(signed).map_err(|_| KeyError)?;
        Ok(format!("v1a,{}", STANDARD.encode(signature.as_ref())))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

/// The value of `webhook-signature`: `v1a` first, then one `v1` per live secret, with exactly one space between. (The Python library
/// stumbles over two.)
pub fn header(
    key: Option<&SigningKey>,
    secrets: &[SharedSecret],
    id: &str,
    seconds: i64,
    body: &[u8],
) -> Result<String, KeyError> {
    // Two different triples must never give the same text.
    if id.is_empty() || id.contains('.') {
        return Err(KeyError);
    }
    let signed = [format!("{id}.{seconds}.").as_bytes(), body].concat();
    let asymmetric = key.map(|key| key.sign(&signed));
    let symmetric = secrets.iter().map(|secret| secret.sign(&signed));
    Ok(asymmetric.into_iter().chain(symmetric).collect::<Result<Vec<_>, _>>()?.join(" "))
}

#[cfg(test)]
mod tests;
