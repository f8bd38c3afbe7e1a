//! What a person is, and what one may be called.

use kernel::{PersonId, Problem, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Use the products.
    Member,
    /// Everything, as the administrator.
    Admin,
}

impl Role {
    /// As it is written. Stored: never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// The one that is written so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Member, Self::Admin].into_iter().find(|role| role.name() == name)
    }
}

/// A person as every other person may see one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Profile {
    /// Who.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// What people call them.
    pub name: String,
}

/// A person as administrators, and the person, see one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonDetails {
    /// Who.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// What people call them.
    pub name: String,
    /// Where they are written to, and what they sign in with.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// The last sign-in, Unix milliseconds.
    pub signed_in_at_ms: Option<i64>,
    /// Until when they are banned, Unix milliseconds; null when they are not. 253402300799999 is for ever.
    pub banned_until_ms: Option<i64>,
    /// Why, as whoever banned them wrote it.
    pub ban_reason: Option<String>,
}

/// A name as it is kept: without space around it, of 1 to [`limits::PERSON_NAME_CHARS`] printable characters.
///
/// # Errors
/// 400 that names the field.
pub(crate) fn name(name: &str) -> ProblemResult<String> {
    let name = name.trim();
    let count = name.chars().count();
    if (1..=limits::PERSON_NAME_CHARS).contains(&count) && !name.chars().any(is_hidden) {
        return Ok(name.to_owned());
    }
    let why = format!("A name has 1 to {} printable characters.", limits::PERSON_NAME_CHARS);
    Err(Problem::bad_request("name_invalid", why.clone()).field("/name", why))
}

/// Controls, and what turns the direction of what stands beside a name (Unicode, UAX 9), or is not seen at all.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// An address as it is kept and compared: lower case. ASCII only, so that no two that look alike are two people's.
///
/// # Errors
/// 400 that names the field.
pub(crate) fn email(email: &str) -> ProblemResult<String> {
    folded(email).ok_or_else(|| {
        let why = "Give an address of the form name@example.com, in ASCII.";
        Problem::bad_request("email_invalid", why).field("/email", why)
    })
}

/// The address in lower case, if it is one.
pub(crate) fn folded(email: &str) -> Option<String> {
    let email = email.trim().to_ascii_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let local_fits = (1..=64).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let domain_fits = domain.split('.').count() >= 2 && domain.split('.').all(label_fits);
    (local_fits && domain_fits && email.len() <= limits::PERSON_EMAIL_BYTES).then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ascii_and_folds_to_one_spelling() {
        assert_eq!(folded(" Ada@Example.COM ").as_deref(), Some("ada@example.com"));
        assert_eq!(folded("a.b+c@x.co").as_deref(), Some("a.b+c@x.co"));
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a b@c.de",
            "a@b..c",
            "a@-b.c",
            "аda@example.com",
            "a@exämple.com",
            "a@b.c\0",
            "a@b@c.de",
            &long,
        ] {
            assert_eq!(folded(bad), None, "{bad}");
        }
        assert_eq!(folded("KELVIN\u{212a}@example.com"), None, "U+212A folds to k elsewhere");
    }

    #[test]
    fn a_name_is_seen_as_it_is() {
        assert_eq!(name("  Ada Lovelace ").expect("a name"), "Ada Lovelace");
        assert!(name("مريم").is_ok() && name("👩‍👩‍👧").is_err(), "joiners are not seen");
        for bad in ["", "   ", "a\u{202e}b", "a\nb", "\u{200b}", "\u{3164}", "a\u{61c}b", "a\u{e0041}", &"x".repeat(51)]
        {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
