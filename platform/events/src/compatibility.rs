//! Whether a schema may change without a new version: for the tests of whoever declares an event type.

use serde_json::{Map, Value};

/// What stands against calling `new` the same version as `old`; nothing, when readers of either understand events of the other.
/// It looks at what schemas of Rust types have: types, properties, what is required, enumerations, items and references.
///
/// A property may be added when nobody requires it, and a description may change. Everything else is a new version.
pub fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut comparing = Comparing { old, new, seen: Vec::new(), found: Vec::new() };
    comparing.compare(old, new, "");
    comparing.found
}

struct Comparing<'a> {
    old: &'a Value,
    new: &'a Value,
    /// References that were followed, of both sides: a type may contain itself.
    seen: Vec<(Value, Value)>,
    found: Vec<String>,
}

impl Comparing<'_> {
    fn compare(&mut self, old: &Value, new: &Value, place: &str) {
        if let (Some(before), Some(after)) = (old.get("$ref"), new.get("$ref")) {
            let pair = (before.clone(), after.clone());
            if self.seen.contains(&pair) {
                return;
            }
            self.seen.push(pair);
        }
        let (old, new) = (resolve(self.old, old).clone(), resolve(self.new, new).clone());
        for word in ["type", "enum", "const", "minimum", "maximum", "format", "pattern", "additionalProperties"] {
            if old.get(word) != new.get(word) {
                let (was, is) = (shown(old.get(word)), shown(new.get(word)));
                self.found.push(format!("{place}: `{word}` was {was} and is {is}"));
            }
        }
        self.required(&old, &new, place);
        for (name, before) in properties(&old) {
            match properties(&new).get(&name) {
                Some(after) => self.compare(&before, after, &format!("{place}/{name}")),
                None => self.found.push(format!("{place}: `{name}` is gone")),
            }
        }
        if let (Some(before), Some(after)) = (old.get("items"), new.get("items")) {
            self.compare(before, after, &format!("{place}/items"));
        }
        for word in ["anyOf", "oneOf"] {
            let ways = |schema: &Value| schema.get(word).and_then(Value::as_array).cloned().unwrap_or_default();
            let (before, after) = (ways(&old), ways(&new));
            if before.len() != after.len() {
                self.found.push(format!("{place}: `{word}` had {} ways and has {}", before.len(), after.len()));
            }
            for (n, (before, after)) in before.iter().zip(&after).enumerate() {
                self.compare(before, after, &format!("{place}/{word}/{n}"));
            }
        }
    }

    fn required(&mut self, old: &Value, new: &Value, place: &str) {
        let names = |schema: &Value| schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let (before, after) = (names(old), names(new));
        let gone = before.iter().filter(|name| !after.contains(name));
        self.found.extend(gone.map(|name| format!("{place}: {name} is no longer required")));
        let come = after.iter().filter(|name| !before.contains(name));
        self.found.extend(come.map(|name| format!("{place}: {name} is required now")));
    }
}

fn properties(schema: &Value) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The schema that a reference names.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), Value::to_string)
}
