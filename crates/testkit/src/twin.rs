//! Somebody who does something between two accesses to the database of somebody else.

use ducat_store::Between;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is done, once.
type Deed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits until the store that it was given to has made so many accesses, and then does its deed, before the next one.
pub struct Twin(Mutex<Waiting>);

struct Waiting {
    left: usize,
    deed: Option<Deed>,
}

impl Twin {
    /// Does it after so many accesses.
    pub fn after(accesses: usize, deed: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Mutex::new(Waiting { left: accesses, deed: Some(Box::pin(deed)) }))
    }

    /// Whether it was done.
    pub fn was_there(&self) -> bool {
        self.waiting().deed.is_none()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> Option<Deed> {
        let mut waiting = self.waiting();
        match waiting.left.checked_sub(1) {
            Some(left) => {
                waiting.left = left;
                None
            }
            None => waiting.deed.take(),
        }
    }
}

impl std::fmt::Debug for Twin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twin").field("left", &self.waiting().left).finish_non_exhaustive()
    }
}

impl Between for Twin {
    fn before(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let deed = self.turn();
        Box::pin(async move {
            if let Some(deed) = deed {
                deed.await;
            }
        })
    }
}
