//! Sealing and opening an account's settings.

use crate::payments::Psp;
use crate::{Engine, Error, Problem};
use ducat_connectors::{Account, Spec};
use ducat_domain::{PspAccount, PspAccountId, Secret};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest value of a setting, in bytes.
const MAX_SETTING: usize = 4096;

/// The settings as one encrypted text, bound to the account.
pub(super) fn seal(engine: &Engine, id: PspAccountId, settings: &BTreeMap<String, Secret>) -> Result<Vec<u8>, Error> {
    let plain: BTreeMap<&str, &str> = settings.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let text = serde_json::to_string(&plain).map_err(|_| Error::Internal("settings cannot be written".into()))?;
    Ok(engine.vault().seal(engine.chance(), id.as_bytes(), &Secret::new(text))?)
}

/// The account's translator with its opened credentials.
pub(crate) fn open(engine: &Engine, account: &PspAccount) -> Result<Psp, Error> {
    let connector = ducat_connectors::connector(&account.psp)
        .ok_or_else(|| Error::Internal(format!("no connector for the PSP {:?} of {}", account.psp, account.id)))?;
    let text = engine.vault().open(account.id.as_bytes(), &account.sealed_settings)?;
    // The error of the parser could quote the text, so it goes no further.
    let plain: BTreeMap<String, String> = serde_json::from_str(text.expose())
        .map_err(|_| Error::Internal(format!("the settings of {} cannot be read", account.id)))?;
    let settings = plain.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    Ok(Psp { connector, account: Arc::new(Account { settings }), merchant: account.merchant, id: account.id })
}

/// Whether the settings are those that the PSP needs.
pub(super) fn check(spec: &Spec, settings: &BTreeMap<String, Secret>) -> Result<(), Problem> {
    for (name, value) in settings {
        let param = format!("/settings/{name}");
        if !spec.settings.iter().any(|s| s.name == name) {
            let known: Vec<_> = spec.settings.iter().map(|s| s.name).collect();
            return Err(Problem::field("unknown_field", param, format!("{} has the settings {}", spec.title, known.join(", "))));
        }
        let text = value.expose();
        if text.len() > MAX_SETTING || text.chars().any(char::is_control) {
            return Err(Problem::field("invalid_text", param, "must be at most 4096 bytes without control characters"));
        }
    }
    let account = Account { settings: settings.clone() };
    if let Err(fault) = crate::psp::address(spec, &account, "/") {
        return Err(Problem::field("invalid_url", format!("/settings/{}", spec.base_setting), fault.to_string()));
    }
    for needed in spec.settings.iter().filter(|s| s.required) {
        if settings.get(needed.name).is_none_or(|v| v.expose().is_empty()) {
            return Err(Problem::field(
                "missing_field",
                format!("/settings/{}", needed.name),
                format!("{} is needed", needed.what),
            ));
        }
    }
    Ok(())
}
