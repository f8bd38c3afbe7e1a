//! What is signed, as a text with holes.

/// A part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// As it is written.
    Text(&'a str),
    /// The body's bytes.
    Body,
    /// A header's value.
    Header(&'a str),
    /// An entry of the signature's own header.
    Entry(&'a str),
}

/// The pieces of a template, in order. A brace that nothing closes is text.
pub(crate) fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let hole = rest.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let Some((name, after)) = hole else {
            let end = rest.char_indices().skip(1).find(|(_, c)| *c == '{').map_or(rest.len(), |(at, _)| at);
            let (text, after) = rest.split_at(end);
            rest = after;
            return Some(Piece::Text(text));
        };
        rest = after;
        Some(match name {
            "body" => Piece::Body,
            entry if entry.ends_with('=') => Piece::Entry(entry),
            header => Piece::Header(header),
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_template_is_read_in_order() {
        let read = |template| pieces(template).collect::<Vec<_>>();
        assert_eq!(
            read("v0:{x-ts}:{body}"),
            [Piece::Text("v0:"), Piece::Header("x-ts"), Piece::Text(":"), Piece::Body]
        );
        assert_eq!(read("{t=}.{body}"), [Piece::Entry("t="), Piece::Text("."), Piece::Body]);
        assert_eq!(read("{"), [Piece::Text("{")]);
        assert_eq!(read(""), []);
    }

    proptest! {
        #[test]
        fn any_template_is_read(template in "[{}a=body.é]{0,40}") {
            prop_assert!(pieces(&template).count() <= template.len());
        }
    }
}
