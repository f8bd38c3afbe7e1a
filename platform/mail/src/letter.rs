//! A letter: what it says, and how it looks as a message (RFC 5322). Pure.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use kernel::{html, limits};
use lettre::Message;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use serde::{Deserialize, Serialize};

/// A letter to one person. It prints nothing of itself: links in it are secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// What it says. Whatever stands here is text, in the HTML too.
    pub paragraphs: Vec<String>,
    /// What the reader is asked to open: words, and an address of ours. It stands after the first paragraph.
    pub link: Option<(String, String)>,
    /// After this time it is worth nothing, and is not sent any more, Unix milliseconds.
    pub until_ms: Option<i64>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter([secret])")
    }
}

/// Why a letter cannot be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// That is no address, or more than one.
    #[error("a letter goes to one address")]
    To,
    /// The subject is empty, too long, or more than a line.
    #[error("the subject of a letter is one line")]
    Subject,
    /// It says too much.
    #[error("a letter is too long")]
    Length,
}

/// Of a letter that is to be sent: what stays the same however often it is tried.
pub(crate) struct Stamp<'a> {
    /// Random, and this letter's alone.
    pub(crate) id: &'a str,
    pub(crate) posted_at_ms: i64,
}

/// Tells mail programs not to answer with "I am on holiday" (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Letter {
    /// That it can be sent.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn check(&self) -> Result<(), Unfit> {
        self.recipient()?;
        let subject = self.subject.chars().count();
        if !(1..=limits::MAIL_SUBJECT_CHARS).contains(&subject) || self.subject.chars().any(char::is_control) {
            return Err(Unfit::Subject);
        }
        let link = self.link.as_ref().map_or(0, |(words, address)| words.len() + address.len());
        let length = self.paragraphs.iter().map(String::len).sum::<usize>() + link;
        if length > limits::MAIL_BYTES { Err(Unfit::Length) } else { Ok(()) }
    }

    fn recipient(&self) -> Result<Mailbox, Unfit> {
        let plain = self.to.is_ascii() && !self.to.bytes().any(|b| b.is_ascii_control() || b",;<>\"() ".contains(&b));
        let address = self.to.parse().ok().filter(|_| plain && self.to.len() <= limits::PERSON_EMAIL_BYTES);
        address.map(|address| Mailbox::new(None, address)).ok_or(Unfit::To)
    }

    /// The message, byte for byte the same for the same stamp.
    pub(crate) fn message(&self, from: &Mailbox, stamp: &Stamp<'_>) -> Result<Message, Unfit> {
        self.check()?;
        let domain = from.email.domain();
        let posted = Duration::from_millis(u64::try_from(stamp.posted_at_ms).unwrap_or_default());
        let body = MultiPart::alternative()
            .boundary(format!("=_{}", stamp.id))
            .singlepart(SinglePart::plain(self.text()))
            .singlepart(SinglePart::html(self.html()));
        let message = Message::builder()
            .from(from.clone())
            .to(self.recipient()?)
            .subject(&self.subject)
            .message_id(Some(format!("<{}@{domain}>", stamp.id)))
            .date(UNIX_EPOCH + posted)
            .header(AutoSubmitted);
        message.multipart(body).map_err(|_| Unfit::To)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (n, paragraph) in self.paragraphs.iter().enumerate() {
            text.push_str(&visible(paragraph));
            text.push_str("\r\n\r\n");
            if let Some((words, address)) = self.link.as_ref().filter(|_| n == 0) {
                text.push_str(&format!("{}:\r\n{}\r\n\r\n", visible(words), visible(address)));
            }
        }
        text
    }

    fn html(&self) -> String {
        let mut html = String::from("<!doctype html><html lang=\"en\"><body style=\"font:16px/1.5 sans-serif\">");
        for (n, paragraph) in self.paragraphs.iter().enumerate() {
            html.push_str(&format!("<p>{}</p>", escaped(paragraph)));
            if let Some((words, address)) = self.link.as_ref().filter(|_| n == 0) {
                html.push_str(&format!("<p><a href=\"{}\">{}</a></p>", escaped(address), escaped(words)));
            }
        }
        html + "</body></html>"
    }
}

/// Without what controls a terminal or turns a line.
fn visible(raw: &str) -> String {
    raw.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect::<String>().replace('\n', "\r\n")
}

/// A text as HTML shows it.
fn escaped(raw: &str) -> String {
    html::escaped(&visible(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            to: "ada@example.com".into(),
            subject: "Grüße".into(),
            paragraphs: vec!["Open <this>.".into(), "Or do not.".into()],
            link: Some(("Open".into(), "https://live.example.org/x?a=1&b=2".into())),
            until_ms: None,
        }
    }

    fn bytes(letter: &Letter) -> String {
        let from = "Mainspring <live@example.org>".parse().expect("a mailbox");
        let stamp = Stamp { id: "0123", posted_at_ms: 1_803_859_200_000 };
        String::from_utf8(letter.message(&from, &stamp).expect("a message").formatted()).expect("ASCII")
    }

    #[test]
    fn a_letter_is_the_same_bytes_however_often_it_is_made() {
        let made = bytes(&letter());
        assert_eq!(made, bytes(&letter()));
        for line in [
            "From: Mainspring <live@example.org>\r\n",
            "To: ada@example.com\r\n",
            "Message-ID: <0123@example.org>\r\n",
            "Date: Mon, 01 Mar 2027 00:00:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
        ] {
            assert!(made.contains(line), "{line} in {made}");
        }
        let html = made.replace("=\r\n", "");
        assert!(html.contains("<p>Open &lt;this&gt;.</p>"), "{html}");
        assert!(made.contains("Open:\r\nhttps://live.example.org/x?a=1&b=2\r\n"), "{made}");
        assert!(made.is_ascii() && !made.contains("Grüße"), "{made}");
    }

    #[test]
    fn nobody_writes_headers_through_a_letter() {
        for to in [
            "",
            "ada",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com,eve@example.com",
            "ada@example.com eve@example.com",
            "<ada@example.com>",
            "ada@example.com\0",
            "\"a b\"@example.com",
        ] {
            assert_eq!(Letter { to: to.into(), ..letter() }.check(), Err(Unfit::To), "{to:?}");
        }
        for subject in ["", "a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\0b", &"x".repeat(201)] {
            assert_eq!(Letter { subject: subject.into(), ..letter() }.check(), Err(Unfit::Subject), "{subject:?}");
        }
        let long = Letter { paragraphs: vec!["x".repeat(limits::MAIL_BYTES + 1)], ..letter() };
        assert_eq!(long.check(), Err(Unfit::Length));
        // In the body a line is a line of the body, whatever it looks like; and an encoded word in a subject is one word.
        let sly = Letter {
            subject: "x =?utf-8?q?=0d=0aBcc:_eve?= ".repeat(3),
            paragraphs: vec![
                "a\r\n.\r\nMAIL FROM:<eve@example.com>\r\n--=_0123--\r\nBcc: eve@example.com\u{202e}".into(),
            ],
            link: Some(("\"><script>".into(), "javascript:\"onclick=".into())),
            ..letter()
        };
        let made = bytes(&sly);
        let (head, _) = made.split_once("\r\n\r\n").expect("a head");
        assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
        let (_, html) = made.split_once("text/html").expect("a part");
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
    }

    #[test]
    fn a_letter_is_not_seen_in_logs() {
        assert_eq!(format!("{:?}", letter()), "Letter([secret])");
    }
}
