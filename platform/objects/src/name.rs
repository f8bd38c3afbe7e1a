//! What an object is called: a part of ours and an id of ours. Whatever else there may be in a text, no name holds it.

use std::fmt;

const ID_BYTES: usize = 100;

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    part: &'static str,
    id: String,
}

/// The text can be no part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name of an object is of a-z, 0-9, _, - and single dots inside")]
pub struct BadName;

fn sane(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.');
    (2..=ID_BYTES).contains(&text.len())
        && text.bytes().all(inside)
        && !text.starts_with(['.', '-'])
        && !text.ends_with('.')
        && !text.contains("..")
}

impl Name {
    /// The object of a part (`chat`) with this id, which the part made.
    ///
    /// # Errors
    /// [`BadName`].
    pub fn new(part: &'static str, id: impl fmt::Display) -> Result<Self, BadName> {
        let id = id.to_string();
        if sane(part) && !part.contains('.') && sane(&id) { Ok(Self { part, id }) } else { Err(BadName) }
    }

    /// The folders and the file: objects of a part are spread over folders by the last two characters, which chance gave an id.
    pub(crate) fn folders(&self) -> (&'static str, &str, &str) {
        let stem = self.id.split('.').next().unwrap_or_default();
        (self.part, &stem[stem.len().saturating_sub(2)..], &self.id)
    }
}

/// The key in a bucket.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_folder() {
        for bad in
            ["", ".", "..", "../x", "a/b", "a\\b", "a..b", ".a1", "a.", "A1", "a b", "ä1", "a\0b", "-rf", "a%2f", "x"]
        {
            assert_eq!(Name::new("chat", bad), Err(BadName), "{bad}");
        }
        assert!(Name::new("chat", "a".repeat(ID_BYTES + 1)).is_err());
        assert!(Name::new("a.b", "abc").is_err() && Name::new("../a", "abc").is_err());
        let name = Name::new("chat", "fil_0abc9z.preview").expect("a name");
        assert_eq!(
            (name.to_string().as_str(), name.folders()),
            ("chat/fil_0abc9z.preview", ("chat", "9z", "fil_0abc9z.preview"))
        );
    }
}
