//! Several nodes behind HAProxy, with Valkey for what they share: nodes leave and come back and no request is lost; Valkey dies and everything
//! goes on.
//!
//! - `world`: the nodes and the PSP. `balancer`: HAProxy, with the file that is in `deploy`. `traffic`: shops that call without a pause.
//!   `customer`: somebody who pays.
//! - `leaving`: nodes that leave. `failover`: the database's primary dies. `sharing`: what nodes share, and lose.

#[path = "../support/mod.rs"]
mod support;
#[path = "../../../cache/tests/support/valkey.rs"]
mod valkey;

mod balancer;
mod customer;
mod failover;
mod leaving;
mod sharing;
mod traffic;
mod world;
