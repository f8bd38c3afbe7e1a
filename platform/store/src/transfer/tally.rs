//! What a table holds, in a form that both engines agree on whatever the order of its rows.

use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use tokio_postgres::types::Type;

use crate::{Value, backup};

/// Rows, bytes, and the sum of the SHA-256 of every row, modulo 2²⁵⁶: the same rows make the same sum in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The lowest part first.
    sum: [u64; 4],
}

impl Tally {
    /// Counts a row in.
    pub(super) fn add<'v>(&mut self, row: impl IntoIterator<Item = Value<'v>>) {
        let mut hash = Sha256::new();
        for value in row {
            self.bytes += size(ValueRef::from(value));
            backup::feed(&mut hash, value.into());
        }
        self.rows += 1;
        let mut carry = 0;
        for (part, bytes) in self.sum.iter_mut().zip(hash.finalize().chunks_exact(8)) {
            let added = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
            let sum = u128::from(*part) + u128::from(added) + carry;
            (*part, carry) = (sum as u64, sum >> 64);
        }
    }

    pub(super) fn digest(&self) -> Vec<u8> {
        self.sum.iter().flat_map(|part| part.to_le_bytes()).collect()
    }
}

/// Bytes that a value takes, about.
pub(super) fn size(value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Null => 1,
        ValueRef::Integer(_) | ValueRef::Real(_) => 8,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
    }
}

/// A value of the source as the target's column takes it, or why it cannot.
pub(super) fn fits<'v>(value: ValueRef<'v>, wanted: &Type) -> Result<Value<'v>, String> {
    let outside = |n: i64| Err(format!("holds the number {n}, which {wanted} does not"));
    match (value, wanted) {
        (ValueRef::Null, _) => Ok(Value::Null),
        (ValueRef::Integer(n), &Type::INT8) => Ok(Value::Int(n)),
        (ValueRef::Integer(n), &Type::INT4) => i32::try_from(n).map_or(outside(n), |_| Ok(Value::Int(n))),
        (ValueRef::Integer(n), &Type::INT2) => i16::try_from(n).map_or(outside(n), |_| Ok(Value::Int(n))),
        (ValueRef::Integer(n), &Type::BOOL) => {
            if (0..=1).contains(&n) {
                Ok(Value::Int(n))
            } else {
                outside(n)
            }
        }
        // What SQLite keeps in a column of fractions is one, whatever it looks like.
        (ValueRef::Integer(n), &Type::FLOAT8) => Ok(Value::Real(n as f64)),
        (ValueRef::Real(value), &Type::FLOAT8) => Ok(Value::Real(value)),
        (ValueRef::Text(bytes), &Type::TEXT) => match std::str::from_utf8(bytes) {
            Ok(text) if text.contains('\0') => Err("holds a NUL character (U+0000)".to_owned()),
            Ok(text) => Ok(Value::Text(text)),
            Err(error) => Err(format!("is no UTF-8 from byte {} on", error.valid_up_to())),
        },
        (ValueRef::Blob(bytes), &Type::BYTEA) => Ok(Value::Bytes(bytes)),
        (other, wanted) => Err(format!("holds a value of the type {}, which {wanted} does not", other.data_type())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(rows: &[&[Value<'_>]]) -> Tally {
        let mut tally = Tally::default();
        rows.iter().for_each(|row| tally.add(row.iter().copied()));
        tally
    }

    #[test]
    fn the_same_rows_are_the_same_in_any_order_and_no_others_are() {
        let (one, two): (&[Value<'_>], &[Value<'_>]) =
            (&[Value::Int(1), Value::Text("ab")], &[Value::Int(2), Value::Null]);
        let both = tally(&[one, two]);
        assert_eq!(both, tally(&[two, one]));
        let others: [&[&[Value<'_>]]; 7] = [
            &[one],
            &[one, one],
            &[one, two, two],
            &[&[Value::Int(1), Value::Text("abc")], two],
            &[&[Value::Int(1), Value::Bytes(b"ab")], two],
            &[&[Value::Real(1.0), Value::Text("ab")], two],
            &[&[Value::Text("ab"), Value::Int(1)], two],
        ];
        for other in others {
            assert_ne!(both.digest(), tally(other).digest(), "{other:?}");
        }
        // Moving a letter to the next column is another row.
        let shifted: [&[Value<'_>]; 2] =
            [&[Value::Text("a"), Value::Text("bc")], &[Value::Text("ab"), Value::Text("c")]];
        assert_ne!(tally(&shifted[..1]).digest(), tally(&shifted[1..]).digest());
    }

    #[test]
    fn what_a_column_cannot_hold_is_named() {
        let long = i64::from(i32::MAX) + 1;
        assert_eq!(fits(ValueRef::Integer(long), &Type::INT8), Ok(Value::Int(long)));
        assert_eq!(fits(ValueRef::Integer(3), &Type::FLOAT8), Ok(Value::Real(3.0)));
        assert_eq!(fits(ValueRef::Text("käse".as_bytes()), &Type::TEXT), Ok(Value::Text("käse")));
        let refused = [
            (ValueRef::Integer(long), Type::INT4, "2147483648"),
            (ValueRef::Integer(i64::from(i16::MIN) - 1), Type::INT2, "-32769"),
            (ValueRef::Integer(2), Type::BOOL, "number 2"),
            (ValueRef::Real(0.5), Type::INT8, "Real"),
            (ValueRef::Text(b"a\0b"), Type::TEXT, "NUL"),
            (ValueRef::Text(b"ab\xff"), Type::TEXT, "byte 2"),
            (ValueRef::Text(b"ab"), Type::BYTEA, "Text"),
            (ValueRef::Blob(b"ab"), Type::TEXT, "Blob"),
        ];
        for (value, wanted, word) in refused {
            let why = fits(value, &wanted).expect_err(word);
            assert!(why.contains(word), "{why}");
        }
    }
}
