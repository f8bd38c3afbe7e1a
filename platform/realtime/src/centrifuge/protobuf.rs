//! Protocol buffers as far as the Centrifuge protocol needs them (protobuf.dev, "Encoding"): numbers, texts, bytes, and messages of them.

/// How a value lies behind its key.
mod kind {
    pub(super) const VARINT: u64 = 0;
    pub(super) const FIXED_64: u64 = 1;
    pub(super) const BYTES: u64 = 2;
    pub(super) const FIXED_32: u64 = 5;
}

/// Bytes of the longest varint.
pub(crate) const VARINT_BYTES: usize = 10;

/// A message that is written. Zero values are left out.
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, kind::VARINT);
            self.varint(value);
        }
    }

    pub(crate) fn flag(&mut self, field: u32, value: bool) {
        self.number(field, value.into());
    }

    pub(crate) fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.key(field, kind::BYTES);
            self.varint(bytes.len() as u64);
            self.0.extend_from_slice(bytes);
        }
    }

    /// Also an empty one: that it is there says something.
    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut Writer<'_>)) {
        self.key(field, kind::BYTES);
        let start = self.0.len();
        write(&mut Writer(self.0));
        let (length, used) = varint((self.0.len() - start) as u64);
        // Behind what is written, and then before it: its length is known only now.
        self.0.extend_from_slice(&length[..used]);
        self.0[start..].rotate_right(used);
    }

    fn key(&mut self, field: u32, kind: u64) {
        self.varint(u64::from(field) << 3 | kind);
    }

    fn varint(&mut self, value: u64) {
        let (bytes, used) = varint(value);
        self.0.extend_from_slice(&bytes[..used]);
    }
}

/// Seven bits a byte, the lowest first; all but the last have their top bit set.
pub(crate) fn varint(mut value: u64) -> ([u8; VARINT_BYTES], usize) {
    let (mut bytes, mut used) = ([0; VARINT_BYTES], 0);
    loop {
        let more = value > 0x7f;
        bytes[used] = (value & 0x7f) as u8 | u8::from(more) << 7;
        used += 1;
        value >>= 7;
        if !more {
            return (bytes, used);
        }
    }
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..VARINT_BYTES {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        if at == VARINT_BYTES - 1 && *first > 1 {
            // More than 64 bits.
            return None;
        }
        value |= u64::from(first & 0x7f) << (7 * at);
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_varint(bytes)?;
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// The next of the messages that lie one behind the other, each behind its length; `at` moves behind it. An error where it does not end.
pub(crate) fn next_delimited<'a>(bytes: &'a [u8], at: &mut usize) -> Option<Result<&'a [u8], Malformed>> {
    let mut rest = bytes.get(*at..).filter(|rest| !rest.is_empty())?;
    let message = take_bytes(&mut rest);
    *at = bytes.len() - rest.len();
    Some(message.ok_or(Malformed))
}

/// It is no message of protocol buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is behind a key.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of four or eight bytes: no field that is read here has one.
    Fixed,
}

impl<'a> Value<'a> {
    pub(crate) fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub(crate) fn flag(self) -> Option<bool> {
        Some(self.number()? != 0)
    }

    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(crate) fn text(self) -> Option<String> {
        Some(str::from_utf8(self.bytes()?).ok()?.to_owned())
    }

    pub(crate) fn message<T: Decode>(self) -> Option<T> {
        T::decode(self.bytes()?)
    }
}

/// A message that is read.
pub(crate) trait Decode: Default {
    /// Takes the value of a field; those that are unknown are ignored. None where it has not the form that the field has.
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()>;

    /// None where it is no such message. Of a field that comes twice the last counts.
    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut message = Self::default();
        while !bytes.is_empty() {
            let (number, value) = take_field(&mut bytes)?;
            message.field(number, value)?;
        }
        Some(message)
    }
}

fn take_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let key = take_varint(bytes)?;
    let number = key >> 3;
    if !(1..1 << 29).contains(&number) {
        return None;
    }
    let value = match key & 7 {
        kind::VARINT => Value::Number(take_varint(bytes)?),
        kind::BYTES => Value::Bytes(take_bytes(bytes)?),
        fixed @ (kind::FIXED_64 | kind::FIXED_32) => {
            *bytes = bytes.get(if fixed == kind::FIXED_64 { 8 } else { 4 }..)?;
            Value::Fixed
        }
        // Groups, which proto3 does not have.
        _ => return None,
    };
    Some((number, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Writer(&mut bytes));
        bytes
    }

    #[test]
    fn what_is_written_is_what_the_description_of_the_encoding_has() {
        assert_eq!(written(|it| it.number(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|it| it.text(2, "testing")), *b"\x12\x07testing");
        assert_eq!(written(|it| it.message(3, |it| it.number(1, 150))), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(written(|it| it.message(3, |_| ())), [0x1a, 0]);
        assert!(written(|it| (it.number(1, 0), it.flag(2, false), it.text(3, ""), it.bytes(4, b"")).0).is_empty());
        let long = written(|it| it.message(15, |it| it.bytes(1, &[7; 300])));
        assert_eq!(long[..6], [0x7a, 0xaf, 0x02, 0x0a, 0xac, 0x02]);
        assert_eq!(long[6..], [7; 300]);
    }

    #[test]
    fn what_does_not_end_is_no_message() {
        let next = |bytes| next_delimited(bytes, &mut 0);
        assert_eq!(next(b""), None);
        assert_eq!(next(b"\0"), Some(Ok(&b""[..])));
        for bad in [&b"\x02a"[..], b"\x80", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", &[0x80; 11]] {
            assert_eq!(next(bad), Some(Err(Malformed)), "{bad:?}");
        }
        let (both, mut at) = (b"\x01a\x02bc", 0);
        assert_eq!(next_delimited(both, &mut at), Some(Ok(&b"a"[..])));
        assert_eq!(next_delimited(both, &mut at), Some(Ok(&b"bc"[..])));
        assert_eq!((next_delimited(both, &mut at), at), (None, 5));
    }

    #[test]
    fn what_has_no_field_or_no_kind_is_no_message() {
        #[derive(Default)]
        struct Any;
        impl Decode for Any {
            fn field(&mut self, _: u64, _: Value<'_>) -> Option<()> {
                Some(())
            }
        }
        let good = [&b""[..], b"\x08\0", b"\x0a\x01a", b"\x0d1234", b"\x0912345678"];
        assert!(good.iter().all(|bytes| Any::decode(bytes).is_some()));
        let bad = [&b"\0\0"[..], b"\x08", b"\x0a\x02a", b"\x0d123", b"\x091234567", b"\x0b\x0c", b"\x0e", b"\x0f"];
        bad.iter().for_each(|bytes| assert!(Any::decode(bytes).is_none(), "{bytes:?}"));
        let far = written(|it| it.number(1 << 28, 1));
        assert!(Any::decode(&far).is_some());
    }

    proptest! {
        #[test]
        fn a_number_comes_back(value: u64) {
            let (bytes, used) = varint(value);
            let mut rest = &bytes[..used];
            prop_assert_eq!((take_varint(&mut rest), rest.len()), (Some(value), 0));
        }
    }
}
