//! What a file is called.

use kernel::limits;

use super::Form;

/// The name of a file as it is shown and saved: one line, without folders, ending as a file of its form does. A picture that was called
/// `evil.html` is `evil.html.png`: what opens a saved file goes by its name.
pub(crate) fn named(text: &str, form: Form) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !hidden(*c)).collect();
    let shown = shown.trim_matches(|c: char| c.is_whitespace() || c == '.');
    let (stem, end) = match shown.rsplit_once('.') {
        Some((stem, end)) if form.ends.contains(&end.to_ascii_lowercase().as_str()) => (stem, end),
        _ => (shown, form.ends.first().copied().unwrap_or_default()),
    };
    let stem: String = stem.chars().take(limits::CHAT_FILE_NAME_CHARS - end.len() - 1).collect();
    let stem = if stem.trim().is_empty() { "file" } else { stem.trim_end() };
    format!("{stem}.{end}")
}

/// What is not seen in a line, or turns its order around.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
