//! Credentials as they come in: secrets from the first moment on.

use crate::problem::Problem;
use crate::reading::Fields;
use ducat_domain::Secret;
use std::collections::BTreeMap;

/// The field `settings`: names with texts.
pub(super) fn settings(fields: &mut Fields) -> Result<BTreeMap<String, Secret>, Problem> {
    let plain: BTreeMap<String, String> = fields.optional("settings")?.unwrap_or_default();
    Ok(plain.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}
