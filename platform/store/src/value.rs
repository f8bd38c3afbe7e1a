//! Values that go into statements and come out of rows, the same on every engine.

use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::StoreError;

/// One parameter or one column. Borrowed: binding a statement allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// Integers, times in Unix milliseconds, booleans as 0 and 1.
    Int(i64),
    /// Floating point.
    Real(f64),
    /// Text, JSON included.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list, for many rows in one statement, where [`crate::Tx::takes_lists`].
    Ints(&'a [Option<i64>]),
    /// As [`Value::Ints`].
    Texts(&'a [Option<&'a str>]),
}

macro_rules! from_integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Value<'_> {
            fn from(value: $int) -> Self {
                Self::Int(i64::from(value))
            }
        }
    )*};
}
from_integers!(i64, i32, u32, u16, u8, bool);

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<&'a [Option<i64>]> for Value<'a> {
    fn from(list: &'a [Option<i64>]) -> Self {
        Self::Ints(list)
    }
}

impl<'a> From<&'a [Option<&'a str>]> for Value<'a> {
    fn from(list: &'a [Option<&'a str>]) -> Self {
        Self::Texts(list)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters `$1`, `$2`, … of a statement.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}

impl<'a> From<Value<'a>> for ValueRef<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Int(value) => Self::Integer(value),
            Value::Real(value) => Self::Real(value),
            Value::Text(value) => Self::Text(value.as_bytes()),
            Value::Bytes(value) => Self::Blob(value),
            // No column holds a list.
            Value::Null | Value::Ints(_) | Value::Texts(_) => Self::Null,
        }
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        if let Self::Ints(_) | Self::Texts(_) = self {
            return Err(rusqlite::Error::ToSqlConversionFailure("this engine takes no lists".into()));
        }
        Ok(ToSqlOutput::Borrowed((*self).into()))
    }
}

/// A row of an answer.
pub struct Row<'a>(pub(crate) Cells<'a>);

pub(crate) enum Cells<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// Column `column`, from 0.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when it holds another type.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, StoreError> {
        let decode = || StoreError::Decode { column, wanted: std::any::type_name::<T>() };
        let value = match self.0 {
            Cells::Sqlite(row) => match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value),
                ValueRef::Real(value) => Value::Real(value),
                ValueRef::Blob(value) => Value::Bytes(value),
                ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Bytes(text), Value::Text),
            },
            Cells::Postgres(row) => row.try_get(column).map_err(|_| decode())?,
        };
        T::from_value(value).ok_or_else(decode)
    }
}

/// What a column can be read as. `None` when the column holds something else.
pub trait FromValue: Sized {
    /// Reads the value.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

macro_rules! read_integers {
    ($($int:ty),*) => {$(
        impl FromValue for $int {
            fn from_value(value: Value<'_>) -> Option<Self> {
                match value { Value::Int(value) => value.try_into().ok(), _ => None }
            }
        }
    )*};
}
read_integers!(i64, i32, u64, u32, u16, usize);

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Int(value) => Some(value != 0),
            _ => None,
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Real(value) => Some(value),
            Value::Int(value) => Some(value as f64),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// What a whole row can be read as: a tuple of columns, or a struct that says how.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when a column holds another type.
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError>;
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: FromValue),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
                let mut column = 0;
                Ok(($({ column += 1; row.get::<$name>(column - 1)? },)+))
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
