//! Merchants, their keys to the API, and their accounts at PSPs.

use crate::{ApiKeyId, MerchantId, PspAccountId, Timestamp};
use serde::{Deserialize, Serialize};

/// Who sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// What customers read.
    pub name: String,
    /// The secret that signs what we put into return addresses, encrypted.
    pub sealed_return_secret: Vec<u8>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// A merchant's key to the API. The key itself is shown once; only its hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose.
    pub merchant: MerchantId,
    /// SHA-256 of the key. A key holds 256 random bits, so nothing slower is needed.
    pub hash: [u8; 32],
    /// The first and last characters, to tell keys apart.
    pub hint: String,
    /// What the merchant calls it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The networks it may be used from, such as `10.0.0.0/8`; empty for all.
    pub networks: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look, and nothing else.
    Read,
    /// Look, and take payments.
    Payments,
    /// Everything, keys and PSP accounts included.
    Admin,
}

impl Scope {
    /// The scope as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Payments => "payments",
            Self::Admin => "admin",
        }
    }

    /// Whether a key of this scope may do what needs `needed`.
    pub const fn allows(self, needed: Self) -> bool {
        self as u8 >= needed as u8
    }
}

/// One merchant's credentials at a PSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PspAccount {
    /// Its id.
    pub id: PspAccountId,
    /// Whose.
    pub merchant: MerchantId,
    /// Which PSP: `stripe`.
    pub psp: String,
    /// What the merchant calls it.
    pub name: String,
    /// Whether new orders may go to it.
    pub active: bool,
    /// The credentials, encrypted.
    pub sealed_settings: Vec<u8>,
    /// Counts its changes.
    pub version: u32,
    /// When it was recorded.
    pub created_at: Timestamp,
}
