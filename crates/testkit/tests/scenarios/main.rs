//! Payments over the real engine, a real database and the sandbox: good days, bad days and bad input. Worlds stand on SQLite, or, with
//! `DUCAT_WORLDS=postgres`, on a server: then one test at a time (`--test-threads 1`), because there the readers of events wait for every
//! transaction of the server.

mod archive;
mod cancel;
mod capture;
mod claim;
mod closings;
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
mod nobody_listens;
mod nodes;
mod pay;
mod permutations;
mod refund;
mod stalled;
mod statement;
mod sweep;
mod twins;
mod unknown;
mod worker;
