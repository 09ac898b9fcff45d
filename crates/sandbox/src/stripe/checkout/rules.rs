//! What the parameters of a new session must be together; each alone was checked by the table.

use crate::stripe::context::Ctx;
use crate::stripe::errors::ApiError;
use crate::world::Read;
use serde_json::{Map, Value};
use url::Url;

const SHORTEST_S: i64 = 30 * 60;
const LONGEST_S: i64 = 24 * 3_600;
/// What the page can be paid with. Other types may stand beside these; a session that has none of these could never be paid.
pub(crate) const PLAYED: [&str; 2] = ["card", "sepa_debit"];
/// Types that take only some currencies.
const CURRENCIES_OF: &[(&str, &str)] = &[
    ("acss_debit", "cad usd"),
    ("affirm", "cad usd"),
    ("au_becs_debit", "aud"),
    ("bacs_debit", "gbp"),
    ("bancontact", "eur"),
    ("bizum", "eur"),
    ("blik", "pln"),
    ("boleto", "brl"),
    ("cashapp", "usd"),
    ("eps", "eur"),
    ("fpx", "myr"),
    ("giropay", "eur"),
    ("grabpay", "myr sgd"),
    ("ideal", "eur"),
    ("konbini", "jpy"),
    ("mb_way", "eur"),
    ("multibanco", "eur"),
    ("oxxo", "mxn"),
    ("p24", "eur pln"),
    ("paynow", "sgd"),
    ("pix", "brl"),
    ("promptpay", "thb"),
    ("sepa_debit", "eur"),
    ("sofort", "eur"),
    ("swish", "sek"),
    ("twint", "chf"),
    ("us_bank_account", "usd"),
];

type Params = Map<String, Value>;

/// Where the customer pays; older names mean the same.
pub(super) fn ui_mode(params: &Params) -> &'static str {
    match params.text("ui_mode") {
        "embedded" | "embedded_page" => "embedded_page",
        "custom" | "elements" => "elements",
        _ => "hosted_page",
    }
}

/// Refuses what cannot be before anything is made.
pub(super) fn check(ctx: &Ctx<'_>, params: &Params) -> Result<(), ApiError> {
    mode(params)?;
    addresses(params)?;
    customer(ctx, params)?;
    exclusive(params, "allow_promotion_codes", "discounts")?;
    not_offered(params)?;
    if let Some(email) = part(params, "payment_intent_data").some("receipt_email") {
        valid_email(email, "payment_intent_data[receipt_email]")?;
    }
    expires_at(params, ctx.now()).map(|_| ())
}

/// A parameter that holds others; null if it was not given.
fn part<'p>(params: &'p Params, name: &str) -> &'p Value {
    params.get(name).unwrap_or(&Value::Null)
}

fn mode(params: &Params) -> Result<(), ApiError> {
    match params.some("mode") {
        None => Err(ApiError::missing("mode")),
        Some("payment") => Ok(()),
        Some(other) => Err(ApiError::invalid(format!(
            "This sandbox does not offer Checkout Sessions in `{other}` mode yet; only `payment` mode."
        ))
        .param("mode")),
    }
}

fn addresses(params: &Params) -> Result<(), ApiError> {
    for name in ["success_url", "cancel_url", "return_url"] {
        if let Some(text) = params.some(name) {
            valid_url(text, name)?;
        }
    }
    let forbidden = |name: &str, mode: &str| {
        if params.has(name) {
            return Err(
                ApiError::invalid(format!("The `{name}` parameter cannot be used when `ui_mode` is `{mode}`.")).param(name)
            );
        }
        Ok(())
    };
    if ui_mode(params) == "hosted_page" {
        forbidden("return_url", "hosted_page")?;
        forbidden("redirect_on_completion", "hosted_page")?;
        return if params.has("success_url") { Ok(()) } else { Err(ApiError::missing("success_url")) };
    }
    let mode = ui_mode(params);
    forbidden("success_url", mode)?;
    forbidden("cancel_url", mode)?;
    if params.text("redirect_on_completion") == "never" {
        return forbidden("return_url", &format!("{mode}` and `redirect_on_completion` is `never"));
    }
    if mode == "embedded_page" && !params.has("return_url") { Err(ApiError::missing("return_url")) } else { Ok(()) }
}

fn valid_url(text: &str, param: &str) -> Result<(), ApiError> {
    let refused = |message: &str| Err(ApiError::invalid(message).code("url_invalid").param(param));
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && !text.contains(char::is_whitespace) => Ok(()),
        Err(_) if !text.contains("://") => refused("Invalid URL: An explicit scheme (such as https) must be provided."),
        _ => refused("Not a valid URL"),
    }
}

/// Whether this looks like an address that mail could reach.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control()) && !user.contains('@');
    plain && !user.is_empty() && text.len() <= 512 && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
}

fn valid_email(text: &str, param: &str) -> Result<(), ApiError> {
    if is_email(text) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("Invalid email address: {text}")).code("email_invalid").param(param))
}

fn customer(ctx: &Ctx<'_>, params: &Params) -> Result<(), ApiError> {
    exclusive(params, "customer", "customer_email")?;
    exclusive(params, "customer", "customer_creation")?;
    if let Some(email) = params.some("customer_email") {
        valid_email(email, "customer_email")?;
    }
    match params.some("customer") {
        Some(id) => ctx.load_param("customer", id, "customer").map(|_| ()),
        None if params.has("customer_update") => {
            Err(ApiError::invalid("`customer_update` can only be used with `customer`.").param("customer_update"))
        }
        None => Ok(()),
    }
}

fn exclusive(params: &Params, one: &str, other: &str) -> Result<(), ApiError> {
    let given = |name: &str| match params.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(all)) => !all.is_empty(),
        Some(_) => true,
    };
    if given(one) && given(other) {
        return Err(ApiError::invalid(format!("You may only specify one of these parameters: {one}, {other}.")).param(other));
    }
    Ok(())
}

/// What would be a lie to accept, because this sandbox would not do it.
fn not_offered(params: &Params) -> Result<(), ApiError> {
    let refuse =
        |what: &str, param: &str| Err(ApiError::invalid(format!("This sandbox does not offer {what} yet.")).param(param));
    if part(params, "automatic_tax").yes("enabled") {
        return refuse("automatic tax", "automatic_tax[enabled]");
    }
    for name in ["subscription_data", "setup_intent_data"] {
        if params.has(name) {
            let text = format!("`{name}` cannot be used in `payment` mode.");
            return Err(ApiError::invalid(text).param(name));
        }
    }
    if params.has("payment_method_collection") {
        let text = "You can only set `payment_method_collection` in `subscription` mode.";
        return Err(ApiError::invalid(text).param("payment_method_collection"));
    }
    for name in ["application_fee_amount", "on_behalf_of", "transfer_data"] {
        if part(params, "payment_intent_data").has(name) {
            return refuse("connected accounts", &format!("payment_intent_data[{name}]"));
        }
    }
    if params.has("customer_account") { refuse("customer accounts", "customer_account") } else { Ok(()) }
}

/// When the session ends: as asked, within bounds, or a day from now.
pub(super) fn expires_at(params: &Params, now: i64) -> Result<i64, ApiError> {
    let Some(at) = params.get("expires_at").and_then(Value::as_i64) else { return Ok(now + LONGEST_S) };
    // A caller's clock runs a little behind its own request.
    const GRACE_S: i64 = 60;
    if at < now + SHORTEST_S - GRACE_S {
        let text = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.";
        return Err(ApiError::invalid(text).param("expires_at"));
    }
    if at > now + LONGEST_S + GRACE_S {
        return Err(ApiError::invalid("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
            .param("expires_at"));
    }
    Ok(at)
}

/// The ways to pay that the session offers.
pub(super) fn method_types(params: &Params, currency: &str) -> Result<Vec<String>, ApiError> {
    let texts = |name: &str| -> Vec<String> {
        params.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let mut wanted = texts("payment_method_types");
    if wanted.is_empty() {
        wanted.push("card".to_owned());
    }
    let param = "payment_method_types";
    let excluded = texts("excluded_payment_method_types");
    wanted.retain(|t| !excluded.contains(t));
    let mut seen = Vec::new();
    for kind in wanted {
        if seen.contains(&kind) {
            return Err(ApiError::invalid(format!("The payment method type `{kind}` was given more than once.")).param(param));
        }
        seen.push(kind);
    }
    for kind in &seen {
        let Some((_, takes)) = CURRENCIES_OF.iter().find(|(k, takes)| k == kind && !takes.split(' ').any(|c| c == currency))
        else {
            continue;
        };
        let takes = takes.replace(' ', ", ");
        let text =
            format!("The payment method type `{kind}` cannot be used with the currency `{currency}`. It supports: {takes}.");
        return Err(ApiError::invalid(text).code("payment_method_unsupported_type").param(param));
    }
    if seen.is_empty() {
        return Err(ApiError::invalid("No payment method type is left to pay this session with.").param(param));
    }
    if !seen.iter().any(|t| PLAYED.contains(&t.as_str())) {
        let text = format!("This sandbox cannot play {} yet: add one of {}.", seen.join(", "), PLAYED.join(", "));
        return Err(ApiError::invalid(text).param(param));
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_hosted_session_needs_a_success_url_and_an_embedded_one_a_return_url() {
        assert_eq!(addresses(&params(json!({}))).unwrap_err().object()["param"], "success_url");
        assert!(addresses(&params(json!({"success_url": "https://a.example/{CHECKOUT_SESSION_ID}"}))).is_ok());
        let embedded = json!({"ui_mode": "embedded", "success_url": "https://a.example", "return_url": "https://a.example"});
        assert_eq!(addresses(&params(embedded)).unwrap_err().object()["param"], "success_url");
        assert!(addresses(&params(json!({"ui_mode": "embedded_page", "return_url": "https://a.example"}))).is_ok());
    }

    #[test]
    fn an_address_that_is_no_url_is_refused() {
        for bad in ["nonsense", "ftp://a.example", "https://", "javascript:alert(1)"] {
            assert_eq!(valid_url(bad, "success_url").unwrap_err().object()["code"], "url_invalid", "{bad}");
        }
        assert!(valid_url("http://127.0.0.1:8080/ok?id={CHECKOUT_SESSION_ID}", "success_url").is_ok());
    }

    #[test]
    fn a_session_lives_half_an_hour_to_a_day() {
        assert_eq!(expires_at(&params(json!({})), 1_000).unwrap(), 1_000 + LONGEST_S);
        assert!(expires_at(&params(json!({"expires_at": 1_000 + 600})), 1_000).is_err());
        assert!(expires_at(&params(json!({"expires_at": 1_000 + 3_600})), 1_000).is_ok());
        assert!(expires_at(&params(json!({"expires_at": 1_000 + 2 * LONGEST_S})), 1_000).is_err());
    }

    #[test]
    fn other_methods_may_stand_beside_a_card_in_a_currency_they_take() {
        let types = |kinds: &[&str], currency: &str| method_types(&params(json!({"payment_method_types": kinds})), currency);
        assert_eq!(types(&["card", "ideal", "paypal"], "eur").unwrap(), ["card", "ideal", "paypal"]);
        assert!(types(&["card", "ideal"], "usd").is_err());
        assert!(types(&["ideal"], "eur").is_err() && types(&["card", "card"], "eur").is_err());
    }

    #[test]
    fn an_email_has_one_at_and_a_dotted_host() {
        assert!(is_email("jenny@example.com"));
        for bad in ["jenny", "jenny@", "@example.com", "jenny@example", "a b@example.com", "a@b@example.com"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
