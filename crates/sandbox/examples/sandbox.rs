//! Runs the sandbox alone: `cargo run -p ducat-sandbox --example sandbox -- 12111`.

use ducat_domain::{Chance, Clock, Timestamp};
use ducat_sandbox::{Sandbox, Settings, serve};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

struct RealClock;

impl Clock for RealClock {
    #[allow(clippy::disallowed_methods, reason = "a program of its own makes its own clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

struct RealChance;

impl Chance for RealChance {
    #[allow(clippy::disallowed_methods, reason = "a program of its own takes the system's randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Without randomness every id would be the same: nothing may go on.
            eprintln!("the system gives no random bytes: {error}");
            std::process::abort();
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|p| p.parse().ok()).unwrap_or(12_111_u16);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let public_url = format!("http://{}", listener.local_addr()?);
    println!("sandbox on {public_url}");
    let sandbox = Sandbox::new(Arc::new(RealClock), Arc::new(RealChance), Settings { public_url });
    let interrupted = async {
        // Whether the signal came or cannot be heard at all, there is nothing left to wait for.
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(listener, sandbox, interrupted).await
}
