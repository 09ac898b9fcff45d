//! The web, driven as callers drive it, over a temporary database and a PSP that the test controls.

#![allow(missing_docs)]

mod after_the_sale;
mod ask;
mod auth;
mod bad_input;
mod books;
mod declines;
mod disputes;
mod documents;
mod events;
mod idempotency;
mod inbound;
mod lists;
mod live;
mod pages;
mod payment_orders;
mod setup;
mod surroundings;
mod webhook_endpoints;
mod world;
