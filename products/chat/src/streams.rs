//! The streams of the chat, each of exactly the types that it acts upon. Whatever else happens passes it by: its handler does not run and its
//! place in the log is not written.

use std::collections::BTreeMap;

use events::{Condition, Filter, Stream};
use serde_json::Value;

/// A stream of these types of a family.
pub(crate) fn of(name: &'static str, family: &'static str, types: &[&str]) -> Stream {
    Stream::new(name, Filter(family)).when(one_of(types))
}

/// That an event is of one of these types.
pub(crate) fn one_of(types: &[&str]) -> Condition {
    let exact = |kind: &&str| Condition::Exact(BTreeMap::from([("type".to_owned(), Value::from(*kind))]));
    Condition::Any(types.iter().map(exact).collect())
}
