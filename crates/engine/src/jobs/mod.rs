//! The worker.
use crate::{Engine, Error};
use std::future::Future;

#[allow(unused_variables)]
/// Runs everything that is due now, once. Says how many jobs ran.
pub async fn run_due(engine: &Engine) -> Result<usize, Error> { unreachable!() }

#[allow(unused_variables)]
/// Runs due jobs until `shutdown` ends, sleeping in between.
pub async fn work(engine: Engine, shutdown: impl Future<Output = ()> + Send) { unreachable!() }
