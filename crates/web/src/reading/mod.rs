//! Reading what callers send: bodies, JSON, fields, query parameters. Everything that is wrong is said with the place where it is.
//!
//! - `body`: bytes from the network, within a limit, a time, and what all of them may hold together.
//! - `json`: bytes as JSON, with the place of an error; keys that stand twice are refused.
//! - `fields`: JSON as the fields of a request; unknown ones are refused by name.
//! - `query`: query parameters and the window of a list.
//! - `moment`: moments in either.
//! - `canonical`: the one text that equal requests share, for fingerprints.

pub(crate) mod body;
pub(crate) mod canonical;
pub(crate) mod fields;
pub(crate) mod json;
mod moment;
pub(crate) mod query;

pub(crate) use fields::Fields;
pub(crate) use query::Query;
