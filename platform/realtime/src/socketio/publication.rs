//! A publication as an event: written at most once for each namespace of Socket.IO, however many hear it.

use std::sync::{Arc, OnceLock};

use bus::Publication;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::engine;
use super::packet::{OWN, RESERVED, head, write_json};

/// The event of a publication that names none.
const MESSAGE: &str = "message";

#[derive(Default)]
pub(crate) struct Events {
    /// The list of the event, not ended: `["message",{…},"news:a"`.
    list: OnceLock<Bytes>,
    /// By namespace, and whether with the place of a client that hears this channel alone. They are few.
    ready: Mutex<Vec<(Arc<str>, bool, Bytes)>>,
}

/// A publication that is an event already: it has these two members, and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named<'a> {
    event: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Events {
    /// For everybody in the namespace; with `alone`, which writes their place, for everybody who hears this channel and no other.
    pub(crate) fn shared(
        &self,
        channel: &str,
        publication: &Publication,
        path: &Arc<str>,
        alone: Option<&dyn Fn() -> String>,
    ) -> Bytes {
        let mut ready = self.ready.lock();
        let known = ready.iter().find(|(of, placed, _)| **of == **path && *placed == alone.is_some());
        if let Some((_, _, frame)) = known {
            return frame.clone();
        }
        let place = alone.map(|place| place());
        let frame = self.frame(channel, publication, path, place.as_deref());
        ready.push((path.clone(), alone.is_some(), frame.clone()));
        frame
    }

    pub(crate) fn frame(&self, channel: &str, publication: &Publication, path: &str, place: Option<&str>) -> Bytes {
        let list = self.list.get_or_init(|| list(channel, &publication.data));
        engine::message(list.len() + path.len() + place.map_or(0, str::len) + 16, |text| {
            head(text, '2', 0, path);
            text.extend_from_slice(list);
            if let Some(place) = place {
                text.push(b',');
                write_json(text, place);
            }
            text.push(b']');
        })
    }
}

fn list(channel: &str, data: &[u8]) -> Bytes {
    let kept = |name: &str| RESERVED.contains(&name) || OWN.contains(&name);
    let named = serde_json::from_slice::<Named<'_>>(data).ok().filter(|named| !kept(&named.event));
    let whole = serde_json::from_slice::<&RawValue>(data).ok();
    if whole.is_none() {
        tracing::error!(channel, "a publication is not JSON and is delivered as null");
    }
    let (event, data) = match &named {
        Some(named) => (&*named.event, named.data.get()),
        None => (MESSAGE, whole.map_or("null", RawValue::get)),
    };
    let mut list = Vec::with_capacity(data.len() + channel.len() + event.len() + 8);
    list.push(b'[');
    write_json(&mut list, event);
    list.push(b',');
    list.extend_from_slice(data.as_bytes());
    list.push(b',');
    write_json(&mut list, channel);
    list.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_names_its_event_or_is_a_message() {
        for (data, expected) in [
            ("{\"a\":[1]}", "[\"message\",{\"a\":[1]},\"news:a\""),
            ("{\"event\":\"goal\",\"data\":{\"n\":1}}", "[\"goal\",{\"n\":1},\"news:a\""),
            (
                "{\"event\":\"goal\",\"data\":1,\"more\":2}",
                "[\"message\",{\"event\":\"goal\",\"data\":1,\"more\":2},\"news:a\"",
            ),
            ("{\"event\":\"connect\",\"data\":1}", "[\"message\",{\"event\":\"connect\",\"data\":1},\"news:a\""),
            ("{\"event\":\"subscribed\",\"data\":1}", "[\"message\",{\"event\":\"subscribed\",\"data\":1},\"news:a\""),
            (
                "{\"event\":\"unsubscribed\",\"data\":1}",
                "[\"message\",{\"event\":\"unsubscribed\",\"data\":1},\"news:a\"",
            ),
            ("{\"event\":7,\"data\":1}", "[\"message\",{\"event\":7,\"data\":1},\"news:a\""),
            ("no json", "[\"message\",null,\"news:a\""),
        ] {
            assert_eq!(list("news:a", data.as_bytes()), expected);
        }
    }

    #[test]
    fn it_is_written_once_a_namespace() {
        let publication =
            Publication { offset: 7, epoch: "abc".into(), time_ms: 1, data: Bytes::from_static(b"1"), info: None };
        let events = Events::default();
        let (root, chat): (Arc<str>, Arc<str>) = ("/".into(), "/chat".into());
        let place: &dyn Fn() -> String = &|| "here".to_owned();
        let frames = [(&root, None), (&chat, None), (&chat, Some(place))]
            .map(|(path, alone)| events.shared("a:b", &publication, path, alone));
        assert_eq!(&frames[0][2..], b"42[\"message\",1,\"a:b\"]");
        assert_eq!(&frames[1][2..], b"42/chat,[\"message\",1,\"a:b\"]");
        assert_eq!(&frames[2][2..], b"42/chat,[\"message\",1,\"a:b\",\"here\"]");
        let again = events.shared("a:b", &publication, &chat, Some(place));
        assert_eq!((again.as_ptr(), events.ready.lock().len()), (frames[2].as_ptr(), 3));
    }
}
