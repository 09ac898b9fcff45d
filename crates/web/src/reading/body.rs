//! Bytes from the network, within a limit, a time, and what all of them may hold together.

use crate::problem::{Problem, catalogue as kinds};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// What a body waits for before it is read: room for most of what is sent. The rest of a large one must find room when it comes.
const FIRST: usize = 4 * 1024;

/// How much is read, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub bytes: usize,
    pub timeout: Duration,
}

/// The bodies that this node holds, arriving or whole. Each takes its room until nobody needs its bytes any more.
pub(crate) struct Bodies {
    room: Arc<Semaphore>,
    /// What large bodies leave to the others: a few who send much and slowly would keep everybody out.
    left_to_others: usize,
}

impl Bodies {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(bytes)), left_to_others: bytes / 4 }
    }

    /// Reads the whole body, or says why not. What is announced as too large is not read at all.
    pub async fn read(&self, headers: &HeaderMap, body: Body, patience: Patience) -> Result<Bytes, Problem> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
        if announced.is_some_and(|length| length > patience.bytes as u64) {
            return Err(too_large(patience.bytes));
        }
        let deadline = Instant::now() + patience.timeout;
        let first = announced.map_or(FIRST, |length| FIRST.min(length as usize)).min(patience.bytes);
        let room = timeout_at(deadline, Arc::clone(&self.room).acquire_many_owned(first as u32)).await;
        // It is never closed.
        let Ok(Ok(room)) = room else { return Err(no_room()) };
        let held = Held { bytes: Vec::with_capacity(first), room };
        let whole = timeout_at(deadline, self.whole(held, Limited::new(body, patience.bytes), patience)).await;
        whole.unwrap_or_else(|_| Err(Problem::new(&kinds::REQUEST_TIMEOUT, "The body did not arrive in time.")))
    }

    async fn whole(&self, mut held: Held, mut body: Limited<Body>, patience: Patience) -> Result<Bytes, Problem> {
        while let Some(frame) = body.frame().await {
            // What is no data is a trailer, and says nothing to us.
            let Ok(data) = frame.map_err(|error| broken(error.as_ref(), patience))?.into_data() else { continue };
            let more = (held.bytes.len() + data.len()).saturating_sub(held.room.num_permits());
            if more > 0 {
                // Nobody waits who holds something: else all might wait for each other.
                if self.room.available_permits() < more + self.left_to_others {
                    return Err(no_room());
                }
                held.room.merge(Arc::clone(&self.room).try_acquire_many_owned(more as u32).map_err(|_| no_room())?);
            }
            held.bytes.extend_from_slice(&data);
        }
        Ok(Bytes::from_owner(held))
    }
}

/// The bytes of one body, with the room that they take.
struct Held {
    bytes: Vec<u8>,
    room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn broken(error: &(dyn std::error::Error + Send + Sync + 'static), patience: Patience) -> Problem {
    match error.is::<LengthLimitError>() {
        true => too_large(patience.bytes),
        false => Problem::new(&kinds::REQUEST_TIMEOUT, "The connection ended before the whole body had arrived."),
    }
}

fn no_room() -> Problem {
    Problem::new(&kinds::BUSY, "More is being sent to this node than it can hold. Nothing was done; try again.").retry_after(1)
}

fn too_large(limit: usize) -> Problem {
    Problem::new(&kinds::PAYLOAD_TOO_LARGE, format!("The body is larger than {limit} bytes."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use futures_util::StreamExt;
    use tokio::sync::mpsc;

    const PATIENCE: Patience = Patience { bytes: 4, timeout: Duration::from_secs(5) };

    fn bodies() -> Bodies {
        Bodies::new(1024)
    }

    /// A body that comes in parts as the test sends them.
    fn arriving() -> (mpsc::UnboundedSender<Bytes>, Body) {
        let (sender, mut parts) = mpsc::unbounded_channel::<Bytes>();
        let parts = futures_util::stream::poll_fn(move |context| parts.poll_recv(context));
        (sender, Body::from_stream(parts.map(Ok::<_, std::io::Error>)))
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_and_one_byte_more_is_refused() {
        let read = async |text: &'static str| bodies().read(&HeaderMap::new(), Body::from(text), PATIENCE).await;
        assert_eq!(read("1234").await.unwrap(), "1234");
        assert_eq!(read("12345").await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let impatient = Patience { timeout: Duration::from_millis(5), ..PATIENCE };
        assert_eq!(bodies().read(&HeaderMap::new(), endless, impatient).await.unwrap_err().status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn who_finds_no_room_in_time_is_told_to_come_again_and_finds_it_when_others_are_done() {
        let bodies = Bodies::new(4);
        let read = async |timeout| bodies.read(&HeaderMap::new(), Body::from("1234"), Patience { timeout, ..PATIENCE }).await;
        let held = read(PATIENCE.timeout).await.unwrap();
        let refused = read(Duration::from_millis(5)).await.unwrap_err().into_response();
        assert!(refused.status() == StatusCode::SERVICE_UNAVAILABLE && refused.headers()["retry-after"] == "1", "{refused:?}");
        let (waited, ()) = tokio::join!(read(PATIENCE.timeout), async { drop(held) });
        assert_eq!(waited.unwrap(), "1234");
    }

    #[tokio::test]
    async fn of_two_large_bodies_that_cannot_both_be_held_one_gives_way_at_once() {
        let (bodies, large) = (Bodies::new(4 * FIRST), Patience { bytes: 3 * FIRST, ..PATIENCE });
        let (headers, (first, one), (second, other)) = (HeaderMap::new(), arriving(), arriving());
        let sending = async {
            for sender in [&first, &second, &first, &second, &first] {
                sender.send(Bytes::from_static(&[b'x'; FIRST])).ok();
                tokio::task::yield_now().await;
            }
            drop(first);
        };
        let (one, other, ()) = tokio::join!(bodies.read(&headers, one, large), bodies.read(&headers, other, large), sending);
        assert_eq!((one.unwrap().len(), other.unwrap_err().status()), (3 * FIRST, StatusCode::SERVICE_UNAVAILABLE));
    }
}
