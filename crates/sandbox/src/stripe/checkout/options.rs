//! The options of a session in the shape in which the object shows them: what was not given is null where Stripe says null.

use crate::stripe::errors::ApiError;
use crate::world::Read;
use serde_json::{Map, Value, json};

type Params = Map<String, Value>;

const MAX_CUSTOM_FIELDS: usize = 3;

/// A parameter as given, or null.
pub(super) fn given(params: &Params, name: &str) -> Value {
    params.get(name).cloned().unwrap_or_default()
}

/// The same object with each of these fields there, null if it was not given.
fn filled(object: &Value, fields: &[&str]) -> Value {
    Value::Object(fields.iter().map(|name| ((*name).to_owned(), object[*name].clone())).collect())
}

/// An object that is null as a whole unless it was given.
fn filled_or_null(params: &Params, name: &str, fields: &[&str]) -> Value {
    params.get(name).filter(|v| v.is_object()).map_or(Value::Null, |v| filled(v, fields))
}

/// The four places where a page may carry the seller's own words.
fn custom_text(params: &Params) -> Value {
    let places = ["after_submit", "shipping_address", "submit", "terms_of_service_acceptance"];
    filled(&given(params, "custom_text"), &places)
}

/// The seller's own questions, still without answers.
pub(super) fn custom_fields(params: &Params) -> Result<Value, ApiError> {
    let asked = params.get("custom_fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if asked.len() > MAX_CUSTOM_FIELDS {
        return Err(
            ApiError::invalid(format!("You may only specify up to {MAX_CUSTOM_FIELDS} custom fields.")).param("custom_fields")
        );
    }
    let mut shown: Vec<Value> = Vec::new();
    for (i, field) in asked.iter().enumerate() {
        let param = |name: &str| format!("custom_fields[{i}][{name}]");
        let key = field.text("key");
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err(ApiError::invalid("The `key` of a custom field must be alphanumeric.").param(&param("key")));
        }
        if shown.iter().any(|other| other.text("key") == key) {
            return Err(ApiError::invalid(format!("The custom field key `{key}` was given more than once.")).param(&param("key")));
        }
        let kind = field.text("type");
        if kind == "dropdown" && field["dropdown"]["options"].as_array().is_none_or(Vec::is_empty) {
            return Err(ApiError::missing(&format!("custom_fields[{i}][dropdown][options]")));
        }
        let rules = match kind {
            "dropdown" => filled(&field[kind], &["default_value", "options", "value"]),
            _ => filled(&field[kind], &["default_value", "maximum_length", "minimum_length", "value"]),
        };
        shown
            .push(json!({ "key": key, "label": field["label"], "optional": field.yes("optional"), "type": kind, (kind): rules }));
    }
    Ok(Value::Array(shown))
}

/// Options per way to pay: what was given, and for cards when to authenticate.
pub(super) fn payment_method_options(params: &Params, kinds: &[String]) -> Value {
    let mut options = match given(params, "payment_method_options") {
        Value::Object(mut options) => {
            options.retain(|kind, _| kinds.contains(kind));
            options
        }
        _ => Map::new(),
    };
    if kinds.iter().any(|k| k == "card") {
        let card = options.entry("card").or_insert_with(|| json!({}));
        if !card.has("request_three_d_secure") {
            card["request_three_d_secure"] = json!("automatic");
        }
    }
    Value::Object(options)
}

/// The look of the page.
fn branding(params: &Params) -> Value {
    let mut look = json!({
        "background_color": "#ffffff", "border_style": "rounded", "button_color": "#1f5f4a", "display_name": "Ducat sandbox",
        "font_family": "default", "icon": null, "logo": null,
    });
    if let Some(Value::Object(asked)) = params.get("branding_settings") {
        for (name, value) in asked.iter().filter(|(_, v)| !v.is_null()) {
            look[name] = value.clone();
        }
    }
    look
}

/// Adds every option that is shown in a shape of its own.
pub(super) fn add(session: &mut Value, params: &Params) -> Result<(), ApiError> {
    let enabled = |name: &str| params.get(name).is_some_and(|o| o.yes("enabled"));
    session["adaptive_pricing"] = json!({ "enabled": enabled("adaptive_pricing") });
    session["after_expiration"] = after_expiration(params);
    session["automatic_tax"] = json!({ "enabled": false, "liability": null, "provider": null, "status": null });
    session["branding_settings"] = branding(params);
    session["collected_information"] = json!({ "business_name": null, "individual_name": null, "shipping_details": null });
    session["consent_collection"] = consent_collection(params);
    session["custom_fields"] = custom_fields(params)?;
    session["custom_text"] = custom_text(params);
    session["invoice_creation"] = invoice_creation(params);
    session["managed_payments"] = json!({ "enabled": false });
    session["optional_items"] = optional_items(params);
    session["payment_method_collection"] = json!("if_required");
    session["phone_number_collection"] = json!({ "enabled": enabled("phone_number_collection") });
    session["saved_payment_method_options"] = saved_payment_method_options(params);
    Ok(())
}

/// Fields that the object has only when they were asked for or when the page is embedded.
pub(super) fn add_optional(session: &mut Value, params: &Params, ui_mode: &str) {
    if ui_mode != "hosted_page" {
        session["redirect_on_completion"] = params.get("redirect_on_completion").cloned().unwrap_or(json!("always"));
        if params.has("return_url") {
            session["return_url"] = given(params, "return_url");
        }
    }
    if params.has("excluded_payment_method_types") {
        session["excluded_payment_method_types"] = given(params, "excluded_payment_method_types");
    }
    if let Some(asked) = params.get("tax_id_collection") {
        let required = asked.some("required").unwrap_or("never");
        session["tax_id_collection"] = json!({ "enabled": asked["enabled"], "required": required });
    }
    if let Some(Value::Object(asked)) = params.get("name_collection") {
        let shown = asked.iter().map(|(k, v)| (k.clone(), json!({ "enabled": v["enabled"], "optional": v.yes("optional") })));
        session["name_collection"] = Value::Object(shown.collect());
    }
}

/// What the page asks the customer to agree to.
fn consent_collection(params: &Params) -> Value {
    filled_or_null(params, "consent_collection", &["payment_method_reuse_agreement", "promotions", "terms_of_service"])
}

/// What may be done with payment methods the customer saved.
fn saved_payment_method_options(params: &Params) -> Value {
    let names = ["allow_redisplay_filters", "payment_method_remove", "payment_method_save"];
    filled_or_null(params, "saved_payment_method_options", &names)
}

/// What happens once the session has expired unpaid.
fn after_expiration(params: &Params) -> Value {
    let Some(asked) = params.get("after_expiration").filter(|v| v.is_object()) else { return Value::Null };
    let recovery = match &asked["recovery"] {
        Value::Object(r) => json!({
            "allow_promotion_codes": r.yes("allow_promotion_codes"), "enabled": r.yes("enabled"), "expires_at": null, "url": null,
        }),
        _ => Value::Null,
    };
    json!({ "recovery": recovery })
}

/// What was asked of the invoice. It is shown, though no invoice is written yet: `invoice` stays null.
fn invoice_creation(params: &Params) -> Value {
    let creation = given(params, "invoice_creation");
    let asked = &creation["invoice_data"];
    let mut data =
        filled(asked, &["account_tax_ids", "custom_fields", "description", "footer", "issuer", "metadata", "rendering_options"]);
    if !data["metadata"].is_object() {
        data["metadata"] = json!({});
    }
    json!({ "enabled": creation.yes("enabled"), "invoice_data": data })
}

/// Items the customer may add.
fn optional_items(params: &Params) -> Value {
    let Some(asked) = params.get("optional_items").and_then(Value::as_array) else { return Value::Null };
    let shown = asked.iter().map(|item| {
        let adjustable = match &item["adjustable_quantity"] {
            Value::Null => Value::Null,
            given => filled(given, &["enabled", "maximum", "minimum"]),
        };
        json!({ "adjustable_quantity": adjustable, "price": item["price"], "quantity": item["quantity"] })
    });
    Value::Array(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_field_is_shown_with_every_rule_it_could_have() {
        let params = json!({"custom_fields": [{"key": "size", "type": "text", "label": {"type": "custom", "custom": "Size"}}]});
        let shown = custom_fields(params.as_object().unwrap()).unwrap();
        assert_eq!(
            shown[0]["text"],
            json!({"default_value": null, "maximum_length": null, "minimum_length": null, "value": null})
        );
        assert_eq!(shown[0]["optional"], false);
    }

    #[test]
    fn a_card_is_authenticated_automatically_unless_asked_otherwise() {
        let shown = payment_method_options(&Map::new(), &["card".to_owned()]);
        assert_eq!(shown, json!({"card": {"request_three_d_secure": "automatic"}}));
    }
}
