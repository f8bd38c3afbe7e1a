//! The AsyncAPI 3.0 document: what can be published, what can be followed, and the channels of realtime.

use serde_json::{Map, Value, json};

use crate::cloud_event::schema_urn;
use crate::registry::{Declared, Registry};

/// The document of what is declared.
pub(crate) fn document(registry: &Registry) -> Value {
    let mut components = Components::default();
    registry.types().for_each(|declared| components.add(declared));
    let open: Vec<String> = registry.types().filter(|it| it.open).map(|it| component(&it.pattern)).collect();
    let every = |names: &[String]| -> Map<String, Value> {
        names.iter().map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))).collect()
    };
    let (published, messages) = (every(&open), every(&components.names));
    let mut channels = Map::new();
    let mut operations = Map::new();
    channels.insert(
        "publish".to_owned(),
        json!({
            "address": "/api/v1/events",
            "title": "Publish",
            "description": "CloudEvents in: structured, batched or binary (HTTP binding 1.0.2).",
            "messages": published,
        }),
    );
    channels.insert(
        "tail".to_owned(),
        json!({
            "address": "/api/v1/events/tail",
            "title": "Live tail",
            "description": "CloudEvents out, as server-sent events; resumed by Last-Event-ID.",
            "messages": messages,
        }),
    );
    operations.insert("publish".to_owned(), operation("receive", "publish", "POST", "Takes events into the log."));
    operations.insert("tail".to_owned(), operation("send", "tail", "GET", "Sends events as they come."));
    for channel in registry.channels() {
        let name = component(&channel.address);
        let parameters: Map<String, Value> =
            parameters(&channel.address).map(|it| (it.to_owned(), json!({}))).collect();
        let mut described = json!({ "address": channel.address, "description": channel.description });
        if !parameters.is_empty() {
            described["parameters"] = parameters.into();
        }
        let sends = json!({ "action": "send", "channel": { "$ref": format!("#/channels/{name}") } });
        operations.insert(name.clone(), sends);
        channels.insert(name, described);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Mainspring",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The events of this server and the channels that it publishes on.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": components.messages, "schemas": components.schemas },
    })
}

fn operation(action: &str, channel: &str, method: &str, summary: &str) -> Value {
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{channel}") },
        "summary": summary,
        "bindings": { "http": { "method": method, "bindingVersion": "0.3.0" } },
    })
}

#[derive(Default)]
struct Components {
    names: Vec<String>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Components {
    fn add(&mut self, declared: &Declared) {
        let name = component(&declared.pattern);
        let payload = self.schema(&name, declared.schema.clone());
        let kind = match declared.version {
            Some(_) => json!({ "const": declared.pattern }),
            None => json!({ "type": "string", "description": format!("One of {}", declared.pattern) }),
        };
        let mut properties = json!({
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "minLength": 1 },
            "source": { "type": "string", "minLength": 1, "format": "uri-reference" },
            "type": kind,
            "subject": { "type": "string" },
            "time": { "type": "string", "format": "date-time" },
            "data": payload,
        });
        if let Some(version) = declared.version {
            properties["dataschema"] = json!({ "const": schema_urn(&declared.pattern, version) });
        }
        let message = json!({
            "name": declared.pattern,
            "title": declared.pattern,
            "contentType": "application/cloudevents+json",
            "payload": { "type": "object", "required": ["specversion", "id", "source", "type"], "properties": properties },
        });
        self.messages.insert(name.clone(), message);
        self.names.push(name);
    }

    /// Puts a schema and its definitions among the components, where references from the whole document reach them.
    fn schema(&mut self, name: &str, mut schema: Value) -> Value {
        if let Some(members) = schema.as_object_mut() {
            members.remove("$schema");
            if let Some(Value::Object(definitions)) = members.remove("$defs") {
                for (part, mut definition) in definitions {
                    redirect(&mut definition, name);
                    self.schemas.insert(format!("{name}.{}", component(&part)), definition);
                }
            }
        }
        redirect(&mut schema, name);
        self.schemas.insert(name.to_owned(), if schema == Value::Bool(true) { json!({}) } else { schema });
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

/// `#/$defs/Note` of a schema becomes `#/components/schemas/radio.phrase.Note`.
fn redirect(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
                    Some(part) if key == "$ref" => {
                        *value = format!("#/components/schemas/{name}.{}", component(part)).into()
                    }
                    _ => redirect(value, name),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, name)),
        _ => {}
    }
}

/// A name that components and channels may have: letters, digits, `.`, `-` and `_`.
fn component(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    name.replace('*', "any").replace(['{', '}'], "").chars().map(kept).collect()
}

/// `station` of `radio:{station}`.
fn parameters(address: &str) -> impl Iterator<Item = &str> {
    address.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
