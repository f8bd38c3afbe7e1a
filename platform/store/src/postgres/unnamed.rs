//! Statements that leave nothing behind on their connection: without a name, in one journey, planned each time.
//!
//! The server finds out what each parameter is, as it does for a named statement; so every text that works there works here. Hence
//! numbers and texts go as the server would read them from a literal, of no stated type.

use std::error::Error;

use tokio_postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use crate::Value;

/// A parameter, and the type it is sent as.
pub(super) fn parameter(value: Value<'_>) -> (Parameter<'_>, Type) {
    let stated = match value {
        Value::Null | Value::Int(_) | Value::Real(_) | Value::Text(_) => Type::UNKNOWN,
        Value::Bytes(_) => Type::BYTEA,
        Value::Ints(_) => Type::INT8_ARRAY,
        Value::Texts(_) => Type::TEXT_ARRAY,
    };
    (Parameter(value), stated)
}

/// How many parameters a statement names: those up to its highest `$n`.
pub(super) fn named(sql: &str) -> usize {
    let number = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..digits].parse().unwrap_or(0)
    };
    sql.split('$').skip(1).map(number).max().unwrap_or(0)
}

#[derive(Debug)]
pub(super) struct Parameter<'a>(Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, stated: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Real(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Text(value) => out.extend_from_slice(value.as_bytes()),
            value => return value.to_sql(stated, out),
        }
        Ok(IsNull::No)
    }

    fn encode_format(&self, stated: &Type) -> Format {
        if *stated == Type::UNKNOWN { Format::Text } else { Format::Binary }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_its_parameters_by_their_numbers() {
        assert_eq!(named("SELECT 1"), 0);
        assert_eq!(named("SELECT $2, $1, $12 || '$.a$' FROM t WHERE a = $3"), 12);
    }

    #[test]
    fn what_has_no_stated_type_goes_as_a_literal_reads() {
        let sent = |value| {
            let (parameter, stated) = parameter(value);
            let mut out = BytesMut::new();
            let null = parameter.to_sql(&stated, &mut out).expect("taken");
            matches!(null, IsNull::No).then(|| (stated, String::from_utf8_lossy(&out).into_owned()))
        };
        assert_eq!(sent(Value::Int(i64::MIN)), Some((Type::UNKNOWN, "-9223372036854775808".into())));
        assert_eq!(sent(Value::Real(0.1)), Some((Type::UNKNOWN, "0.1".into())));
        assert_eq!(sent(Value::Text("it's\n")), Some((Type::UNKNOWN, "it's\n".into())));
        assert_eq!(sent(Value::Bytes(b"b")), Some((Type::BYTEA, "b".into())));
        assert_eq!(sent(Value::Null), None);
    }
}
