//! What an event or its acknowledgement carries.

use bytes::Bytes;
use serde_json::{Value, json};

/// Values of JSON, some of which may stand for bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// In their order. Bytes are a placeholder here: see [`Args::attachment`].
    pub values: Vec<Value>,
    /// At most `limits::SOCKETIO_ATTACHMENTS`.
    pub(crate) attachments: Vec<Bytes>,
}

impl Args {
    /// A list's members; any other value is the only one.
    pub fn of(value: Value) -> Self {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        Self { values, attachments: Vec::new() }
    }

    /// Appends bytes: the client gets a buffer.
    pub fn attach(&mut self, bytes: impl Into<Bytes>) {
        self.values.push(json!({ "_placeholder": true, "num": self.attachments.len() }));
        self.attachments.push(bytes.into());
    }

    /// The bytes that a value stands for, wherever in the values it is.
    pub fn attachment(&self, value: &Value) -> Option<&Bytes> {
        let stands = value.get("_placeholder") == Some(&Value::Bool(true));
        let number = value.get("num").and_then(Value::as_u64).filter(|_| stands)?;
        self.attachments.get(usize::try_from(number).ok()?)
    }
}
