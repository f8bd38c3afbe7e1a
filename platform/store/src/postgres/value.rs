//! Values as PostgreSQL sends and takes them.

use std::error::Error;

use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use crate::Value;

type Outcome = Result<IsNull, Box<dyn Error + Sync + Send>>;

/// As the statement wants the parameter: a number that does not fit is an error, never another number.
impl ToSql for Value<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Outcome {
        match *self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => match *wanted {
                Type::INT8 => value.to_sql(wanted, out),
                Type::INT4 => i32::try_from(value)?.to_sql(wanted, out),
                Type::INT2 => i16::try_from(value)?.to_sql(wanted, out),
                Type::BOOL => (value != 0).to_sql(wanted, out),
                Type::FLOAT8 => (value as f64).to_sql(wanted, out),
                _ => Err(format!("a number for {wanted}").into()),
            },
            Self::Real(value) if *wanted == Type::FLOAT8 => value.to_sql(wanted, out),
            Self::Text(value) if <&str as ToSql>::accepts(wanted) => value.to_sql(wanted, out),
            Self::Bytes(value) if *wanted == Type::BYTEA => value.to_sql(wanted, out),
            Self::Ints(list) if *wanted == Type::INT8_ARRAY => list.to_sql(wanted, out),
            Self::Texts(list) if *wanted == Type::TEXT_ARRAY => list.to_sql(wanted, out),
            Self::Ints(_) | Self::Texts(_) => Err(format!("a list for {wanted}").into()),
            Self::Real(_) | Self::Text(_) | Self::Bytes(_) => Err(format!("another type for {wanted}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *found {
            Type::INT8 => Self::Int(i64::from_sql(found, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(found, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(found, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(found, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(found, raw)?),
            Type::BYTEA => Self::Bytes(raw),
            ref text if <&str as FromSql>::accepts(text) => Self::Text(std::str::from_utf8(raw)?),
            ref other => return Err(format!("no column of ours is {other}: CAST it").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
