//! Ports for servers of tests that start them by a number, and start them again at the same one.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// Linux gives outgoing connections ports from 32,768 on. A port from there that is free now can be somebody's way out a moment later, and
/// a client that tries a server's port while the server is down can even be connected with itself.
const RANGE: Range<u16> = 20_000..32_000;
/// How many ports of it are tried before there is none.
const TRIES: u32 = 1_000;

/// A port on loopback at which nobody listens, and which nobody else in this process is given.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Programs that run side by side begin far from each other.
    let begin = std::process::id().wrapping_mul(397);
    (0..TRIES)
        .map(|_| begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % RANGE.len() as u32)
        .map(|step| RANGE.start + u16::try_from(step).expect("within the range"))
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("a free port")
}
