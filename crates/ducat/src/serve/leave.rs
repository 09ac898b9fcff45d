//! How the gateway ends: first out of the load balancer's sight while it still answers, then the door is shut, then what is under way ends.

use crate::signals::told_to_end;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The signal with which a service is asked to end. Who presses Ctrl-C sits before it and does not want to wait.
const POLITE: &str = "SIGTERM";

/// How long the worker has to write down what it gives back, after the time of the jobs is over.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Goes on answering for a while after SIGTERM: `/readyz` says 503 already, and the load balancer needs a moment to see it. A second
/// signal cuts it short; so does a reason of ours, for then there is little left to answer.
pub async fn drain(reason: &Result<&'static str, String>, time: Duration) {
    let why = reason.as_ref().copied().unwrap_or_else(String::as_str);
    if *reason != Ok(POLITE) || time.is_zero() {
        tracing::info!(reason = why, "stopping: no new requests, the running ones are finished");
        return;
    }
    tracing::info!(
        reason = why,
        drain_ms = time.as_millis() as u64,
        "stopping: not ready any more, requests are still taken for a while"
    );
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        _ = told_to_end() => {}
    }
    tracing::info!("no new requests, the running ones are finished");
}

/// Waits for what still runs, but not for ever: what is cut off here is taken up by another node, or by the next start.
pub async fn finish(patience: Duration, tasks: Vec<JoinHandle<()>>) {
    let deadline = tokio::time::Instant::now() + patience + LAST_WORDS;
    for mut task in tasks {
        if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
            tracing::warn!("something did not finish in time and is cut off");
            task.abort();
        }
    }
}
