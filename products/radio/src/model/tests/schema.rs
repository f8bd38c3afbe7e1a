//! The phrase against the JSON Schema that it derives: enough of a validator for the words that this schema uses.

use serde_json::{Map, Value};

use super::*;

/// What is wrong with a phrase, by JSON pointer.
pub(super) fn faults(phrase: &Value) -> Vec<String> {
    static SCHEMA: std::sync::OnceLock<Value> = std::sync::OnceLock::new();
    let schema = SCHEMA.get_or_init(|| schemars::schema_for!(Phrase).to_value());
    let mut faults = Vec::new();
    check(schema, schema, phrase, "", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else { return };
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a schema refers to what it has");
        return check(root, target, value, at, faults);
    }
    if let Some(choices) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        let fits = |choice: &&Value| {
            let mut inner = Vec::new();
            check(root, choice, value, at, &mut inner);
            inner.is_empty()
        };
        if !choices.iter().any(|choice| fits(&choice)) {
            faults.push(format!("{at}: {value} is none of the choices"));
        }
    }
    let constant = schema.get("const").is_none_or(|constant| constant == value);
    let listed = schema.get("enum").and_then(Value::as_array).is_none_or(|values| values.contains(value));
    let typed = schema.get("type").is_none_or(|types| is_of(types, value));
    if !(constant && listed && typed) {
        faults.push(format!("{at}: {value} breaks the schema"));
    }
    if let (Some(properties), Some(object)) = (schema.get("properties").and_then(Value::as_object), value.as_object()) {
        check_object(root, schema, properties, object, at, faults);
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (index, item) in list.iter().enumerate() {
            check(root, items, item, &format!("{at}/{index}"), faults);
        }
    }
}

fn check_object(
    root: &Value,
    schema: &Map<String, Value>,
    properties: &Map<String, Value>,
    object: &Map<String, Value>,
    at: &str,
    faults: &mut Vec<String>,
) {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    faults.extend(required.filter(|name| !object.contains_key(*name)).map(|name| format!("{at}/{name} is missing")));
    for (name, value) in object {
        match properties.get(name) {
            Some(schema) => check(root, schema, value, &format!("{at}/{name}"), faults),
            None => faults.push(format!("{at}/{name} is not in the schema")),
        }
    }
}

fn is_of(types: &Value, value: &Value) -> bool {
    let one = |name: &Value| match name.as_str().expect("a type is a word") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("an unknown type {other}"),
    };
    types.as_array().map_or_else(|| one(types), |types| types.iter().any(one))
}

#[test]
fn the_validator_sees_faults() {
    let phrase = samples::phrase("check_failure", "octocat/hello-world", 1, 0).expect("a sample");
    let good = serde_json::to_value(phrase).expect("JSON");
    assert_eq!(faults(&good), Vec::<String>::new());
    let broken = |change: fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        faults(&value).len()
    };
    assert_eq!(broken(|phrase| phrase["mood"] = "joy".into()), 1);
    assert_eq!(broken(|phrase| phrase["melody"][0]["hz"] = "loud".into()), 1);
    assert_eq!(broken(|phrase| phrase["effects"][0]["kind"] = "echo".into()), 1);
    assert_eq!(broken(|phrase| phrase["extra"] = true.into()), 1);
    assert_eq!(broken(|phrase| drop(phrase.as_object_mut().map(|phrase| phrase.remove("key")))), 1);
}
