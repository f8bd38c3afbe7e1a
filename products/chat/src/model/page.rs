//! What a page says of itself for whoever links to it: its title, a sentence, a picture. Text comes out, never markup.

use std::collections::HashMap;

use html5gum::{DefaultEmitter, State, Token, Tokenizer};

/// What is kept of each, characters.
const TITLE_CHARS: usize = 200;
const DESCRIPTION_CHARS: usize = 300;
const SITE_CHARS: usize = 100;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) site: Option<String>,
    /// As it stands in the page: an address, or one beside the page's own.
    pub(crate) picture: Option<String>,
}

/// What the beginning of a page says; `None` when it has no title. `charset` is what its server said.
pub(crate) fn page(bytes: &[u8], charset: Option<&str>) -> Option<Page> {
    let text = decoded(bytes, charset)?;
    let mut said: HashMap<String, String> = HashMap::new();
    let mut title: Option<String> = None;
    let mut inside = false;
    let mut emitter = DefaultEmitter::default();
    // Inside a title, a script, a style there are no tags.
    emitter.naively_switch_states(true);
    let mut tokens = Tokenizer::new_with_emitter(text.as_str(), emitter);
    tokens.set_state(State::Data);
    for token in tokens {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => match &**tag.name {
                b"title" if title.is_none() => inside = true,
                b"meta" => {
                    let attribute = |name: &[u8]| {
                        let value = tag.attributes.get(name)?;
                        Some(String::from_utf8_lossy(value).into_owned())
                    };
                    let name = attribute(b"property").or_else(|| attribute(b"name")).unwrap_or_default();
                    if let (true, Some(content)) = (is_known(&name.to_ascii_lowercase()), attribute(b"content")) {
                        said.entry(name.to_ascii_lowercase()).or_insert(content);
                    }
                }
                b"body" => break,
                _ => {}
            },
            Token::String(text) if inside => {
                title.get_or_insert_default().push_str(&String::from_utf8_lossy(&text));
            }
            Token::EndTag(tag) if inside && &**tag.name == b"title" => inside = false,
            _ => {}
        }
    }
    let first = |names: &[&str], most| names.iter().find_map(|name| line(said.get(*name)?, most));
    let title = first(&["og:title", "twitter:title"], TITLE_CHARS).or_else(|| line(&title?, TITLE_CHARS))?;
    Some(Page {
        title,
        description: first(&["og:description", "twitter:description", "description"], DESCRIPTION_CHARS),
        site: first(&["og:site_name"], SITE_CHARS),
        picture: first(&["og:image:secure_url", "og:image", "og:image:url", "twitter:image"], usize::MAX),
    })
}

fn is_known(name: &str) -> bool {
    name == "description" || name.starts_with("og:") || name.starts_with("twitter:")
}

/// The text of a page. What it cannot be read as is told by nobody.
fn decoded(bytes: &[u8], charset: Option<&str>) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1_024)]).to_ascii_lowercase();
    let own = head.split_once("charset=").map(|(_, rest)| rest.trim_start_matches(['"', '\'']));
    let own = own.map(|rest| rest.split(['"', '\'', ' ', '/', '>', ';']).next().unwrap_or_default().to_owned());
    match charset.map(str::to_ascii_lowercase).or(own).as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Some(String::from_utf8_lossy(bytes).into_owned()),
        // Latin letters are where they are in Unicode; what Windows added in between is not worth a table.
        Some("iso-8859-1" | "latin1" | "windows-1252") => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Some(_) => None,
    }
}

/// A text in one line, of at most so many characters, in which nothing is hidden and nothing turns the order around.
fn line(text: &str, most: usize) -> Option<String> {
    let hidden = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !hidden(*c)).collect();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    // A character that could not be read: the whole is in another script than it said.
    if shown.is_empty() || shown.contains('\u{fffd}') {
        return None;
    }
    match shown.char_indices().nth(most.saturating_sub(1)) {
        Some((at, _)) if shown[at..].chars().count() > 1 => Some(format!("{}…", &shown[..at])),
        _ => Some(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Option<Page> {
        page(html.as_bytes(), None)
    }

    #[test]
    fn a_page_says_what_it_is() {
        let html = r#"<!doctype html><html><head><title>Plain</title>
            <META PROPERTY="og:title" content="A &amp; B &lt;script&gt;alert(1)&lt;/script&gt;">
            <meta property=og:title content=second><meta name="description" content=" in
              two lines "><meta property="og:site_name" content="Site"><meta property="og:image" content="/a.png?x=1&amp;y=2">
            </head><body><title>later</title>"#;
        let page = read(html).expect("a page");
        assert_eq!(page.title, "A & B <script>alert(1)</script>", "text, whatever it looks like");
        assert_eq!(page.description.as_deref(), Some("in two lines"));
        assert_eq!((page.site.as_deref(), page.picture.as_deref()), (Some("Site"), Some("/a.png?x=1&y=2")));
    }

    #[test]
    fn what_is_no_title_is_none() {
        assert_eq!(read("<title>a<b>c</title><p>").expect("a page").title, "a<b>c", "a title has no tags");
        for html in [
            "",
            "just text",
            "<title> </title>",
            "<title>\u{202e}\u{200b}</title>",
            "<script>var x = '<title>no</title>'</script>",
            "<!-- <title>no</title> -->",
            "<body><title>no</title>",
            "<meta property='og:image' content='x'>",
        ] {
            assert_eq!(read(html), None, "{html}");
        }
        let long = read(&format!("<title>{}</title>", "ä".repeat(1_000))).expect("a page").title;
        assert!(long.chars().count() == TITLE_CHARS && long.ends_with('…'));
        assert_eq!(read("<title>cut in the mid").expect("a page").title, "cut in the mid");
    }

    #[test]
    fn letters_are_those_of_the_page() {
        assert_eq!(page(b"<title>caf\xe9</title>", Some("ISO-8859-1")).expect("a page").title, "café");
        assert_eq!(page(b"<meta charset='latin1'><title>caf\xe9</title>", None).expect("a page").title, "café");
        assert_eq!(page(b"<title>caf\xe9</title>", None), None, "better nothing than a wrong letter");
        assert_eq!(page(b"<title>x</title>", Some("shift_jis")), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, html in "(<(/?title|meta|script|!--)[ =a-z:'\">]{0,20}){0,12}") {
            let _ = page(&bytes, None);
            let _ = page(html.as_bytes(), None);
        }
    }
}
