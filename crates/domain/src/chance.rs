//! Where randomness comes from.

/// A source of random bytes. A component that needs chance takes one; only the binary makes the one that reads the system's.
pub trait Chance: Send + Sync + 'static {
    /// Fills `bytes` with random bytes, fit for keys and secrets when the source is the system's.
    fn fill(&self, bytes: &mut [u8]);
}

/// Random bytes of a fixed number.
pub fn random_bytes<const N: usize>(chance: &dyn Chance) -> [u8; N] {
    let mut bytes = [0; N];
    chance.fill(&mut bytes);
    bytes
}
