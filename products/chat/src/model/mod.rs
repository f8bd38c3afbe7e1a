//! The rules of the chat. Pure: no clock, no I/O, no SQL.

mod avatars;
mod files;
mod links;
mod mentions;
mod page;
mod rights;
mod status;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use avatars::avatar_path;
pub(crate) use files::{
    Asked, FileKind, Form, GIF, JPEG, PNG, TAKEN, WEBP, asked_range, bare, duration_ms, form_of, named, progressive,
    untold,
};
pub(crate) use links::links;
pub(crate) use mentions::mentioned;
pub(crate) use page::{Page, page};
pub(crate) use rights::{Role, may_delete, may_pin, may_remove, may_set};
pub(crate) use status::Status;
pub(crate) use text::{Wrong, client_id, content, description, emoji, name, shortcut};
pub(crate) use words::{ASKED, Dialect, asked, too_many, words};
