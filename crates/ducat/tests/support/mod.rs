//! What the tests of the real program share: starting and ending it, speaking HTTP with it, reading forms, throwing dice, saying what came of it.

#![allow(dead_code, reason = "each of the test programs uses its own part")]

pub mod dice;
pub mod forms;
pub mod http;
pub mod log;
pub mod process;
