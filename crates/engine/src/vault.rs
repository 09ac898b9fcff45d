//! Encrypts credentials before they are kept.
use ducat_domain::{Chance, Secret};

/// The master key, and what is done with it.
pub struct Vault {}

/// The text was sealed with another key, for another purpose, or was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text cannot be opened with this key")]
pub struct VaultError;

#[allow(unused_variables)]
impl Vault {
    /// A vault with this master key of 256 bits.
    pub fn new(master_key: [u8; 32]) -> Self { unreachable!() }
    /// Encrypts a text, bound to `context` (what it belongs to).
    pub fn seal(&self, chance: &dyn Chance, context: &[u8], plain: &Secret) -> Vec<u8> { unreachable!() }
    /// Decrypts it, for the same context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Secret, VaultError> { unreachable!() }
}
