//! Merchants' addresses for events.
//!
//! - `create`, `update`, `delete`, `rotate_secret`: the settings. `check`: whether they make sense. `keys`: what signs.
//! - `test`: send one now and see; `turns`: how many at once. `replay`: have the events of a range delivered again.
//! - `view`: what is shown of them. `pause`: what comes of an endpoint that fails.

mod check;
mod create;
mod delete;
mod keys;
mod pause;
mod replay;
mod rotate_secret;
mod test;
mod turns;
mod update;
mod view;

pub use create::{MAX_ENDPOINTS, NewWebhookEndpoint, create};
pub use delete::{DeletedView, delete};
pub(crate) use keys::EndpointKeys;
pub(crate) use pause::pause;
pub use replay::{NewReplay, ReplayView, replay};
pub use rotate_secret::rotate_secret;
pub use test::test;
pub(crate) use turns::TestTurns;
pub use update::{Use, WebhookEndpointPatch, update};
pub(crate) use view::own;
pub use view::{SecretView, WebhookEndpointView, get, list};
