//! Who is let in between two accesses to the database.

use std::fmt::Debug;
use std::pin::Pin;

/// Asked before each read and each commit of a store, which goes on once this is over. With it a test plays what two callers do at the same
/// moment, the same way each time: the other caller is let in at a place that it chooses.
pub trait Between: Debug + Send + Sync {
    /// The store is about to read or to commit.
    fn before(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
