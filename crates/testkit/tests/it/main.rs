//! The pay-in over the real engine, a real SQLite file and the sandbox: good days, bad days and bad input.

mod archive;
mod cancel;
mod capture;
mod claim;
mod create;
mod crowds;
mod declines;
mod deliveries;
mod dispute;
mod ending;
mod golden;
mod hooks_at_random;
mod idempotency;
mod messages;
mod nodes;
mod pay;
mod permutations;
mod refund;
mod statement;
mod twins;
mod unknown;
mod worker;
