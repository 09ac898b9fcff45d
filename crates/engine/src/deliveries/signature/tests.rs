//! The published vectors of Standard Webhooks, and further ones that its official libraries agree on.

use super::*;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PRIVATE: &str = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &str = r#"{"test": 2432232314}"#;
const LONG_ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
const LONG_BODY: &str = r#"{"type":"payment.captured","timestamp":"2026-11-21T00:00:00Z","data":{"id":"pay_0001","amount":1099,"currency":"EUR","note":"café €"}}"#;

fn symmetric(secret: &str, id: &str, seconds: i64, body: &str) -> String {
    header(None, &[SharedSecret::parse(secret).unwrap()], id, seconds, body.as_bytes()).unwrap()
}

/// The published private key is the seed with the public key behind it.
fn key() -> SigningKey {
    let whole = STANDARD.decode(PRIVATE).unwrap();
    SigningKey::of_seed(&Secret::new(STANDARD.encode(&whole[..SEED_BYTES]))).unwrap()
}

#[test]
fn v1_the_published_vector() {
    assert_eq!(symmetric(SECRET, ID, 1_614_265_330, BODY), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn v2_the_second_published_vector() {
    let made = symmetric(
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#,
    );
    assert_eq!(made, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

#[test]
fn v3_text_beyond_ascii_is_signed_as_its_bytes() {
    assert_eq!(LONG_BODY.len(), 137);
    assert_eq!(symmetric(SECRET, LONG_ID, 1_674_087_231, LONG_BODY), "v1,MQ1A0+nbdqL8msYQnYWjss0XyJNZQ1Sd1WFZylUV7ug=");
}

#[test]
fn v4_an_empty_body_is_signed_too() {
    assert_eq!(symmetric(SECRET, ID, 1_614_265_330, ""), "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=");
}

#[test]
fn v5_while_secrets_rotate_both_sign_the_new_one_first() {
    let old = SharedSecret((0..32).collect());
    let new = SharedSecret((32..64).collect());
    let made = header(None, &[new, old], "msg_rot1", 1_700_000_000, br#"{"a":1}"#).unwrap();
    let expected = "v1,bA8JUdRkKXSGs5HxFjHxDKtK76YcBmhsmovtHX9KONM= v1,QqRjGqmtrSanR4ZRDnxEMVnHyLQV6CohPUa5tKpN5Xo=";
    assert_eq!(made, expected);
}

#[test]
fn e1_the_published_vector_of_ed25519() {
    let key = key();
    assert_eq!(key.public(), PUBLIC);
    assert_eq!(
        header(Some(&key), &[], ID, 1_614_265_330, BODY.as_bytes()).unwrap(),
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    );
}

#[test]
fn e2_ed25519_over_text_beyond_ascii() {
    assert_eq!(
        header(Some(&key()), &[], LONG_ID, 1_674_087_231, LONG_BODY.as_bytes()).unwrap(),
        "v1a,dmfTaFN8gzS7+IEC6pmybDrYmfiifGkHQRU8s2FrSAdyK3XaCXmJhtDoPX+MZ+VQ9qAqd7vA/k4CockJLarIBw=="
    );
}

#[test]
fn the_asymmetric_signature_stands_first_with_one_space_between() {
    let secret = SharedSecret::parse(SECRET).unwrap();
    let made = header(Some(&key()), &[secret], ID, 1_614_265_330, BODY.as_bytes()).unwrap();
    let parts: Vec<_> = made.split(' ').collect();
    assert_eq!(parts.len(), 2);
    assert!(parts[0].starts_with("v1a,") && parts[1].starts_with("v1,"));
}

#[test]
fn one_byte_more_or_less_is_another_signature() {
    let signed = symmetric(SECRET, ID, 1_614_265_330, BODY);
    assert_ne!(signed, symmetric(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJel", 1_614_265_330, BODY));
    assert_ne!(signed, symmetric(SECRET, ID, 1_614_265_331, BODY));
    assert_ne!(signed, symmetric(SECRET, ID, 1_614_265_330, r#"{"test": 2432232315}"#));
    let public = STANDARD.decode(PUBLIC.strip_prefix("whpk_").unwrap()).unwrap();
    let made = header(Some(&key()), &[], ID, 5, b"a").unwrap();
    let signature = STANDARD.decode(made.strip_prefix("v1a,").unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&ED25519, public);
    assert!(public.verify(format!("{ID}.5.a").as_bytes(), &signature).is_ok());
    assert!(public.verify(format!("{ID}.5.b").as_bytes(), &signature).is_err());
}

#[test]
fn what_is_no_key_or_no_id_signs_nothing() {
    for wrong in ["", "whsec_", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert_eq!(SharedSecret::parse(wrong), Err(KeyError), "{wrong}");
    }
    for wrong in ["", "AAAA", PRIVATE] {
        assert!(SigningKey::of_seed(&Secret::new(wrong)).is_err(), "{wrong}");
    }
    for wrong in ["", "a.b"] {
        assert_eq!(header(Some(&key()), &[], wrong, 1, b""), Err(KeyError));
    }
}

struct Counting;
impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        (0u8..).zip(bytes).for_each(|(n, byte)| *byte = n);
    }
}

#[test]
fn a_new_secret_has_32_bytes_reads_back_and_is_shown_to_no_log() {
    let secret = SharedSecret::new(&Counting);
    assert_eq!(secret.0.len(), SECRET_BYTES);
    assert_eq!(SharedSecret::parse(secret.text().expose()), Ok(secret.clone()));
    assert_eq!(format!("{secret:?}"), "SharedSecret(…)");
    let key = SigningKey::of_seed(&SigningKey::new_seed(&Counting)).unwrap();
    assert!(key.public().starts_with("whpk_") && format!("{key:?}").contains(&key.public()));
}
