//! The store as its callers see it, and the database as an intruder or a crash finds it.
//!
//! - `conformance`: what every database behind the store must do; nothing in it knows which one it is.
//! - `group_commit`: many callers at once. `turns`: how often they wait for a server.
//! - `attacks`: what the database itself refuses, whoever asks.
//! - `tampering`, `workload`: what `verify` finds, and that it finds nothing in sound books.
//! - `outbox`: both, for webhooks.
//! - `nodes`: several nodes on one server. `lost_answer`: the connection is cut while the server commits. `losers`: a group of which some
//!   have lost. `retries`: others' locks. `months`: what lies in tables by month.
//!   `closings`: books are closed while others write. `pooler`: through PgBouncer.
//! - `crash`: SIGKILL and a full disk. `files`: the file itself, settings, foreign files. `migration`: an old file becomes a new one.
//!   `migration_on_server`: so does a database on a server, step by step.
//! - `column_types`: what the columns on a server are. `each_database`: runs cases on each database.
//! - `builders`, `later`: small makers of test data, for the sale and for what comes after it. `samples`: rows of every table. `intruder`,
//!   `on_server`: somebody with SQL of their own.

mod attacks;
mod builders;
mod closings;
mod column_types;
mod conformance;
mod crash;
mod crowd;
mod each_database;
mod files;
mod group_commit;
mod intruder;
mod later;
mod losers;
mod lost_answer;
mod migration;
mod migration_on_server;
mod months;
mod neighbours;
mod nodes;
mod on_server;
mod outbox;
mod pooler;
mod retries;
mod samples;
mod tampering;
mod turns;
mod workload;
