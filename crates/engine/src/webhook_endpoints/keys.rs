//! The keys with which an endpoint's deliveries are signed: an Ed25519 key for good, and one or two shared secrets. Kept as one encrypted
//! text, bound to the endpoint.

use crate::deliveries::signature::{self, KeyError, SharedSecret, SigningKey};
use crate::{Engine, Error};
use ducat_domain::webhooks::WebhookEndpoint;
use ducat_domain::{Secret, Timestamp, WebhookEndpointId};
use serde::{Deserialize, Serialize};

/// How many secrets are live at once.
const MAX_SECRETS: usize = 2;

/// As they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    seed: String,
    secrets: Vec<KeptSecret>,
}

#[derive(Serialize, Deserialize)]
struct KeptSecret {
    secret: String,
    until: Option<Timestamp>,
}

/// A shared secret, and until when it signs.
pub(super) struct LiveSecret {
    pub secret: SharedSecret,
    pub until: Option<Timestamp>,
}

/// An endpoint's keys.
pub(crate) struct EndpointKeys {
    seed: Secret,
    key: SigningKey,
    secrets: Vec<LiveSecret>,
}

fn broken(e: KeyError) -> Error {
    Error::Internal(e.to_string())
}

impl EndpointKeys {
    /// New ones, with one secret.
    pub(super) fn new(engine: &Engine) -> Result<Self, Error> {
        let seed = SigningKey::new_seed(engine.chance());
        let key = SigningKey::of_seed(&seed).map_err(broken)?;
        let secrets = vec![LiveSecret { secret: SharedSecret::new(engine.chance()), until: None }];
        Ok(Self { seed, key, secrets })
    }

    /// The keys of an endpoint.
    pub(crate) fn open(engine: &Engine, endpoint: &WebhookEndpoint) -> Result<Self, Error> {
        let text = engine.vault().open(endpoint.id.as_bytes(), &endpoint.sealed_keys)?;
        // The error of the parser could quote the text, so it goes no further.
        let unreadable = || Error::Internal(format!("the keys of {} cannot be read", endpoint.id));
        let kept: Kept = serde_json::from_str(text.expose()).map_err(|_| unreadable())?;
        let seed = Secret::new(kept.seed);
        let open = |s: KeptSecret| Ok(LiveSecret { secret: SharedSecret::parse(&s.secret)?, until: s.until });
        let secrets: Result<_, KeyError> = kept.secrets.into_iter().map(open).collect();
        Ok(Self { key: SigningKey::of_seed(&seed).map_err(broken)?, seed, secrets: secrets.map_err(broken)? })
    }

    /// As one encrypted text.
    pub(super) fn seal(&self, engine: &Engine, id: WebhookEndpointId) -> Result<Vec<u8>, Error> {
        let keep = |s: &LiveSecret| KeptSecret { secret: s.secret.text().expose().to_owned(), until: s.until };
        let kept = Kept { seed: self.seed.expose().to_owned(), secrets: self.secrets.iter().map(keep).collect() };
        let text = serde_json::to_string(&kept).map_err(|_| Error::Internal("keys cannot be written".into()))?;
        Ok(engine.vault().seal(engine.chance(), id.as_bytes(), &Secret::new(text))?)
    }

    /// A new secret; the one before it signs until then, and none besides. Gives the new one.
    pub(super) fn rotate(&mut self, engine: &Engine, until: Timestamp) -> Secret {
        self.secrets.truncate(MAX_SECRETS - 1);
        self.secrets.iter_mut().for_each(|s| s.until = Some(until));
        self.secrets.insert(0, LiveSecret { secret: SharedSecret::new(engine.chance()), until: None });
        self.newest()
    }

    /// The newest secret.
    pub(super) fn newest(&self) -> Secret {
        self.secrets.first().map_or_else(|| Secret::new(""), |s| s.secret.text())
    }

    /// The secrets that sign now, newest first.
    pub(super) fn live(&self, now: Timestamp) -> impl Iterator<Item = &LiveSecret> {
        self.secrets.iter().filter(move |s| s.until.is_none_or(|until| until > now))
    }

    /// The public half of the Ed25519 key.
    pub(super) fn public(&self) -> String {
        self.key.public()
    }

    /// The signatures of a delivery, with every secret that is live.
    pub(crate) fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> Result<Secret, Error> {
        let secrets: Vec<SharedSecret> = self.live(now).map(|s| s.secret.clone()).collect();
        signature::header(Some(&self.key), &secrets, id, now.as_seconds(), body).map(Secret::new).map_err(broken)
    }
}
