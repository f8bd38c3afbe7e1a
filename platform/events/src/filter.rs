//! Which types a subscription wants.

use kernel::limits;

/// A pattern of types: one (`radio.phrase`), a family (`github.*`), or all (`*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter(pub &'static str);

impl Filter {
    /// Whether it wants this type.
    pub fn wants(self, kind: &str) -> bool {
        Self::matches(self.0, kind)
    }

    /// Whether a pattern that is known only at run time wants a type.
    pub fn matches(pattern: &str, kind: &str) -> bool {
        match family(pattern) {
            Some(family) => kind.starts_with(family),
            None => kind == pattern,
        }
    }

    /// Whether a text is a pattern: words of letters, digits, `_`, `-` and `/` with dots between, alone or with `.*` behind; or `*`.
    pub fn is_pattern(text: &str) -> bool {
        let byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/".contains(&byte);
        let word = |word: &str| !word.is_empty() && word.bytes().all(byte);
        let words = text.strip_suffix(".*").unwrap_or(text);
        text == "*" || text.len() <= limits::EVENT_ATTRIBUTE_BYTES && words.split('.').all(word)
    }

    /// The same in SQL: a condition on `type`, and its parameter `$2`.
    pub(crate) fn condition(self) -> (String, &'static str) {
        condition(self.0, 2)
    }
}

/// `github.` of `github.*`; nothing, which everything begins with, of `*`.
fn family(pattern: &str) -> Option<&str> {
    pattern.strip_suffix('*').filter(|family| family.is_empty() || family.ends_with('.'))
}

/// A pattern as a condition on `type`, and what to bind to its parameter `$n`. Not a range of texts, since their order is
/// the database's own on PostgreSQL.
pub(crate) fn condition(pattern: &str, n: usize) -> (String, &str) {
    match family(pattern) {
        Some("") => (format!("${n} = '*'"), pattern),
        Some(family) => (format!("substr(type, 1, {}) = ${n}", family.chars().count()), family),
        None => (format!("type = ${n}"), pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_wants_one_type_or_a_family_or_all() {
        for (filter, kind, wanted) in [
            ("github.*", "github.push", true),
            ("github.*", "github", false),
            ("github.*", "githubby.push", false),
            ("github.push", "github.push", true),
            ("github.push", "github.pushed", false),
            ("*", "github.push", true),
            ("git*", "github.push", false),
        ] {
            assert_eq!(Filter(filter).wants(kind), wanted, "{filter:?} {kind}");
        }
    }

    #[test]
    fn a_pattern_is_words_or_a_family_or_all() {
        for good in ["*", "a", "github.*", "radio.phrase", "com.example/thing-1_x"] {
            assert!(Filter::is_pattern(good), "{good}");
        }
        for bad in ["", ".", ".*", "git*", "**", "a.*.b", "a b", "a.", ".a", "a..b", "a\0", "ü"] {
            assert!(!Filter::is_pattern(bad), "{bad}");
        }
        assert!(!Filter::is_pattern(&"x".repeat(limits::EVENT_ATTRIBUTE_BYTES + 1)));
    }
}
