//! Answers as they are kept: packed, because they are long and much like each other, and given again byte for byte.
//!
//! The first byte says how: 0 as it is, 1 by zstd with the first dictionary, without the four bytes with which all of zstd's begin. What begins otherwise was kept before answers were packed; all of those
//! are JSON objects. A dictionary is never changed: another one is another number.

use crate::ReadError;
use std::sync::{LazyLock, Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, get_frame_content_size};

/// Trained with answers of the API: docs/decisions/0019-bytes.md tells how.
const FIRST: &[u8] = include_bytes!("answers_1.zdict");

/// How everything begins that zstd packs.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const AS_IT_IS: u8 = 0;
const BY_FIRST: u8 = 1;

/// Longer answers are kept as they are, and nothing is ever unpacked to more.
const MAX_PACKED: usize = 1 << 20;

/// Higher levels cost more and gain nothing on a thousand bytes.
const LEVEL: i32 = 3;

/// What packs is a few hundred kilobytes and takes longer to set up than to use, so there is one. Nobody waits for it for more than microseconds.
static PACKER: LazyLock<Mutex<Option<Compressor<'static>>>> = LazyLock::new(|| Mutex::new(packer().ok()));

fn packer() -> std::io::Result<Compressor<'static>> {
    let mut packer = Compressor::with_dictionary(LEVEL, FIRST)?;
    // The byte before it says which dictionary; the database has checksums of its own, or a file system that does.
    packer.set_parameter(CParameter::DictIdFlag(false))?;
    packer.set_parameter(CParameter::ChecksumFlag(false))?;
    Ok(packer)
}

/// The body as it is to be kept.
pub(crate) fn pack(body: &[u8]) -> Vec<u8> {
    let packed = packed(body).filter(|packed| packed.len() < body.len());
    match packed.as_deref().and_then(|packed| packed.strip_prefix(&MAGIC)) {
        Some(packed) => marked(BY_FIRST, packed),
        None => marked(AS_IT_IS, body),
    }
}

fn packed(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > MAX_PACKED {
        return None;
    }
    PACKER.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.compress(body).ok()
}

fn marked(how: u8, bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(1 + bytes.len());
    kept.push(how);
    kept.extend_from_slice(bytes);
    kept
}

/// The body that was kept.
pub(crate) fn unpack(mut kept: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    match kept.first() {
        Some(&AS_IT_IS) => {
            kept.remove(0);
            Ok(kept)
        }
        Some(&BY_FIRST) => unpacked(&kept[1..]).map_err(|why| ReadError(format!("an answer that cannot be unpacked: {why}"))),
        _ => Ok(kept),
    }
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, String> {
    let packed = [&MAGIC, packed].concat();
    let told = get_frame_content_size(&packed).map_err(|e| e.to_string())?.ok_or("it does not tell its size")?;
    let size = usize::try_from(told).ok().filter(|size| *size <= MAX_PACKED).ok_or("it is too large")?;
    let mut unpacker = Decompressor::with_dictionary(FIRST).map_err(|e| e.to_string())?;
    unpacker.decompress(&packed, size).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    /// An answer to a create, about as long as they are.
    const CREATED: &str = r#"{"id":"po_06axqp2m00e008000000000000","object":"payment_order","reference":"cart-9f86d081884c7d659a2feaa0c55ad015","status":"pending","amount":4999,"currency":"EUR","amount_authorized":0,"amount_captured":0,"amount_refunded":0,"amount_refunding":0,"amount_disputed":0,"payment_type":"SALE","payment_method":"APM","capture":"automatic","channel":"ecommerce","psp":"stripe","psp_token":"cs_test_06axqp2m00e0080000000000004999","checkout_url":"https://pay.shop.example/pay/po_06axqp2m00e008000000000000","redirect_url":"https://checkout.stripe.com/c/pay/cs_test_06axqp2m00e0080000000000004999","latest_attempt":{"id":"pa_06axqp2m00e00a000000000000","status":"requires_action","number":1,"psp":"stripe","psp_account":"psp_06axqp2m00e00b000000000000","psp_token":"cs_test_06axqp2m00e0080000000000004999","failure":null,"declines":0,"check_at":"2026-11-21T10:01:00.123456Z","fees":[],"surplus":false},"description":"Two tickets","line_items":[],"customer":null,"success_url":"https://shop.example/thanks?order={PAYMENT_ORDER_ID}","cancel_url":"https://shop.example/cart","paid_late":false,"claim":null,"cancel_requested_at":null,"expires_at":"2026-11-21T10:30:00.654321Z","created_at":"2026-11-21T10:00:00.654321Z","updated_at":"2026-11-21T10:00:00.660102Z","version":2,"metadata":{}}"#;

    #[test]
    fn an_answer_takes_a_quarter_of_its_size() {
        let kept = pack(CREATED.as_bytes());
        assert_eq!(kept[0], BY_FIRST);
        assert!(kept.len() * 4 < CREATED.len(), "{} of {}", kept.len(), CREATED.len());
        assert_eq!(unpack(kept).unwrap(), CREATED.as_bytes());
    }

    #[test]
    fn what_was_kept_before_is_read_as_it_is() {
        assert_eq!(unpack(CREATED.as_bytes().to_vec()).unwrap(), CREATED.as_bytes());
        assert_eq!(unpack(Vec::new()).unwrap(), b"");
    }

    #[test]
    fn a_dictionary_is_never_changed() {
        assert_eq!(hex(&Sha256::digest(FIRST)), "9407c5f29d006e4a64dc7318bb8fa0324a853d66460c2ab97bac5b23e00a84e6");
    }

    #[test]
    fn what_cannot_be_packed_is_kept_as_it_is() {
        let noise: Vec<u8> = (0..32u8).flat_map(|round| Sha256::digest([round])).collect();
        let long = vec![b'a'; MAX_PACKED + 1];
        for body in [&b""[..], b"x", &noise, &long] {
            let kept = pack(body);
            assert_eq!((kept[0], kept.len()), (AS_IT_IS, body.len() + 1));
            assert_eq!(unpack(kept).unwrap(), body);
        }
    }

    #[test]
    fn nothing_is_unpacked_to_more_than_the_limit() {
        let bomb = zstd::bulk::compress(&vec![b'a'; MAX_PACKED + 1], LEVEL).unwrap();
        assert!(bomb.len() < 1000);
        assert!(unpack(marked(BY_FIRST, &bomb[MAGIC.len()..])).unwrap_err().0.contains("too large"));
    }

    #[test]
    fn what_is_broken_is_said_to_be() {
        let kept = pack(CREATED.as_bytes());
        assert!(unpack(kept[..kept.len() - 3].to_vec()).is_err());
        assert!(unpack(vec![BY_FIRST]).is_err());
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    proptest! {
        #[test]
        fn every_answer_comes_back_byte_for_byte(body in prop::collection::vec(any::<u8>(), 0..600), times in 1_usize..40) {
            let body = body.repeat(times);
            prop_assert_eq!(unpack(pack(&body)).unwrap(), body);
        }
    }
}
