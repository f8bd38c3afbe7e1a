//! Which types a subscription wants.

/// A pattern of types: one (`radio.phrase`), a family (`github.*`), or all (`*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter(pub &'static str);

impl Filter {
    /// Whether it wants this type.
    pub fn wants(self, kind: &str) -> bool {
        wants(self.0, kind)
    }

    /// The same in SQL: a condition on `type`, and its parameter `$2`.
    pub(crate) fn condition(self) -> (String, &'static str) {
        condition(self.0, 2)
    }
}

/// Whether a pattern wants a type.
pub(crate) fn wants(pattern: &str, kind: &str) -> bool {
    match family(pattern) {
        Some(family) => kind.starts_with(family),
        None => kind == pattern,
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
}
