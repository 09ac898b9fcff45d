//! The worker: runs what is due. It starts only when told to, and can be run once at a chosen time.
//!
//! - `work`: again and again until it is told to end. `run`: what is due, once. `under_way`: jobs that run now, and how they are given back.

mod run;
mod under_way;
mod work;

pub use run::run_due;
pub use work::work;
