//! A feed of videos (Atom, RFC 4287, with YouTube's and the tombstones' elements) as JSON.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Value, json};

/// Elements of a feed at most: one that needs more is not about a video.
const NODES: u32 = 10_000;
const ATOM: &str = "http://www.w3.org/2005/Atom";
const YOUTUBE: &str = "http://www.youtube.com/xml/schemas/2015";
const TOMBSTONE: &str = "http://purl.org/atompub/tombstones/1.0";

/// The first entry, and the feed as it came; what is wrong with it, in a sentence.
pub(crate) fn payload(xml: &str) -> Result<Value, String> {
    // No document type: nothing is expanded, so that a small feed stays small.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|error| {
        let at = error.pos();
        format!("The body is no XML: line {}, column {}.", at.row, at.col)
    })?;
    let root = document.root_element();
    if let Some(gone) = child(root, TOMBSTONE, "deleted-entry") {
        let video_id = gone.attribute("ref").and_then(|reference| reference.rsplit(':').next());
        return Ok(json!({
            "video_id": video_id,
            "channel_id": channel_of(child(gone, TOMBSTONE, "by").and_then(|by| text(by, ATOM, "uri"))),
            "deleted_at": gone.attribute("when").unwrap_or_default(),
            "version_id": version(video_id, gone.attribute("when")),
            "feed": xml,
        }));
    }
    let entry = child(root, ATOM, "entry").ok_or("The feed has no entry.")?;
    let (video_id, updated) = (text(entry, YOUTUBE, "videoId"), text(entry, ATOM, "updated"));
    let author = child(entry, ATOM, "author");
    Ok(json!({
        "video_id": video_id,
        "channel_id": text(entry, YOUTUBE, "channelId"),
        "title": text(entry, ATOM, "title"),
        "link": child(entry, ATOM, "link").and_then(|link| link.attribute("href")),
        "author": author.and_then(|author| text(author, ATOM, "name")),
        "published": text(entry, ATOM, "published"),
        "updated": updated,
        "version_id": version(video_id, updated),
        "feed": xml,
    }))
}

/// A video in one of its versions: the hub sends each at least once.
fn version(video_id: Option<&str>, at: Option<&str>) -> Option<String> {
    Some(format!("{}@{}", video_id?, at?))
}

fn channel_of(uri: Option<&str>) -> Option<&str> {
    uri.and_then(|uri| uri.rsplit('/').next())
}

fn child<'a>(node: Node<'a, 'a>, space: &str, name: &str) -> Option<Node<'a, 'a>> {
    node.children().find(|child| child.tag_name().namespace() == Some(space) && child.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, 'a>, space: &str, name: &str) -> Option<&'a str> {
    child(node, space, name)?.text().map(str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_video_and_its_end_are_read() {
        let feed = r#"<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom">
            <title>feed</title><entry><id>yt:video:V</id><yt:videoId>V</yt:videoId><yt:channelId>C</yt:channelId>
            <title>A &amp; B</title><link rel="alternate" href="https://v"/><author><name>N</name></author>
            <published>2026-01-01T00:00:00+00:00</published><updated>2026-01-02T00:00:00+00:00</updated></entry></feed>"#;
        let video = payload(feed).expect("read");
        assert_eq!((video["video_id"].as_str(), video["title"].as_str()), (Some("V"), Some("A & B")));
        assert_eq!(video["version_id"], "V@2026-01-02T00:00:00+00:00");
        assert_eq!((video["link"].as_str(), video["author"].as_str()), (Some("https://v"), Some("N")));
        assert_eq!(video["feed"], feed);

        let gone = r#"<feed xmlns:at="http://purl.org/atompub/tombstones/1.0" xmlns="http://www.w3.org/2005/Atom">
            <at:deleted-entry ref="yt:video:V" when="2026-01-03T00:00:00+00:00"><at:by><uri>https://y/channel/C</uri></at:by>
            </at:deleted-entry></feed>"#;
        let gone = payload(gone).expect("read");
        assert_eq!((gone["video_id"].as_str(), gone["channel_id"].as_str()), (Some("V"), Some("C")));
        assert_eq!(gone["deleted_at"], "2026-01-03T00:00:00+00:00");
    }

    #[test]
    fn bombs_and_broken_feeds_are_refused() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><feed>&b;</feed>"#;
        assert!(payload(bomb).is_err());
        assert!(payload("<feed/>").expect_err("refused").contains("no entry"));
        assert!(payload("<feed>").expect_err("refused").contains("no XML"));
        let many = format!("<feed>{}</feed>", "<a/>".repeat(20_000));
        assert!(payload(&many).is_err());
        let deep = format!("{}{}", "<a>".repeat(9_000), "</a>".repeat(9_000));
        assert!(payload(&deep).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(xml in "[<>/a-z&;\"= !\\[\\]]{0,200}") {
            let _ = payload(&xml);
        }
    }
}
