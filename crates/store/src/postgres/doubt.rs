//! Connections that nobody trusts any more: a server that left one statement unanswered is frozen or cut off, and the others that lead to it would
//! each have to be waited for in their turn.

use deadpool_postgres::{Hook, HookError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Until when connections were made that are thrown away before they are used again. Shared by those that read and those that write.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt(Arc<Mutex<Option<Instant>>>);

impl Doubt {
    /// A statement that was sent then was not answered.
    pub fn cast_on_those_before(&self, asked: Instant) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Some(asked));
    }

    /// Looks at a connection before it is used again.
    pub fn hook(&self) -> Hook {
        let doubt = self.clone();
        Hook::sync_fn(move |_, metrics| {
            let until = *doubt.0.lock().unwrap_or_else(PoisonError::into_inner);
            if until.is_some_and(|until| metrics.created <= until) {
                return Err(HookError::message("the server was silent on a connection of the same age"));
            }
            Ok(())
        })
    }
}
