//! Endpoints in use as they were read last, each with its keys, which are opened once and not for each delivery.

use crate::webhook_endpoints::EndpointKeys;
use crate::{Engine, Error};
use ducat_domain::WebhookEndpointId;
use ducat_domain::webhooks::WebhookEndpoint;
use ducat_store::EndpointAtWork;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// An endpoint in use.
pub(super) struct Known {
    pub endpoint: WebhookEndpoint,
    keys: Arc<OnceLock<EndpointKeys>>,
}

impl Known {
    /// Its keys, opened when they are needed for the first time.
    pub fn keys(&self, engine: &Engine) -> Result<&EndpointKeys, Error> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let opened = EndpointKeys::open(engine, &self.endpoint)?;
        Ok(self.keys.get_or_init(|| opened))
    }
}

/// All endpoints in use.
#[derive(Default)]
pub(super) struct Endpoints(HashMap<WebhookEndpointId, Arc<Known>>);

impl Endpoints {
    /// Takes over what was read. Those that are not among it are in use no more.
    pub fn replace(&mut self, works: Vec<EndpointAtWork>) {
        let mut before = std::mem::take(&mut self.0);
        let known = works.into_iter().map(|EndpointAtWork { endpoint, .. }| {
            let known = match before.remove(&endpoint.id) {
                Some(known) if known.endpoint == endpoint => known,
                Some(known) if known.endpoint.sealed_keys == endpoint.sealed_keys => {
                    Arc::new(Known { endpoint, keys: Arc::clone(&known.keys) })
                }
                _ => Arc::new(Known { endpoint, keys: Arc::default() }),
            };
            (known.endpoint.id, known)
        });
        self.0 = known.collect();
    }

    /// Whether none is in use.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of them.
    pub fn get(&self, id: WebhookEndpointId) -> Option<&Arc<Known>> {
        self.0.get(&id)
    }
}
