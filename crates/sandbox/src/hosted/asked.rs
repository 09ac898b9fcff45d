//! What a session asks the customer beside the payment itself: a phone number, addresses, the shop's own questions, its terms. A
//! question that the page shows must be answered; a form that was sent without the field (by a program that knows no such field) is
//! taken as it is.

use super::entry::{Entry, Mistake};
use crate::world::Read;
use serde_json::{Value, json};

/// No answer is longer than this, whatever the shop allows.
const LONGEST: usize = 255;
const TERMS: &str = "terms_of_service";
/// Sent with the terms, because an empty box is not sent at all.
pub(super) const TERMS_ASKED: &str = "terms_asked";

/// Questions under one heading.
pub(super) struct Group {
    pub heading: &'static str,
    pub questions: Vec<Question>,
}

/// One field of the form.
pub(super) struct Question {
    pub name: String,
    pub label: String,
    pub autocomplete: &'static str,
    pub kind: Kind,
    pub value: String,
    pub optional: bool,
    pub longest: usize,
    shortest: usize,
}

/// How a question is answered.
pub(super) enum Kind {
    Text,
    Digits,
    Country,
    /// What is sent, and what is read.
    Choice(Vec<(String, String)>),
    Tick,
}

impl Question {
    fn new(name: impl Into<String>, label: impl Into<String>, autocomplete: &'static str) -> Self {
        let (name, label) = (name.into(), label.into());
        Self { name, label, autocomplete, kind: Kind::Text, value: String::new(), optional: false, longest: LONGEST, shortest: 0 }
    }

    fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The choices, if this is a choice.
    pub fn choices(&self) -> Option<&[(String, String)]> {
        match &self.kind {
            Kind::Choice(all) => Some(all),
            _ => None,
        }
    }

    pub fn is_tick(&self) -> bool {
        matches!(self.kind, Kind::Tick)
    }

    /// The keyboard a telephone should show.
    pub fn inputmode(&self) -> &'static str {
        match (&self.kind, self.autocomplete) {
            (Kind::Digits, _) => "numeric",
            (_, "tel") => "tel",
            _ => "text",
        }
    }

    fn wrong(&self) -> Option<String> {
        let length = self.value.chars().count();
        if length == 0 {
            return (!self.optional).then(|| match self.kind {
                Kind::Tick => "Agree to the terms to go on.".to_owned(),
                Kind::Choice(_) => format!("Choose: {}.", self.label),
                _ => format!("Enter: {}.", self.label),
            });
        }
        match &self.kind {
            Kind::Digits if !self.value.bytes().all(|b| b.is_ascii_digit()) => {
                Some("Only digits can be entered here.".to_owned())
            }
            Kind::Country if length != 2 || !self.value.bytes().all(|b| b.is_ascii_alphabetic()) => {
                Some("Enter the two letters of the country, such as DE.".to_owned())
            }
            Kind::Choice(all) if !all.iter().any(|(value, _)| *value == self.value) => Some("Choose one of the list.".to_owned()),
            _ if length < self.shortest => Some(format!("Enter at least {} characters.", self.shortest)),
            _ if length > self.longest => Some(format!("Enter at most {} characters.", self.longest)),
            _ => None,
        }
    }
}

/// Everything this session asks, with what was typed so far.
pub(super) fn groups(session: &Value, entry: Option<&Entry>) -> Vec<Group> {
    let mut groups = Vec::new();
    if session["phone_number_collection"].yes("enabled") {
        groups.push(Group { heading: "", questions: vec![Question::new("phone", "Phone number", "tel")] });
    }
    if let Some(allowed) = session["shipping_address_collection"]["allowed_countries"].as_array() {
        let codes = allowed.iter().filter_map(Value::as_str).map(|c| (c.to_owned(), c.to_owned())).collect();
        groups.push(Group { heading: "Shipping address", questions: shipping(Kind::Choice(codes)) });
    }
    if session.text("billing_address_collection") == "required" {
        groups.push(Group { heading: "Billing address", questions: billing() });
    }
    let own: Vec<Question> = session["custom_fields"].as_array().into_iter().flatten().map(custom).collect();
    if !own.is_empty() {
        groups.push(Group { heading: "The shop asks", questions: own });
    }
    if session["consent_collection"].text(TERMS) == "required" {
        let words = session["custom_text"]["terms_of_service_acceptance"].some("message");
        let label = words.unwrap_or("I agree to the terms of this imaginary shop");
        groups.push(Group { heading: "", questions: vec![Question::new(TERMS, label, "off").of(Kind::Tick)] });
    }
    if let Some(entry) = entry {
        for question in groups.iter_mut().flat_map(|g| &mut g.questions).filter(|q| entry.sent(&q.name)) {
            question.value = entry.text(&question.name).to_owned();
        }
    }
    groups
}

fn shipping(country: Kind) -> Vec<Question> {
    vec![
        Question::new("shipping_name", "Recipient", "shipping name"),
        Question::new("shipping_line1", "Street and number", "shipping address-line1"),
        Question::new("shipping_line2", "Flat, floor, company", "shipping address-line2").optional(),
        Question::new("shipping_postal_code", "Postcode", "shipping postal-code"),
        Question::new("shipping_city", "Town", "shipping address-level2"),
        Question::new("shipping_state", "State or region", "shipping address-level1").optional(),
        Question::new("shipping_country", "Country", "shipping country").of(country),
    ]
}

fn billing() -> Vec<Question> {
    vec![
        Question::new("billing_line1", "Street and number", "billing address-line1"),
        Question::new("billing_line2", "Flat, floor, company", "billing address-line2").optional(),
        Question::new("billing_postal_code", "Postcode", "billing postal-code"),
        Question::new("billing_city", "Town", "billing address-level2"),
        Question::new("billing_state", "State or region", "billing address-level1").optional(),
        Question::new("billing_country", "Country (two letters)", "billing country").of(Kind::Country),
    ]
}

/// A question of the shop's own.
fn custom(field: &Value) -> Question {
    let (kind, rules) = (field.text("type"), &field[field.text("type")]);
    let texts = |option: &Value| (option.text("value").to_owned(), option.text("label").to_owned());
    let size = |name: &str| rules[name].as_u64().and_then(|n| usize::try_from(n).ok());
    Question {
        kind: match kind {
            "dropdown" => Kind::Choice(rules["options"].as_array().into_iter().flatten().map(texts).collect()),
            "numeric" => Kind::Digits,
            _ => Kind::Text,
        },
        value: rules.text("default_value").to_owned(),
        optional: field.yes("optional"),
        longest: size("maximum_length").unwrap_or(LONGEST).min(LONGEST),
        shortest: size("minimum_length").unwrap_or(0),
        ..Question::new(custom_name(field), field["label"].text("custom"), "off")
    }
}

fn custom_name(field: &Value) -> String {
    format!("custom_{}", field.text("key"))
}

/// What is wrong with the answers that were sent.
pub(super) fn mistakes(groups: &[Group], entry: &Entry) -> Vec<Mistake> {
    let shown = |q: &&Question| entry.sent(&q.name) || (q.is_tick() && entry.sent(TERMS_ASKED));
    let questions = groups.iter().flat_map(|g| &g.questions).filter(shown);
    questions.filter_map(|q| q.wrong().map(|text| Mistake::new(&q.name, text))).collect()
}

/// The address that was typed under this prefix; null if none was.
pub(super) fn address(entry: &Entry, prefix: &str) -> Value {
    if !entry.sent(&format!("{prefix}_line1")) {
        return Value::Null;
    }
    let part = |name: &str| text(entry, &format!("{prefix}_{name}"));
    let country = entry.text(&format!("{prefix}_country")).to_ascii_uppercase();
    json!({
        "city": part("city"), "country": country, "line1": part("line1"), "line2": part("line2"),
        "postal_code": part("postal_code"), "state": part("state"),
    })
}

/// A field as typed; null if it was left empty.
pub(super) fn text(entry: &Entry, name: &str) -> Value {
    Some(entry.text(name)).filter(|t| !t.is_empty()).map_or(Value::Null, |t| json!(t))
}

/// Writes the answers into the session, where the shop finds them.
pub(super) fn keep(session: &mut Value, entry: &Entry) {
    let address_typed = address(entry, "shipping");
    if address_typed.is_object() {
        session["_typed"]["shipping"] =
            json!({ "address": address_typed, "name": text(entry, "shipping_name"), "phone": text(entry, "phone") });
    }
    session["_typed"]["address"] = address(entry, "billing");
    session["_typed"]["phone"] = text(entry, "phone");
    for field in session["custom_fields"].as_array_mut().into_iter().flatten() {
        let (name, kind) = (custom_name(field), field.text("type").to_owned());
        if entry.sent(&name) {
            field[&kind]["value"] = text(entry, &name);
        }
    }
    if !entry.text(TERMS).is_empty() {
        session["consent"] = json!({ "promotions": null, "terms_of_service": "accepted" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Value {
        json!({
            "phone_number_collection": {"enabled": true}, "shipping_address_collection": {"allowed_countries": ["DE"]},
            "consent_collection": {"terms_of_service": "required"}, "custom_fields": [
                {"key": "size", "type": "dropdown", "optional": false, "label": {"custom": "Size"}, "dropdown": {"options": [{"label": "Large", "value": "l"}]}},
                {"key": "age", "type": "numeric", "optional": true, "label": {"custom": "Age"}, "numeric": {"maximum_length": 3}},
            ],
        })
    }

    fn wrong(body: &str) -> Vec<String> {
        let (session, entry) = (session(), Entry::read(body.as_bytes()));
        mistakes(&groups(&session, Some(&entry)), &entry).into_iter().map(|m| m.field).collect()
    }

    #[test]
    fn a_question_that_was_shown_must_be_answered_and_one_that_was_not_sent_need_not_be() {
        assert_eq!(wrong("number=4242"), Vec::<String>::new());
        assert_eq!(wrong("phone=&custom_size=&custom_age="), ["phone", "custom_size"]);
        assert_eq!(wrong("phone=1&custom_size=xl&custom_age=12a"), ["custom_size", "custom_age"]);
        assert_eq!(wrong("custom_age=1234&terms_asked=1"), ["custom_age", "terms_of_service"]);
        assert_eq!(wrong("shipping_country=FR"), ["shipping_country"]);
    }

    #[test]
    fn answers_are_kept_where_the_shop_looks_for_them() {
        let mut kept = session();
        kept["_typed"] = json!({});
        let body =
            b"custom_size=l&terms_of_service=accepted&phone=%2B49&shipping_name=Ada&shipping_line1=A+1&shipping_country=DE";
        keep(&mut kept, &Entry::read(body));
        assert_eq!(kept["custom_fields"][0]["dropdown"]["value"], "l");
        assert_eq!(kept["consent"]["terms_of_service"], "accepted");
        assert_eq!((kept["_typed"].text("phone"), kept["_typed"]["shipping"]["address"].text("country")), ("+49", "DE"));
    }
}
