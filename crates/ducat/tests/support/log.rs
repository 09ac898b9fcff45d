//! What a run says of itself: the seed with which it can be run again, and its counts.

use std::io::Write;

/// Says it where it is seen. What is printed in a test that passes is kept from everybody, unless it goes to the stream itself.
pub fn say(line: &str) {
    // A log that nobody takes any more is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}
