//! An operation from its first request to its outcome. What may be tried again at once is tried again here, and nowhere else; what
//! needs longer is left to the job that comes back.

use super::Transport;
use super::dress::dress;
use ducat_connectors::{Account, Connector, Fault, HttpRequest, Operation, Outcome, Reply, Step};
use std::time::Duration;

/// The most requests that one operation may take; a connector that wants more is broken.
const MAX_REQUESTS: usize = 32;
/// How long to wait before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// The longest wait that a PSP may ask of a caller who is waiting too.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Under which names PSPs give a request their own id.
const REQUEST_ID: [&str; 2] = ["request-id", "x-request-id"];

/// How long and how often a caller is willing to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The time for the whole operation.
    pub total: Duration,
    /// The time for each of its requests.
    pub request: Duration,
    /// How often one request is sent, at the most; never more than three times.
    pub tries: usize,
}

impl Default for Patience {
    /// As long as a person waits for a page.
    fn default() -> Self {
        Self { total: Duration::from_secs(20), request: Duration::from_secs(20), tries: PAUSES.len() + 1 }
    }
}

/// Asks a PSP for an operation, and tries again at once where that is safe and soon: only after [`Fault::Retry`], under the same key.
pub async fn talk(
    transport: &dyn Transport,
    connector: &dyn Connector,
    account: &Account,
    operation: &Operation,
    patience: Patience,
) -> Result<Outcome, Fault> {
    let first = connector.step(operation, account, &[]);
    go_on(transport, connector, account, operation, first, patience).await
}

/// The same for an operation whose first step the connector has taken before.
pub(crate) async fn go_on(
    transport: &dyn Transport,
    connector: &dyn Connector,
    account: &Account,
    operation: &Operation,
    first: Result<Step, Fault>,
    patience: Patience,
) -> Result<Outcome, Fault> {
    let end = transport.elapsed().saturating_add(patience.total);
    let mut talk = Talk { transport, connector, account, operation, patience, end, seen: Vec::new() };
    let mut next = first?;
    for _ in 0..MAX_REQUESTS {
        match next {
            Step::Done(outcome) => return Ok(outcome),
            Step::Send(request) => next = talk.ask(&request).await?,
        }
    }
    match next {
        Step::Done(outcome) => Ok(outcome),
        Step::Send(_) => Err(Fault::Protocol(format!("no outcome after {MAX_REQUESTS} requests"))),
    }
}

struct Talk<'a> {
    transport: &'a dyn Transport,
    connector: &'a dyn Connector,
    account: &'a Account,
    operation: &'a Operation,
    patience: Patience,
    /// When the caller's time is over, by the transport's measure.
    end: Duration,
    seen: Vec<Reply>,
}

impl Talk<'_> {
    /// Sends one request, again if need be, and hears what the connector makes of the reply.
    async fn ask(&mut self, request: &HttpRequest) -> Result<Step, Fault> {
        let mut sent = 0;
        loop {
            let reply = self.send(request, sent).await?;
            sent += 1;
            self.seen.push(reply);
            match self.connector.step(self.operation, self.account, &self.seen) {
                Err(Fault::Retry { reason, after }) => {
                    // The reply is forgotten, so that the same step asks the same again.
                    self.seen.pop();
                    let Some(pause) = self.pause(sent, after) else { return Err(Fault::Retry { reason, after }) };
                    self.transport.wait(pause).await;
                }
                heard => return heard,
            }
        }
    }

    async fn send(&self, request: &HttpRequest, tried: usize) -> Result<Reply, Fault> {
        let before = self.transport.elapsed();
        let left = self.end.saturating_sub(before);
        if left.is_zero() {
            return Err(Fault::Retry { reason: "the time for the operation is over".into(), after: None });
        }
        let outgoing = dress(self.connector.spec(), self.account, request, left.min(self.patience.request))?;
        let reply = self.transport.send(outgoing).await;
        self.log(&reply, tried, self.transport.elapsed().saturating_sub(before));
        Ok(reply)
    }

    /// How long to wait before sending again; nothing where that is not for us.
    fn pause(&self, sent: usize, after: Option<Duration>) -> Option<Duration> {
        let pause = PAUSES.get(sent - 1).filter(|_| sent < self.patience.tries)?;
        let pause = after.map_or(*pause, |asked| asked.max(*pause));
        let left = self.end.saturating_sub(self.transport.elapsed());
        (pause <= LONGEST_PAUSE && pause < left).then_some(pause)
    }

    /// One line a request, with nothing in it that was sent or answered.
    fn log(&self, reply: &Reply, tried: usize, took: Duration) {
        let psp = self.connector.spec().name;
        let (operation, tried, took_ms) = (name(self.operation), tried + 1, took.as_millis());
        match reply {
            Ok(reply) => {
                let psp_request = REQUEST_ID.iter().find_map(|name| reply.header(name)).unwrap_or_default();
                tracing::debug!(psp, operation, tried, took_ms, status = reply.status, psp_request, "PSP answered");
            }
            Err(failure) => tracing::debug!(psp, operation, tried, took_ms, %failure, "PSP did not answer"),
        }
    }
}

fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::Register(_) => "register",
        Operation::Fetch(_) => "fetch",
        Operation::Find { .. } => "find",
        Operation::Close { .. } => "close",
        Operation::Capture { .. } => "capture",
        Operation::Void { .. } => "void",
        Operation::Refund { .. } => "refund",
        Operation::AnswerDispute { .. } => "answer_dispute",
        Operation::Statement { .. } => "statement",
        Operation::Subscribe { .. } => "subscribe",
        Operation::Locate { .. } => "locate",
        Operation::Ping => "ping",
    }
}

#[cfg(test)]
mod tests;
