//! The rules of the chat. Pure: no clock, no I/O, no SQL.

mod mentions;
mod rights;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use mentions::mentioned;
pub(crate) use rights::{Role, may_delete, may_pin, may_remove, may_set};
pub(crate) use text::{Wrong, client_id, content, description, emoji, name, shortcut};
pub(crate) use words::{ASKED, Dialect, asked, too_many, words};
