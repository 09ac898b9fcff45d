//! Ids: 128 bits in the layout of UUIDv7, shown with a prefix that says what they name.

use crate::{Chance, Timestamp, random_bytes};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Crockford's base 32 in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

/// The text is not an id of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_…")]
pub struct IdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

/// 48 bits of milliseconds, then chance: ids made later sort later, to the millisecond.
fn fresh(now: Timestamp, chance: &dyn Chance) -> [u8; 16] {
    let mut bytes: [u8; 16] = random_bytes(chance);
    bytes[..6].copy_from_slice(&now.as_millis().to_be_bytes()[2..]);
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

fn encode(bytes: [u8; 16]) -> [u8; TEXT_LEN] {
    let mut rest = u128::from_be_bytes(bytes);
    let mut text = [0; TEXT_LEN];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<[u8; 16]> {
    if text.len() != TEXT_LEN {
        return None;
    }
    let mut value: u128 = 0;
    for (i, c) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&a| a == c)?;
        // 26 digits hold 130 bits: the first may use only three of its five.
        if i == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | digit as u128;
    }
    Some(value.to_be_bytes())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, ordered by `now`.
            pub fn new(now: Timestamp, chance: &dyn Chance) -> Self {
                Self(fresh(now, chance))
            }

            /// Before every id that was made at this moment or later, and after every one that was made a millisecond earlier.
            pub fn first_at(moment: Timestamp) -> Self {
                let mut bytes = [0; 16];
                bytes[..6].copy_from_slice(&moment.as_millis().to_be_bytes()[2..]);
                Self(bytes)
            }

            /// The id with these 16 bytes, as the store keeps it.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes, as the store keeps them.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                // The alphabet is ASCII.
                f.write_str(std::str::from_utf8(&encode(self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// Who sells. Every row belongs to one merchant.
    MerchantId = "mer";
    /// What the merchant wants paid, once.
    PaymentOrderId = "po";
    /// One try of one order at one PSP account.
    AttemptId = "pa";
    /// One merchant's credentials at a PSP.
    PspAccountId = "psp";
    /// A merchant's key to the API.
    ApiKeyId = "ak";
    /// A committed fact.
    EventId = "evt";
    /// One balanced entry of the journal.
    EntryId = "je";
    /// A verified message of a PSP, as it lies in the inbox.
    InboxId = "in";
    /// One request to the API.
    RequestId = "req";
    /// Taking money that is held.
    CaptureId = "cap";
    /// Giving money back.
    RefundId = "re";
    /// A payment that its payer disputes.
    DisputeId = "dp";
    /// Evidence that is sent along in a dispute.
    DisputeFileId = "df";
    /// Money on its way from a PSP to the bank.
    PayoutId = "pout";
    /// Something in the books that a person has to look at.
    ExceptionId = "exc";
    /// A merchant's address for events.
    WebhookEndpointId = "we";
    /// One event on its way to one endpoint.
    DeliveryId = "dl";
    /// The wish to have the events of a range delivered again.
    ReplayId = "rp";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(u8);
    impl Chance for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn later_ids_sort_later_as_bytes_and_as_text() {
        let a = PaymentOrderId::new(Timestamp::from_micros(1_000_000_000), &Fixed(0xff));
        let b = PaymentOrderId::new(Timestamp::from_micros(1_000_001_000), &Fixed(0));
        assert!(a < b && a.to_string() < b.to_string());
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let order = PaymentOrderId::new(Timestamp::from_seconds(1), &Fixed(3)).to_string();
        assert_eq!(order.parse::<AttemptId>(), Err(IdError { prefix: "pa" }));
        for wrong in ["", "po_", "po_1", "po_zzzzzzzzzzzzzzzzzzzzzzzzzz", "po_0000000000000000000000000i", "po_é"] {
            assert!(wrong.parse::<PaymentOrderId>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_id_reads_back(bytes: [u8; 16]) {
            let id = EventId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<EventId>(), Ok(id));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = text.parse::<PaymentOrderId>();
        }
    }
}
