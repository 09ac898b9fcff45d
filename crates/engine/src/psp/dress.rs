//! A connector's request with everything that is the same for all requests to its PSP: address, credentials, version, key.

use super::Outgoing;
use super::address::address;
use ducat_connectors::{Account, Auth, Fault, HttpRequest, Spec};
use ducat_domain::Secret;
use std::time::Duration;

/// The request as it is sent.
pub(super) fn dress(spec: &Spec, account: &Account, request: &HttpRequest, timeout: Duration) -> Result<Outgoing, Fault> {
    let mut headers = vec![credentials(spec, account)?];
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), Secret::new(value)));
    add("accept", "application/json");
    for (name, value) in spec.headers {
        add(name, value);
    }
    if !request.body.is_empty() {
        add("content-type", request.content_type);
    }
    if let Some(key) = &request.key {
        add(spec.idempotency.header, key);
    }
    let url = address(spec, account, &request.path)?;
    Ok(Outgoing { method: request.method, url, headers, body: request.body.clone(), timeout })
}

fn credentials(spec: &Spec, account: &Account) -> Result<(String, Secret), Fault> {
    let Auth::Bearer(setting) = spec.auth;
    let key = account.setting(setting).ok_or_else(|| Fault::Config(format!("{setting} is missing")))?;
    // A key with a line break in it, pasted by hand, would be refused by the HTTP library with less to go by.
    if !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Fault::Config(format!("{setting} holds characters that no key has")));
    }
    Ok(("authorization".into(), Secret::new(format!("Bearer {key}"))))
}
