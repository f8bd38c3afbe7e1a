//! Texts in HTML that is made here.

/// A text as HTML shows it, between tags and in quoted attributes: nothing of it is markup.
pub fn escaped(raw: &str) -> String {
    let mut html = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(escaped(r#"<a href="x" t='y'>&"#), "&lt;a href=&quot;x&quot; t=&#39;y&#39;&gt;&amp;");
        assert_eq!(escaped("ä 👍"), "ä 👍");
    }
}
