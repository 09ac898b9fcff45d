//! `GET /docs` and its pages, made from the OpenAPI document: every operation with its parameters, its body, an example and a form to try
//! it, a page for each group; and the objects of the API.

use super::shape::{self, Shape};
use crate::app::App;
use crate::pages::page;
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::Value;

struct Parameter {
    name: String,
    place: &'static str,
    kind: String,
    required: bool,
    text: String,
}

struct Outcome {
    status: String,
    text: String,
    schema: Option<String>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    text: String,
    parameters: Vec<Parameter>,
    body: Option<String>,
    example: Option<String>,
    outcomes: Vec<Outcome>,
    curl: String,
    /// Whether a form can try it: what PSPs send cannot be made up here.
    can_try: bool,
}

struct Group {
    name: String,
    text: String,
    anchor: String,
    operations: Vec<Operation>,
}

/// A group as the contents show it: its operations by id and summary.
struct Chapter {
    name: String,
    text: String,
    anchor: String,
    operations: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct IndexPage {
    version: &'static str,
    here: &'static str,
    contents: Vec<Chapter>,
    text: String,
}

#[derive(Template)]
#[template(path = "docs_group.html")]
struct GroupPage {
    version: &'static str,
    here: String,
    contents: Vec<Chapter>,
    group: Group,
}

#[derive(Template)]
#[template(path = "docs_schemas.html")]
struct SchemasPage {
    version: &'static str,
    here: &'static str,
    contents: Vec<Chapter>,
    shapes: Vec<Shape>,
}

#[derive(Template)]
#[template(path = "docs_schema.html")]
struct SchemaPage {
    version: &'static str,
    here: &'static str,
    contents: Vec<Chapter>,
    shape: Shape,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `GET /docs`: what there is.
pub(super) async fn index(State(app): State<App>) -> Result<Response, Problem> {
    let document = document()?;
    let groups = groups(&document, &app.engine.settings().public_url);
    page(&IndexPage { version: VERSION, here: "", contents: contents(&groups), text: plain(&document["info"]["description"]) })
}

/// `GET /docs/{group}`: the operations of one group.
pub(super) async fn group(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let mut groups = groups(&document()?, &app.engine.settings().public_url);
    let contents = contents(&groups);
    let found = groups.iter().position(|group| group.anchor == name).ok_or_else(|| Problem::not_found("page"))?;
    page(&GroupPage { version: VERSION, here: name, contents, group: groups.swap_remove(found) })
}

/// `GET /docs/schemas`: the objects of the API.
pub(super) async fn schemas(State(app): State<App>) -> Result<Response, Problem> {
    let document = document()?;
    let contents = contents(&groups(&document, &app.engine.settings().public_url));
    page(&SchemasPage { version: VERSION, here: "schemas", contents, shapes: shape::all(&document) })
}

/// `GET /docs/schemas/{name}`: one object of the API, field by field.
pub(super) async fn schema(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let document = document()?;
    let contents = contents(&groups(&document, &app.engine.settings().public_url));
    let shape = shape::all(&document).into_iter().find(|shape| shape.name == name).ok_or_else(|| Problem::not_found("page"))?;
    page(&SchemaPage { version: VERSION, here: "schemas", contents, shape })
}

fn document() -> Result<Value, Problem> {
    serde_json::to_value(crate::openapi()).map_err(|error| Problem::internal(format!("no document: {error}")))
}

fn contents(groups: &[Group]) -> Vec<Chapter> {
    let chapter = |group: &Group| Chapter {
        name: group.name.clone(),
        text: group.text.clone(),
        anchor: group.anchor.clone(),
        operations: group.operations.iter().map(|o| (o.id.clone(), o.summary.clone())).collect(),
    };
    groups.iter().map(chapter).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn groups(document: &Value, base: &str) -> Vec<Group> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let group = |tag: &Value| {
        let name = plain(&tag["name"]);
        let anchor = name.to_lowercase().replace(' ', "-");
        Group { text: plain(&tag["description"]), operations: operations(document, base, &name), name, anchor }
    };
    tags.map(group).collect()
}

fn operations(document: &Value, base: &str, tag: &str) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation["tags"][0] == tag {
                found.push(self::operation(document, base, path, method, operation));
            }
        }
    }
    // Making comes before looking: a reader wants to begin somewhere.
    found.sort_by(|a, b| (&a.path, a.method != "POST").cmp(&(&b.path, b.method != "POST")));
    found
}

fn operation(document: &Value, base: &str, path: &str, method: &str, operation: &Value) -> Operation {
    let body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().map(shape::name_of);
    let example = body.map(|name| &document["components"]["schemas"][name]["example"]).filter(|example| !example.is_null());
    let example = example.and_then(|example| serde_json::to_string_pretty(example).ok());
    let method = method.to_uppercase();
    Operation {
        id: plain(&operation["operationId"]),
        summary: plain(&operation["summary"]),
        text: plain(&operation["description"]),
        parameters: operation["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        outcomes: operation["responses"].as_object().into_iter().flatten().filter_map(outcome).collect(),
        curl: curl(&method, base, path, example.as_deref()),
        can_try: path.starts_with("/v1") && !path.ends_with("/stream"),
        body: body.map(str::to_owned),
        example,
        path: path.to_owned(),
        method,
    }
}

fn parameter(parameter: &Value) -> Parameter {
    let place = match parameter["in"].as_str() {
        Some("path") => "address",
        Some("header") => "header",
        _ => "query",
    };
    Parameter {
        name: plain(&parameter["name"]),
        place,
        kind: shape::kind(&parameter["schema"]).0,
        required: parameter["required"] == true,
        text: plain(&parameter["description"]),
    }
}

/// The default outcome is a problem everywhere, which the page says once.
fn outcome((status, response): (&String, &Value)) -> Option<Outcome> {
    let schema = response["content"]["application/json"]["schema"]["$ref"].as_str().map(|r| shape::name_of(r).to_owned());
    (status != "default").then(|| Outcome { status: status.clone(), text: plain(&response["description"]), schema })
}

fn curl(method: &str, base: &str, path: &str, example: Option<&str>) -> String {
    let mut text = format!("curl {base}{path} \\\n  -H \"Authorization: Bearer $DUCAT_API_KEY\"");
    if method == "POST" {
        text.push_str(" \\\n  -H \"Idempotency-Key: $(uuidgen)\"");
    }
    match example {
        Some(body) => text.push_str(&format!(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{body}'")),
        None if method == "POST" => text.push_str(" \\\n  -X POST"),
        None => {}
    }
    text
}
