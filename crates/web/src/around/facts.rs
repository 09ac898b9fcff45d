//! What is known of a request: its id and address from the beginning, its key and standing once it has proved itself.

use crate::app::App;
use ducat_cache::Standing;
use ducat_domain::{ApiKeyId, RequestId};
use std::net::IpAddr;
use std::sync::OnceLock;

/// What is known of a request, shared between its handler and the layer around it.
pub(crate) struct Facts {
    /// Ours alone: a caller's own id is not taken over.
    pub id: RequestId,
    /// Where the call comes from.
    pub client: Option<IpAddr>,
    key: OnceLock<ApiKeyId>,
    standing: OnceLock<Standing>,
}

impl Facts {
    pub fn new(app: &App, client: Option<IpAddr>) -> Self {
        let id = RequestId::new(app.engine.now(), app.engine.chance());
        Self { id, client, key: OnceLock::new(), standing: OnceLock::new() }
    }

    /// Notes by which key the call is made, and what that key has left. The first note stays.
    pub fn note(&self, key: ApiKeyId, standing: Standing) {
        let _ = self.key.set(key);
        let _ = self.standing.set(standing);
    }

    /// What the key has left.
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.get()
    }

    /// The key's id, for the log.
    pub fn key(&self) -> Option<String> {
        self.key.get().map(ToString::to_string)
    }
}
