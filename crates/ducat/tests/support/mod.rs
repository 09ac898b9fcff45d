//! What the tests of the real program share: starting and ending it, speaking HTTP with it, reading forms, throwing dice.

#![allow(dead_code, reason = "each of the two test programs uses its own part")]

pub mod dice;
pub mod forms;
pub mod http;
pub mod process;
