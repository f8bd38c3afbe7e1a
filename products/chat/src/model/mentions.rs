//! `@name` in a text: whom it means.

use kernel::limits;

/// The people of a room whom a text mentions, in the order of their names' first place. Names may have spaces, so at each `@` the longest
/// name that fits is meant; case does not count, and where a name goes on it is another's.
pub(crate) fn mentioned(content: &str, members: &[(String, String)]) -> Vec<String> {
    let text = content.to_lowercase();
    let mut names: Vec<(String, &str)> = members.iter().map(|(id, name)| (name.to_lowercase(), id.as_str())).collect();
    names.retain(|(name, _)| !name.trim().is_empty());
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut found: Vec<String> = Vec::new();
    for (at, _) in text.match_indices('@') {
        // An address (`ada@example.org`) mentions nobody.
        let inside = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let rest = &text[at + 1..];
        let fits = |name: &str| {
            let after = rest.strip_prefix(name)?.chars().next();
            after.is_none_or(|c| !c.is_alphanumeric()).then_some(name.len())
        };
        let Some(longest) = names.iter().filter(|_| !inside).find_map(|(name, _)| fits(name)) else { continue };
        // Two of one name are both meant.
        let meant = names.iter().filter(|(name, _)| name.len() == longest && rest.starts_with(name.as_str()));
        for (_, id) in meant {
            if found.len() < limits::CHAT_MENTIONS && !found.iter().any(|known| known == id) {
                found.push((*id).to_owned());
            }
        }
    }
    found
}
