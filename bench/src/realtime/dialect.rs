//! What a client says and hears, as far as it must: Centrifuge's JSON, Socket.IO over a WebSocket, and nchan's plain messages.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Centrifuge,
    SocketIo,
    Nchan,
}

/// Where a client was when it was cut off: by this it comes back to what it missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The epoch, or the private id of a session; empty where there is none.
    pub(crate) of: String,
    pub(crate) at: String,
}

/// What a frame is to a client that only counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Ping,
    Other,
}

/// Bytes of a frame that [`Dialect::kind`] looks at.
pub(crate) const LOOKED_AT: usize = 12;

impl Dialect {
    /// The request for a WebSocket.
    pub(crate) fn handshake(self, channels: &[String], place: Option<&Place>) -> String {
        let (path, more) = match (self, place) {
            (Self::Centrifuge, _) => ("/connection/websocket".to_owned(), String::new()),
            (Self::SocketIo, _) => ("/socket.io/?EIO=4&transport=websocket".to_owned(), String::new()),
            // Several channels are one name of nchan's; its messages come with their ids where that is asked for.
            (Self::Nchan, place) => {
                let last = place.map(|place| format!("last-event-id: {}\r\n", place.at)).unwrap_or_default();
                (format!("/sub/{}", channels.join(",")), format!("sec-websocket-protocol: ws+meta.nchan\r\n{last}"))
            }
        };
        format!(
            "GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        )
    }

    pub(crate) fn kind(self, head: &[u8], length: usize) -> Kind {
        match self {
            Self::Centrifuge if length == 2 => Kind::Ping,
            Self::Centrifuge if head.starts_with(b"{\"push\":") => Kind::Message,
            Self::SocketIo if length == 1 && head == b"2" => Kind::Ping,
            Self::SocketIo if head.starts_with(b"42[\"message\"") => Kind::Message,
            Self::Nchan => Kind::Message,
            Self::Centrifuge | Self::SocketIo => Kind::Other,
        }
    }

    /// What answers a ping.
    pub(crate) fn pong(self) -> &'static str {
        if self == Self::SocketIo { "3" } else { "{}" }
    }

    /// What a client says first, if it speaks first.
    pub(crate) fn first(self, token: &str, channels: &[String], place: Option<&Place>) -> Option<String> {
        (self == Self::Centrifuge).then(|| {
            let mut said = json!({ "id": 1, "connect": { "token": token } }).to_string();
            for (number, channel) in (2..).zip(channels) {
                let mut subscribe = json!({ "channel": channel });
                if let Some(Place { of, at }) = place {
                    subscribe["recover"] = true.into();
                    subscribe["epoch"] = of.as_str().into();
                    subscribe["offset"] = at.parse::<u64>().unwrap_or_default().into();
                }
                said.push('\n');
                said.push_str(&json!({ "id": number, "subscribe": subscribe }).to_string());
            }
            said
        })
    }

    /// Where a message leaves its reader, who was told `epoch` or its private id when it came.
    pub(crate) fn place(self, message: &str, of: &str) -> Result<Place> {
        let at = match self {
            Self::Centrifuge => {
                let push: Value = serde_json::from_str(message)?;
                push["push"]["pub"]["offset"].as_u64().context("a publication without an offset")?.to_string()
            }
            Self::SocketIo => {
                let event: Value = serde_json::from_str(message.trim_start_matches("42"))?;
                let last = event.as_array().and_then(|args| args.last()?.as_str());
                last.context("an event without a place")?.to_owned()
            }
            Self::Nchan => {
                let line = message.lines().find_map(|line| line.strip_prefix("id: "));
                line.context("a message without an id")?.to_owned()
            }
        };
        Ok(Place { of: of.to_owned(), at })
    }
}

/// How far the opening of one connection is: what is heard goes in, what is to be said comes out.
#[derive(Debug)]
pub(crate) struct Opening {
    dialect: Dialect,
    token: String,
    channels: Vec<String>,
    place: Option<Place>,
    /// Answers that are still to come.
    missing: usize,
    /// The epoch, or the private id.
    pub(crate) of: String,
    /// Missed messages that came within the opening.
    pub(crate) caught_up: usize,
    /// The server says that it is the same, and missed nothing.
    pub(crate) recovered: bool,
}

impl Opening {
    pub(crate) fn new(dialect: Dialect, token: &str, channels: &[String], place: Option<&Place>) -> Self {
        let missing = match dialect {
            Dialect::Centrifuge => 1 + channels.len(),
            // The handshake, the namespace, and each channel; whoever comes back is in them.
            Dialect::SocketIo => 2 + channels.len(),
            Dialect::Nchan => 0,
        };
        // nchan says nothing of that: it sends what came after.
        let recovered = dialect == Dialect::Nchan && place.is_some();
        let (token, channels) = (token.to_owned(), channels.to_vec());
        Self { dialect, token, channels, place: place.cloned(), missing, of: String::new(), caught_up: 0, recovered }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.missing == 0
    }

    /// Takes one frame of text; what is to be said then.
    pub(crate) fn hear(&mut self, text: &str) -> Result<Vec<String>> {
        match self.dialect {
            Dialect::Centrifuge => self.hear_replies(text).map(|()| Vec::new()),
            Dialect::SocketIo => self.hear_packet(text),
            Dialect::Nchan => bail!("heard before anything was said: {text}"),
        }
    }

    fn hear_replies(&mut self, text: &str) -> Result<()> {
        for line in text.lines() {
            let reply: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
            ensure!(reply["error"].is_null(), "refused: {line}");
            let Some(subscribed) = reply.get("subscribe") else {
                self.missing -= usize::from(reply.get("connect").is_some());
                continue;
            };
            self.missing -= 1;
            subscribed["epoch"].as_str().unwrap_or_default().clone_into(&mut self.of);
            self.recovered = subscribed["recovered"] == true;
            self.caught_up += subscribed["publications"].as_array().map_or(0, Vec::len);
        }
        Ok(())
    }

    fn hear_packet(&mut self, text: &str) -> Result<Vec<String>> {
        if text.starts_with('0') {
            self.missing -= 1;
            let mut auth = json!({ "token": self.token });
            if let Some(Place { of, at }) = &self.place {
                auth["pid"] = of.as_str().into();
                auth["offset"] = at.as_str().into();
            }
            return Ok(vec![format!("40{auth}")]);
        }
        if let Some(connected) = text.strip_prefix("40") {
            self.missing -= 1;
            let connected: Value = serde_json::from_str(connected)?;
            connected["pid"].as_str().unwrap_or_default().clone_into(&mut self.of);
            self.recovered = self.place.as_ref().is_some_and(|place| place.of == self.of);
            if self.recovered {
                self.missing = 0;
                return Ok(Vec::new());
            }
            let subscribe = |(n, channel): (usize, &String)| format!("42{n}{}", json!(["subscribe", channel]));
            return Ok(self.channels.iter().enumerate().map(subscribe).collect());
        }
        if text.starts_with("43") {
            ensure!(!text.contains("\"error\""), "refused: {text}");
            self.missing -= 1;
        } else if text.starts_with("42[\"message\"") {
            self.caught_up += 1;
        } else if text.starts_with("44") || text.starts_with("41") {
            bail!("refused: {text}");
        }
        Ok(if text == "2" { vec!["3".to_owned()] } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels() -> Vec<String> {
        vec!["bench:all".to_owned()]
    }

    #[test]
    fn centrifuge_is_open_after_its_replies_however_they_are_framed() {
        let place = Place { of: "e1".to_owned(), at: "7".to_owned() };
        let said = Dialect::Centrifuge.first("t", &channels(), Some(&place)).expect("it speaks first");
        assert!(said.contains(r#""epoch":"e1""#) && said.contains(r#""offset":7"#), "{said}");
        let connected = r#"{"id":1,"connect":{"client":"c"}}"#;
        let subscribed = r#"{"id":2,"subscribe":{"epoch":"e1","recovered":true,"publications":[{},{}]}}"#;
        for frames in [vec![format!("{connected}\n{subscribed}")], vec![connected.to_owned(), subscribed.to_owned()]] {
            let mut opening = Opening::new(Dialect::Centrifuge, "t", &channels(), Some(&place));
            for frame in frames {
                assert!(!opening.is_open() && opening.hear(&frame).expect("heard").is_empty());
            }
            assert!(opening.is_open() && opening.recovered);
            assert_eq!((opening.of.as_str(), opening.caught_up), ("e1", 2));
        }
        let mut refused = Opening::new(Dialect::Centrifuge, "t", &channels(), None);
        assert!(refused.hear(r#"{"id":1,"error":{"code":109}}"#).is_err());
    }

    #[test]
    fn a_client_of_socketio_comes_back_as_the_same_or_joins_anew() {
        let place = Place { of: "p1".to_owned(), at: "x".to_owned() };
        let mut same = Opening::new(Dialect::SocketIo, "t", &channels(), Some(&place));
        assert_eq!(same.hear(r#"0{"sid":"s"}"#).expect("heard"), [r#"40{"offset":"x","pid":"p1","token":"t"}"#]);
        assert!(same.hear(r#"40{"sid":"s","pid":"p1"}"#).expect("heard").is_empty());
        assert!(same.is_open() && same.recovered);
        let mut anew = Opening::new(Dialect::SocketIo, "t", &channels(), Some(&place));
        anew.hear(r#"0{"sid":"s"}"#).expect("heard");
        assert_eq!(anew.hear(r#"40{"sid":"s","pid":"p2"}"#).expect("heard"), [r#"420["subscribe","bench:all"]"#]);
        assert!(!anew.is_open());
        assert_eq!(anew.hear("2").expect("heard"), ["3"]);
        anew.hear("430[{}]").expect("heard");
        assert!(anew.is_open() && !anew.recovered);
        assert!(Opening::new(Dialect::SocketIo, "t", &[], None).hear(r#"44{"message":"no"}"#).is_err());
    }

    #[test]
    fn places_are_found_in_messages() {
        let at = |dialect: Dialect, message| dialect.place(message, "e").map(|place| place.at).ok();
        let push = r#"{"push":{"channel":"bench:all","pub":{"data":{},"offset":9}}}"#;
        assert_eq!(at(Dialect::Centrifuge, push).as_deref(), Some("9"));
        assert_eq!(at(Dialect::SocketIo, r#"42["message",{"text":"x"},"bench:all","at"]"#).as_deref(), Some("at"));
        assert_eq!(at(Dialect::Nchan, "id: 17:0\ncontent-type: a/b\n\n{}").as_deref(), Some("17:0"));
        assert_eq!(at(Dialect::Nchan, "{}"), None);
    }
}
