//! Encrypts credentials before they are kept: AES-256-GCM with a random nonce, bound to what the text belongs to. And digests what
//! must be known again without being kept: HMAC-SHA256.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use ducat_domain::{Chance, Secret, random_bytes};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The first byte of a sealed text, so that another way of sealing can stand beside this one.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
/// What the key for digests is derived with, so that it is no key for anything else.
const DIGESTS: &[u8] = b"ducat digests 1";

/// The master key, and what is done with it.
pub struct Vault {
    cipher: Aes256Gcm,
    digest_key: [u8; 32],
}

/// The text was sealed with another key, for another purpose, or was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text cannot be opened with this master key")]
pub struct VaultError;

impl Vault {
    /// A vault with this master key of 256 bits.
    pub fn new(master_key: [u8; 32]) -> Self {
        Self { cipher: Aes256Gcm::new(&master_key.into()), digest_key: hmac(&master_key, &[DIGESTS]) }
    }

    /// What the text is known by, within `context`: the same text has the same digest, and nobody can tell the text without the key.
    pub fn digest(&self, context: &[u8], text: &[u8]) -> [u8; 32] {
        hmac(&self.digest_key, &[&(context.len() as u64).to_be_bytes(), context, text])
    }

    /// Encrypts a text, bound to `context` (what it belongs to): version, nonce, ciphertext with its tag.
    pub fn seal(&self, chance: &dyn Chance, context: &[u8], plain: &Secret) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE_BYTES] = random_bytes(chance);
        let payload = Payload { msg: plain.expose().as_bytes(), aad: context };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts it, for the same context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Secret, VaultError> {
        let (version, rest) = sealed.split_first().ok_or(VaultError)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError)?;
        if *version != VERSION {
            return Err(VaultError);
        }
        let plain = self.cipher.decrypt(&Nonce::from(*nonce), Payload { msg: text, aad: context }).map_err(|_| VaultError)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| VaultError)
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length. Named in full: the cipher's trait has a `new_from_slice` too.
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("a key of any length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

impl From<VaultError> for crate::Error {
    fn from(e: VaultError) -> Self {
        Self::Internal(e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;
    impl Chance for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_sealed_text_opens_only_for_its_key_and_its_context() {
        let vault = Vault::new([1; 32]);
        let sealed = vault.seal(&Sevens, b"psp_1", &Secret::new("sk_live_1")).unwrap();
        assert!(!sealed.windows(7).any(|w| w == b"sk_live"));
        assert_eq!(vault.open(b"psp_1", &sealed).unwrap().expose(), "sk_live_1");
        assert!(vault.open(b"psp_2", &sealed).is_err());
        assert!(Vault::new([2; 32]).open(b"psp_1", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(vault.open(b"psp_1", &sealed[..cut]).is_err());
        }
    }

    #[test]
    fn a_digest_belongs_to_its_key_its_context_and_its_text() {
        let digest = |key: u8, context: &[u8], text: &[u8]| Vault::new([key; 32]).digest(context, text);
        let it = digest(1, b"mch_1 customer", b"ada@shop.example");
        assert_eq!(it, digest(1, b"mch_1 customer", b"ada@shop.example"));
        for other in [
            digest(2, b"mch_1 customer", b"ada@shop.example"),
            digest(1, b"mch_2 customer", b"ada@shop.example"),
            digest(1, b"mch_1 customer", b"bob@shop.example"),
            digest(1, b"mch_1 custome", b"rada@shop.example"),
        ] {
            assert_ne!(it, other);
        }
    }
}
