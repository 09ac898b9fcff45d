//! Identifiers in Stripe's shapes, drawn from the sandbox's chance so that equal seeds give equal worlds.

use ducat_domain::Chance;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` random letters and digits.
pub(crate) fn random_text(chance: &dyn Chance, length: usize) -> String {
    let mut bytes = vec![0u8; length];
    chance.fill(&mut bytes);
    bytes.iter().map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()])).collect()
}

/// An id such as `pi_3…`, as long as Stripe's own of that kind.
pub(crate) fn new_id(chance: &dyn Chance, prefix: &str) -> String {
    let (start, length) = match prefix {
        "cs_test" => ("a1", 56),
        "cus" | "prod" | "req" => ("", 14),
        "pi" | "ch" | "re" | "txn" | "py" | "pyr" => ("3", 23),
        "coupon" => return random_text(chance, 8),
        "whsec" => ("", 32),
        _ => ("1", 23),
    };
    format!("{prefix}_{start}{}", random_text(chance, length))
}

/// A random UUID, version 4.
pub(crate) fn uuid(chance: &dyn Chance) -> String {
    let mut b: [u8; 16] = ducat_domain::random_bytes(chance);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let h = hex::encode(b);
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}
