//! Money after the sale, asked for through the sandbox's front door: Stripe's own paths, and the control interface.

mod balance;
mod captures;
mod clock;
mod disputes;
mod files;
mod kept;
mod payouts;
mod world;
