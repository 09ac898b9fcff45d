//! What every handler shares.

use crate::around::Shares;
use crate::metrics::Metrics;
use crate::reading::body::Bodies;
use crate::{Draining, Settings, Web};
use ducat_engine::Engine;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What every handler shares. Cheap to clone.
pub(crate) type App = Arc<Parts>;

/// The parts of [`App`].
pub(crate) struct Parts {
    pub engine: Engine,
    pub settings: Settings,
    pub draining: Draining,
    pub shares: Shares,
    pub metrics: Metrics,
    pub bodies: Bodies,
    /// One permit for each live stream.
    pub streams: Arc<Semaphore>,
}

/// Puts the parts together.
pub(crate) fn app(web: Web) -> App {
    let limits = &web.settings.limits;
    Arc::new(Parts {
        shares: Shares::new(&web.engine, limits),
        metrics: Metrics::new(),
        bodies: Bodies::new(limits.held_bytes),
        streams: Arc::new(Semaphore::new(limits.streams)),
        engine: web.engine,
        settings: web.settings,
        draining: web.draining,
    })
}
