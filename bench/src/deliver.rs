//! How quickly a backlog of events arrives over HTTP: every event of the payments made so far is delivered, signed, to endpoints that answer
//! at once. A merchant's endpoint gets only a few deliveries at a time, so there are several, as there would be with many merchants.

use crate::Failure;
use crate::drain::per_kilosecond;
use crate::gateway::{self, Running};
use std::time::{Duration, Instant};

/// How many endpoints there are.
const ENDPOINTS: usize = 16;
/// How long the first delivery may take.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Deliveries in a thousand seconds, while there were always more to make.
pub async fn measure(gateway: &Running, stub: &Running, warm_up: Duration, span: Duration) -> Result<u64, Failure> {
    let before = delivered(stub).await?;
    for endpoint in 0..ENDPOINTS {
        let body = format!(r#"{{"url":"http://{}/hook/{endpoint}"}}"#, stub.address);
        let made = gateway::post(&gateway.address, "/v1/webhook_endpoints", &body).await?;
        let id = made["id"].as_str().ok_or("the endpoint has no id")?;
        let path = format!("/v1/webhook_endpoints/{id}/replay");
        gateway::post(&gateway.address, &path, r#"{"created_gte":"2020-01-01T00:00:00Z"}"#).await?;
    }
    let asked = Instant::now();
    while delivered(stub).await? == before {
        if asked.elapsed() > PATIENCE {
            return Err("nothing is delivered".into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tokio::time::sleep(warm_up).await;
    let (first, begun) = (delivered(stub).await?, Instant::now());
    tokio::time::sleep(span).await;
    let (last, window) = (delivered(stub).await?, begun.elapsed());
    per_kilosecond(last - first, window)
}

async fn delivered(stub: &Running) -> Result<u64, Failure> {
    Ok(gateway::get(&stub.address, "/asked").await?["hook"].as_u64().unwrap_or(0))
}
