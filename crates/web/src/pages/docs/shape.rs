//! Schemas of the document as rows that a person reads.

use serde_json::Value;

/// One field of an object.
pub(super) struct Field {
    pub name: String,
    /// Its type in words; `link` leads to the schema behind it.
    pub kind: String,
    pub link: Option<String>,
    pub required: bool,
    pub text: String,
}

/// One schema.
pub(super) struct Shape {
    pub name: String,
    pub text: String,
    pub fields: Vec<Field>,
}

/// The last part of a reference.
pub(super) fn name_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// Every schema of the document, by name.
pub(super) fn all(document: &Value) -> Vec<Shape> {
    let schemas = document["components"]["schemas"].as_object();
    schemas.into_iter().flatten().map(|(name, schema)| shape(name, schema)).collect()
}

fn shape(name: &str, schema: &Value) -> Shape {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().into_iter().flatten();
    Shape {
        name: name.to_owned(),
        text: text(schema),
        fields: fields.map(|(field, schema)| row(field, schema, required.contains(&field.as_str()))).collect(),
    }
}

fn row(name: &str, schema: &Value, required: bool) -> Field {
    let (kind, link) = kind(schema);
    Field { name: name.to_owned(), kind, link, required, text: text(schema) }
}

fn text(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// A type in words, and the schema to which it leads.
pub(super) fn kind(schema: &Value) -> (String, Option<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = name_of(reference).to_owned();
        return (name.clone(), Some(name));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        // An object that may be missing is written as a choice between it and null.
        let real = choices.iter().find(|choice| choice["type"] != "null");
        return real.map_or_else(|| ("null".to_owned(), None), kind);
    }
    let plain = match &schema["type"] {
        Value::String(one) => one.as_str(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).find(|one| *one != "null").unwrap_or("any"),
        _ => "any",
    };
    match plain {
        "array" => {
            let (of, link) = kind(&schema["items"]);
            (format!("list of {of}"), link)
        }
        "object" if schema["additionalProperties"].is_object() => {
            let (of, link) = kind(&schema["additionalProperties"]);
            (format!("names with {of}"), link)
        }
        other => (other.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_said_in_words() {
        let said = |schema: Value| kind(&schema).0;
        assert_eq!(said(json!({ "type": ["string", "null"] })), "string");
        assert_eq!(said(json!({ "type": "array", "items": { "$ref": "#/components/schemas/Fee" } })), "list of Fee");
        assert_eq!(said(json!({ "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Customer" }] })), "Customer");
        assert_eq!(said(json!({ "type": "object", "additionalProperties": { "type": "string" } })), "names with string");
    }
}
