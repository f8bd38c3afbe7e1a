//! The addresses in a text.

use kernel::limits;

/// The first addresses of pages in a text, each once, as they are asked for: without what a page jumps to.
pub(crate) fn links(text: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    let words =
        text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '|' | '{' | '}' | '\\' | '^'));
    for word in words {
        let lower = word.to_ascii_lowercase();
        let Some(at) = ["https://", "http://"].iter().filter_map(|scheme| lower.find(scheme)).min() else { continue };
        let link = whole(word[at..].split('#').next().unwrap_or_default());
        let host = link.split_once("://").map_or("", |(_, rest)| rest);
        let sane =
            host.starts_with(|c: char| c.is_alphanumeric() || c == '[') && link.len() <= limits::OUTBOUND_URL_BYTES;
        if sane && !links.iter().any(|it| it == link) {
            links.push(link.to_owned());
            if links.len() == limits::CHAT_LINKS {
                break;
            }
        }
    }
    links
}

/// The address without what ends the sentence around it. A bracket that it opened itself it closes itself.
fn whole(mut link: &str) -> &str {
    loop {
        let Some(last) = link.chars().next_back() else { return link };
        let count = |c: char| link.matches(c).count();
        let ends = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' => true,
            ')' => count('(') < count(')'),
            ']' => count('[') < count(']'),
            _ => false,
        };
        if !ends {
            return link;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_where_people_end_them() {
        for (text, expected) in [
            ("see https://a.test/x?y=1#part, and HTTP://B.test!", vec!["https://a.test/x?y=1", "HTTP://B.test"]),
            ("(https://en.test/wiki/Rust_(language))", vec!["https://en.test/wiki/Rust_(language)"]),
            ("[name](https://a.test/x)", vec!["https://a.test/x"]),
            ("https://a.test https://a.test/ https://a.test", vec!["https://a.test", "https://a.test/"]),
            ("<https://a.test/ä>", vec!["https://a.test/ä"]),
            ("https:// http://. https://? ftp://a.test javascript:alert(1)", vec![]),
            ("a.test www.a.test", vec![]),
        ] {
            assert_eq!(links(text), expected, "{text}");
        }
        let many = (0..9).map(|n| format!("https://a.test/{n} ")).collect::<String>();
        assert_eq!(links(&many).len(), limits::CHAT_LINKS);
        assert!(links(&format!("https://a.test/{}", "x".repeat(limits::OUTBOUND_URL_BYTES))).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            proptest::prop_assert!(links(&text).iter().all(|link| text.contains(link.as_str())));
        }
    }
}
