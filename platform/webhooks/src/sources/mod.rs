//! The senders we know: a file each, a line each.

use crate::Source;

mod github;

/// All of them, by name.
pub const ALL: &[Source] = &[github::SOURCE];

/// The source of this name.
pub fn find(name: &str) -> Option<&'static Source> {
    ALL.iter().find(|source| source.name == name)
}
