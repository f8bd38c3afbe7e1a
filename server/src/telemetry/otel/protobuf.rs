//! What the messages of OTLP are made of, in Protocol Buffers' wire format (opentelemetry-proto v1, `trace.proto`,
//! `metrics.proto`, `common.proto`). Encoding only: two wire types for numbers, one for lengths.

use crate::telemetry::fields::Said;

/// `Span.SpanKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Internal = 1,
    Server = 2,
    Consumer = 5,
}

/// A message under construction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, wire: u32) {
        self.varint(u64::from(field << 3 | wire));
    }

    pub(crate) fn number(mut self, field: u32, value: u64) -> Self {
        self.tag(field, 0);
        self.varint(value);
        self
    }

    pub(crate) fn fixed64(mut self, field: u32, value: u64) -> Self {
        self.tag(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn double(self, field: u32, value: f64) -> Self {
        self.fixed64(field, value.to_bits())
    }

    pub(crate) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.tag(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub(crate) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u32, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// A `KeyValue`.
    pub(crate) fn attribute(self, field: u32, name: &str, value: &Said) -> Self {
        let value = match value {
            Said::Text(text) => Self::default().text(1, text),
            Said::Bool(yes) => Self::default().number(2, u64::from(*yes)),
            // An int64 is the varint of its two's complement.
            Said::Int(number) => Self::default().number(3, *number as u64),
            Said::Uint(number) => Self::default().number(3, *number),
            Said::Float(number) => Self::default().double(4, *number),
        };
        self.message(field, &Self::default().text(1, name).message(2, &value))
    }

    /// Appends encoded fields.
    pub(crate) fn encoded(mut self, fields: &Self) -> Self {
        self.0.extend(&fields.0);
        self
    }
}

/// An `ExportTraceServiceRequest` or an `ExportMetricsServiceRequest`: one resource, one scope, these spans or metrics. Both have
/// the same fields.
pub(crate) fn request(resource: &Message, items: &[Message]) -> Vec<u8> {
    let scope = Message::default().text(1, "mainspring").text(2, env!("CARGO_PKG_VERSION"));
    let of_scope = items.iter().fold(Message::default().message(1, &scope), |all, item| all.message(2, item));
    let of_resource = Message::default().message(1, resource).message(2, &of_scope);
    Message::default().message(1, &of_resource).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Protocol Buffers' own description of the encoding.
    #[test]
    fn numbers_and_lengths_are_as_described() {
        assert_eq!(Message::default().number(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").into_bytes(), *b"\x12\x07testing");
        let inner = Message::default().number(1, 150);
        assert_eq!(Message::default().message(3, &inner).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        // Minus two takes ten bytes.
        let minus_two = Message::default().number(1, -2i64 as u64).into_bytes();
        assert_eq!(minus_two, [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        assert_eq!(Message::default().number(16, 1).into_bytes(), [0x80, 0x01, 0x01]);
    }
}
