//! Settings from the environment: `DUCAT_` and the name in capitals. An empty variable counts as not set, but for the address of the database.

use super::mistakes::nearest;
use super::{Gathered, Given, Mistakes, Source, TABLE};
use std::ffi::OsString;

const PREFIX: &str = "DUCAT_";
/// A node whose address of the database got lost on the way must not take payments into a file of its own.
const NEVER_EMPTY: &str = "DUCAT_DATABASE_URL";
/// Variables that belong to scripts around the program.
const NOT_OURS: &[&str] = &["DUCAT_BIN", "DUCAT_TEST_", "DUCAT_SDK_"];

/// Takes what the environment says, over what is there already.
pub(super) fn gather(environment: impl Iterator<Item = (OsString, OsString)>, given: &mut Gathered, mistakes: &mut Mistakes) {
    let mut ours: Vec<_> = environment.filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    ours.retain(|(name, _)| name.starts_with(PREFIX) && !NOT_OURS.iter().any(|other| name.starts_with(other)));
    ours.sort();
    for (variable, value) in ours {
        let Some(setting) = TABLE.iter().find(|setting| setting.variable() == variable) else {
            mistakes.add(&variable, unknown(&variable));
            continue;
        };
        match value.into_string() {
            Err(_) => mistakes.add(variable, "is not valid UTF-8"),
            Ok(text) if text.is_empty() && variable == NEVER_EMPTY => {
                mistakes.add(variable, "is empty: give the address, or leave the variable out for a file in data_dir");
            }
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                given.insert(setting.name, Given { text, source: Source::Environment(variable) });
            }
        }
    }
}

fn unknown(variable: &str) -> String {
    match nearest(variable.trim_start_matches(PREFIX)) {
        Some(name) => format!("is no setting; did you mean {PREFIX}{}?", name.to_uppercase()),
        None => "is no setting; ducat.example.toml lists them all".to_owned(),
    }
}
