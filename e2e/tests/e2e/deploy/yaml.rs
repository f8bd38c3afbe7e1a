//! Compose files as Compose reads them: their variables, `extends`, and one file over another.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

/// What `.env` has to name.
pub(super) const NAMED: [(&str, &str); 2] = [("POSTGRES_PASSWORD", "of-postgres"), ("REDIS_PASSWORD", "of-redis")];

/// The services and all else of these files of `deploy/`, the later over the earlier, with the values of [`NAMED`].
pub(super) fn compose(files: &[&str]) -> Result<Value> {
    let mut whole = Value::Object(Map::new());
    for file in files {
        merge(&mut whole, load(file)?);
    }
    Ok(whole)
}

fn load(file: &str) -> Result<Value> {
    let named = BTreeMap::from(NAMED);
    let text = super::read(file)?;
    let documents = Yaml::load_from_str(&text).with_context(|| format!("deploy/{file} is no YAML"))?;
    let [document] = &documents[..] else { bail!("deploy/{file} is not one document") };
    let read = json(document).and_then(|read| filled(read, &named));
    let mut read = read.with_context(|| format!("deploy/{file}"))?;
    let services = read["services"].as_object_mut().with_context(|| format!("deploy/{file} has no services"))?;
    for service in services.values_mut() {
        let Some(from) = service.as_object_mut().and_then(|service| service.remove("extends")) else { continue };
        let name = |key: &str| from[key].as_str().with_context(|| format!("extends what? {from}"));
        let base = load(name("file")?)?;
        let mut base = base["services"][name("service")?].clone();
        if base.is_null() {
            bail!("there is no service to extend: {from}");
        }
        merge(&mut base, service.take());
        *service = base;
    }
    Ok(read)
}

fn json(yaml: &Yaml<'_>) -> Result<Value> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(yes)) => Value::Bool(*yes),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(&**text),
        Yaml::Sequence(items) => Value::Array(items.iter().map(json).collect::<Result<_>>()?),
        Yaml::Mapping(map) => {
            let members = map.iter().map(|(key, value)| Ok((key.as_str().context("a name")?.to_owned(), json(value)?)));
            Value::Object(members.collect::<Result<_>>()?)
        }
        other => bail!("neither a value nor a list nor a map: {other:?}"),
    })
}

/// Maps are merged, lists appended; of commands and tests, and of everything else, the later one counts.
fn merge(into: &mut Value, over: Value) {
    match (into, over) {
        (Value::Object(into), Value::Object(over)) => {
            for (key, over) in over {
                let replaced = matches!(key.as_str(), "command" | "entrypoint" | "test");
                match into.get_mut(&key) {
                    Some(into) if !replaced => merge(into, over),
                    _ => drop(into.insert(key, over)),
                }
            }
        }
        (Value::Array(into), Value::Array(over)) => into.extend(over),
        (into, over) => *into = over,
    }
}

/// With every `${NAME}`, `${NAME:-else}` and `${NAME:?why}` as it would be.
fn filled(value: Value, named: &BTreeMap<&str, &str>) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(fill(&text, named)?),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| filled(item, named)).collect::<Result<_>>()?),
        Value::Object(map) => {
            let filled = map.into_iter().map(|(key, value)| Ok((key, filled(value, named)?)));
            Value::Object(filled.collect::<Result<_>>()?)
        }
        value => value,
    })
}

fn fill(text: &str, named: &BTreeMap<&str, &str>) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            (out, rest) = (out + "$", after);
            continue;
        }
        let inside = rest.strip_prefix('{').with_context(|| format!("a lone $ in {text:?}"))?;
        let (variable, after) = inside.split_once('}').with_context(|| format!("no }} in {text:?}"))?;
        rest = after;
        let (name, or) = match (variable.split_once(":-"), variable.split_once(":?")) {
            (Some((name, or)), _) => (name, Some(or)),
            (None, Some((name, _))) => (name, None),
            (None, None) => (variable, None),
        };
        match named.get(name).copied().or(or) {
            Some(value) => out.push_str(value),
            None => bail!("{name} has no value, and env.example does not ask for one"),
        }
    }
    Ok(out + rest)
}

#[test]
fn variables_are_filled_and_files_lie_over_one_another() -> Result<()> {
    let named = BTreeMap::from([("A", "1")]);
    assert_eq!(fill("${A}-${B:-b c}-${A:?why}-$${A}", &named)?, "1-b c-1-${A}");
    assert!(fill("${B:?why}", &named).is_err() && fill("a$b", &named).is_err());
    let mut into = serde_json::json!({ "a": { "b": 1, "c": [1] }, "command": [1] });
    merge(&mut into, serde_json::json!({ "a": { "c": [2], "d": 3 }, "command": [2] }));
    assert_eq!(into, serde_json::json!({ "a": { "b": 1, "c": [1, 2], "d": 3 }, "command": [2] }));
    Ok(())
}
