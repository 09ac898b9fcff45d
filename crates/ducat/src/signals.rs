//! The signals that end a service, and the word passed on to its parts.

use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The word "stop", for any number of listeners.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Nobody has said it yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Says it.
    pub fn say(&self) {
        self.0.send_replace(true);
    }

    /// Ends when it has been said.
    pub fn said(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut listener = self.0.subscribe();
        async move {
            // An error means that nobody is left to say it, which is an end as well.
            let _ = listener.wait_for(|said| *said).await;
        }
    }
}

/// Ends at SIGTERM or SIGINT, with the signal's name. From the call on, not only once somebody waits, these signals do nothing else.
pub fn told_to_end() -> impl Future<Output = std::io::Result<&'static str>> {
    let signals = signal(SignalKind::terminate()).and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    async move {
        let (mut terminate, mut interrupt) = signals?;
        tokio::select! {
            _ = terminate.recv() => Ok("SIGTERM"),
            _ = interrupt.recv() => Ok("SIGINT"),
        }
    }
}
