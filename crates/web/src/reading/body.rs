//! Bytes from the network, within a limit and a time.

use crate::problem::{Problem, catalogue as kinds};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// How much is read, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub bytes: usize,
    pub timeout: Duration,
}

/// Reads the whole body, or says why not. What is announced as too large is not read at all.
pub(crate) async fn read(headers: &HeaderMap, body: Body, patience: Patience) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|length| length > patience.bytes as u64) {
        return Err(too_large(patience.bytes));
    }
    match tokio::time::timeout(patience.timeout, Limited::new(body, patience.bytes).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(patience.bytes)),
        Ok(Err(_)) => Err(Problem::new(&kinds::REQUEST_TIMEOUT, "The connection ended before the whole body had arrived.")),
        Err(_) => Err(Problem::new(&kinds::REQUEST_TIMEOUT, "The body did not arrive in time.")),
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(&kinds::PAYLOAD_TOO_LARGE, format!("The body is larger than {limit} bytes."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    const PATIENCE: Patience = Patience { bytes: 4, timeout: Duration::from_secs(5) };

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_and_one_byte_more_is_refused() {
        let read = async |text: &'static str| read(&HeaderMap::new(), Body::from(text), PATIENCE).await;
        assert_eq!(read("1234").await.unwrap(), "1234");
        assert_eq!(read("12345").await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let impatient = Patience { timeout: Duration::from_millis(5), ..PATIENCE };
        assert_eq!(super::read(&HeaderMap::new(), endless, impatient).await.unwrap_err().status(), StatusCode::REQUEST_TIMEOUT);
    }
}
