//! Event types: what is declared, how versions go up, what may change without one, and the document of all.

use events::compatibility::differences;
use events::{EventType, NewEvent, Registry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{READER, get};
use crate::support::{Bed, Heard, phrase};

/// `radio.phrase` as its fifth version has it: the station became two words, and gained a tempo.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct HeardToday {
    owner: String,
    repository: String,
    tempo: u32,
    notes: Vec<crate::support::Note>,
}

impl EventType for HeardToday {
    const TYPE: &'static str = Heard::TYPE;
    const VERSION: u32 = 5;

    fn upcast(version: u32, mut payload: Value) -> Result<Value, String> {
        match version {
            3 => {
                let station = payload["station"].as_str().unwrap_or_default().to_owned();
                let (owner, repository) = station.split_once('/').ok_or("a station without a slash")?;
                payload["owner"] = owner.into();
                payload["repository"] = repository.into();
            }
            4 => payload["tempo"] = 120.into(),
            other => return Err(format!("version {other} was never released")),
        }
        Ok(payload)
    }
}

#[tokio::test]
async fn an_old_event_is_read_by_todays_handler() {
    let bed = Bed::new().await;
    bed.append(NewEvent::of("/radio", &phrase("octocat/hello"))).await.expect("appended");
    bed.append(NewEvent::of("/radio", &phrase("nowhere"))).await.expect("appended");
    let read = async |position| bed.events.find(position).await.expect("read").expect("there");
    let today: HeardToday = read(1).await.read().expect("brought up");
    assert_eq!((today.owner.as_str(), today.repository.as_str(), today.tempo), ("octocat", "hello", 120));
    let error = read(2).await.read::<HeardToday>().expect_err("no way up").to_string();
    assert!(
        error.contains("event 2") && error.contains("version 3") && error.contains("a station without a slash"),
        "{error}"
    );
    assert_eq!(read(1).await.read::<Heard>().expect("its own"), phrase("octocat/hello"));
    bed.execute("UPDATE events SET schema_version = 2 WHERE position = 1").await;
    assert!(read(1).await.read::<HeardToday>().expect_err("refused").to_string().contains("never released"));
    bed.execute("UPDATE events SET schema_version = 6 WHERE position = 1").await;
    assert!(read(1).await.read::<HeardToday>().expect_err("refused").to_string().contains("up to 5"));
}

#[test]
fn what_needs_a_new_version_is_found() {
    let schema = |value: Value| value;
    let base = schema(json!({
        "type": "object", "required": ["a", "list"],
        "properties": { "a": { "type": "string" }, "b": { "type": ["integer", "null"] },
            "list": { "type": "array", "items": { "$ref": "#/$defs/Item" } },
            "kind": { "enum": ["x", "y"] } },
        "$defs": { "Item": { "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } } }
    }));
    assert!(differences(&base, &base).is_empty());
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut schema = base.clone();
        change(&mut schema);
        differences(&base, &schema)
    };
    assert!(changed(&|s| s["properties"]["c"] = json!({"type": "string"})).is_empty(), "something optional may come");
    assert!(changed(&|s| s["properties"]["a"]["description"] = "words".into()).is_empty());
    for (what, place, change) in [
        (
            "required field no longer required",
            "",
            (&|s: &mut Value| s["required"] = json!(["list"])) as &dyn Fn(&mut Value),
        ),
        ("new required field", "", &|s| {
            s["required"] = json!(["a", "list", "c"]);
            s["properties"]["c"] = json!({"type": "string"});
        }),
        ("removed field", "", &|s| drop(s["properties"].as_object_mut().expect("an object").remove("b"))),
        ("other type", "/a", &|s| s["properties"]["a"]["type"] = "integer".into()),
        ("fewer values", "/kind", &|s| s["properties"]["kind"]["enum"] = json!(["x"])),
        ("behind a reference", "/list/items/n", &|s| s["$defs"]["Item"]["properties"]["n"]["type"] = "string".into()),
        ("required behind a reference", "/list/items", &|s| s["$defs"]["Item"]["required"] = json!([])),
    ] {
        let found = changed(change);
        assert!(found.iter().any(|words| words.starts_with(&format!("{place}:"))), "{what}: {found:?}");
    }
    let today = schemars::schema_for!(HeardToday).into();
    assert!(!differences(&schemars::schema_for!(Heard).into(), &today).is_empty(), "which is why it has a version");
}

#[tokio::test]
async fn the_types_are_listed_with_their_schemas() {
    let bed = Bed::new().await;
    let (status, list) = get(&bed, "/api/v1/event-types", Some(READER)).await;
    assert_eq!(status, 200);
    let items = list["items"].as_array().expect("items");
    let names: Vec<_> = items.iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(names, ["github.*", "partner.*", "radio.phrase"]);
    assert_eq!((&items[2]["version"], &items[0]["version"]), (&json!(3), &json!(null)));
    assert_eq!(items[2]["dataschema"], "urn:mainspring:schema:radio.phrase:3");
    assert_eq!(items[2]["schema"]["properties"]["station"]["type"], "string");
    assert_eq!(get(&bed, "/api/v1/event-types", None).await.0, 401);
}

#[test]
fn an_open_type_is_a_type_or_a_family_and_declared_once() {
    let mut registry = Registry::default();
    for good in ["partner.*", "partner.order", "a-b_c.d"] {
        assert_eq!(registry.open(good), Ok(()));
    }
    for bad in ["*", "", ".", "a.", ".*", "partner*", "a b", "partner.*", "ünï.*"] {
        assert!(registry.open(bad).is_err(), "{bad}");
    }
}

/// Every reference of the document leads somewhere in it, and every operation to its channel. (A parser that we did not write
/// reads it in `e2e`.)
#[tokio::test]
async fn the_asyncapi_document_is_whole() {
    let bed = Bed::wired(&[], |registry| {
        registry.channel("radio:{station}", "Phrases of a station.");
    })
    .await;
    let (status, document) = get(&bed, "/api/v1/asyncapi.json", Some(READER)).await;
    assert_eq!((status.as_u16(), &document["asyncapi"]), (200, &json!("3.0.0")));
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 10);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let payload = &document["components"]["messages"]["radio.phrase"]["payload"]["properties"];
    assert_eq!(payload["dataschema"]["const"], "urn:mainspring:schema:radio.phrase:3");
    assert_eq!(document["components"]["schemas"]["radio.phrase.Note"]["properties"]["pitch"]["type"], "integer");
    assert_eq!(document["channels"]["radio_station"]["parameters"], json!({ "station": {} }));
    assert_eq!(document["operations"]["publish"]["action"], "receive");
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
