//! Keys to the API.
//!
//! - `authenticate`: who calls. `create`, `list`, `revoke`, `adopt`: a merchant's keys. `cache`: keys seen lately.

mod authenticate;
mod cache;
mod create;
mod revoke;
mod view;

pub use authenticate::{AuthError, Caller, authenticate};
pub(crate) use cache::KeyCache;
pub use create::{NewKey, adopt, create};
pub use revoke::revoke;
pub use view::{ApiKeyView, list};
