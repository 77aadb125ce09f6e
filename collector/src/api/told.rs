//! What is told of a route to whoever writes a program. Each part of the API tells it beside its handlers.

use crate::access::{Need, Scope};
use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// What is told of one route.
pub(crate) struct Told {
    pub(super) method: Method,
    pub(super) path: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    answer: Option<fn(&mut SchemaGenerator) -> Schema>,
    refusals: Vec<(u16, &'static str)>,
}

impl Told {
    /// Of a question.
    pub(super) fn get(path: &'static str, summary: &'static str) -> Self {
        Self::of(Method::GET, path, summary)
    }

    /// Of what is done.
    pub(super) fn post(path: &'static str, summary: &'static str) -> Self {
        Self::of(Method::POST, path, summary)
    }

    fn of(method: Method, path: &'static str, summary: &'static str) -> Self {
        let names = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        let parameters = names.map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        });
        Self {
            method,
            path,
            summary,
            parameters: parameters.collect(),
            body: None,
            answer: None,
            refusals: Vec::new(),
        }
    }

    /// It is asked with the fields of this type.
    pub(super) fn asks<T: JsonSchema>(mut self) -> Self {
        let schema = read_as::<T>();
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        let fields = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in fields.into_iter().flatten() {
            let mut schema = schema.clone();
            let told = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            self.parameters.push(json!({
                "name": name,
                "in": "query",
                "required": is_required(name),
                "description": told.unwrap_or_default(),
                "schema": schema,
            }));
        }
        self
    }

    /// Its body is this, as JSON.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        let schema = read_as::<T>();
        self.takes_as("application/json", json!(schema))
    }

    /// Its body is of this type.
    pub(super) fn takes_as(mut self, kind: &str, schema: Value) -> Self {
        let content = Map::from_iter([(kind.to_owned(), json!({ "schema": schema }))]);
        self.body = Some(json!({ "required": true, "content": content }));
        self
    }

    /// It is answered with this.
    pub(super) fn answers<T: JsonSchema>(mut self) -> Self {
        self.answer = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// It is refused with this status, for this reason.
    pub(super) fn refuses(mut self, status: u16, why: &'static str) -> Self {
        self.refusals.push((status, why));
        self
    }

    /// The same as OpenAPI says it, for whoever meets this need.
    pub(super) fn operation(&self, need: Need, generator: &mut SchemaGenerator) -> Value {
        let schema = match self.answer {
            Some(answer) => json!(answer(generator)),
            None => json!({ "type": "object" }),
        };
        let content = json!({ "application/json": { "schema": schema } });
        let mut answers = Map::new();
        answers.insert(
            "200".to_owned(),
            json!({ "description": "Answered.", "content": content }),
        );
        for (status, why) in usual(need).into_iter().chain(self.refusals.iter().copied()) {
            let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Refusal" } } });
            let answer = json!({ "description": why, "content": content });
            answers.insert(status.to_string(), answer);
        }
        let mut operation = json!({
            "summary": self.summary,
            "operationId": operation_id(&self.method, self.path),
            "description": told_of(need),
            "parameters": self.parameters,
            "responses": answers,
            "security": security(need),
            "x-need": word(need),
        });
        if let (Some(body), Some(operation)) = (&self.body, operation.as_object_mut()) {
            operation.insert("requestBody".to_owned(), body.clone());
        }
        operation
    }
}

/// The schema of what is read, with everything in it.
fn read_as<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let inline = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    inline.into_generator().into_root_schema_for::<T>()
}

/// `get /api/v1/issues/{id}` is `get_issues_id`, `post /v1/batches` is `post_v1_batches`.
fn operation_id(method: &Method, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let parts = path.split('/').filter(|part| !part.is_empty());
    let parts = parts.map(|part| part.trim_matches(['{', '}']).replace('.', "_"));
    let parts: Vec<String> = parts.collect();
    format!(
        "{}_{}",
        method.as_str().to_ascii_lowercase(),
        parts.join("_")
    )
}

/// What every route with this need is refused for.
fn usual(need: Need) -> Vec<(u16, &'static str)> {
    match need {
        Need::Nothing => Vec::new(),
        Need::IngestKey => vec![(401, "The ingest key is missing or not known.")],
        _ => vec![
            (401, "Nobody is signed in, or the token is not known."),
            (403, "This is for others."),
            (500, "The store did not answer; the log says why."),
        ],
    }
}

const fn word(need: Need) -> &'static str {
    match need {
        Need::Nothing => "nothing",
        Need::IngestKey => "ingest_key",
        Need::SignedIn => "signed_in",
        Need::Aggregates => "aggregates",
        Need::Reports => "reports",
        Need::Triage => "triage",
        Need::Symbols => "symbols",
        Need::Admin => "admin",
    }
}

fn told_of(need: Need) -> String {
    let scopes = Scope::ALL.iter().filter(|scope| scope.meets(need));
    let scopes: Vec<&str> = scopes.map(|scope| scope.as_str()).collect();
    match need {
        Need::Nothing => "Asked by anybody.".to_owned(),
        Need::IngestKey => "Needs an ingest key.".to_owned(),
        _ => format!(
            "Needs a token with one of the scopes: {}.",
            scopes.join(", ")
        ),
    }
}

fn security(need: Need) -> Value {
    match need {
        Need::Nothing => json!([]),
        Need::IngestKey => json!([{ "ingest_key": [] }]),
        _ => json!([{ "token": [] }, { "session": [] }]),
    }
}
