//! Coming back as the same: the server keeps nothing for it. What a client shows (`pid`) says which id it had; the last text that it
//! heard (`offset`) says which channels it heard, how far, and when. Both are sealed: it can name no channel that it was not in. So
//! it works over a restart too, wherever the positions of the channels do. For its channels is asked anew, as when it first joined them.
//!
//! The place of a client that hears one channel alone is of no one client where clients join by themselves: everybody who hears the
//! channel gets the same bytes, and whoever shows it could have joined as well.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::Position;
use kernel::{Entropy, SealKey, Secret, limits};
use serde_json::{Map, Value, json};

use super::join::Joined;
use super::socket::Room;
use super::{Namespace, Socket};
use crate::Caller;
use crate::broadcast::Broadcast;
use crate::hub::{Core, Recovery};
use crate::slow::Manner;

/// Of a client's place, bytes.
const PLACE_BYTES: usize = 32 * 1024;
/// Of a sealed id, bytes.
const PID_BYTES: usize = 256;

/// What a client shows to be the same as before.
pub(super) struct Returning {
    pub(super) pid: String,
    pub(super) sid: Arc<str>,
    rooms: Rooms,
}

/// Channels, each with the position in it.
type Rooms = Vec<(String, u64, String)>;

/// Where a client is, as it is sent behind each event. Empty where it hears too many channels, from where there is no coming back.
pub(super) fn place(key: &SealKey, entropy: &Entropy, path: &str, sid: &str, now_ms: i64, rooms: &[Room]) -> String {
    if rooms.len() > limits::SOCKETIO_RECOVERED_CHANNELS {
        return String::new();
    }
    let rooms = rooms.iter().map(|room| {
        let (offset, epoch) = room.at.as_ref().map_or((0, ""), |at| (at.offset, &*at.epoch));
        Value::from(vec![Value::from(&*room.channel), offset.into(), epoch.into()])
    });
    let place = json!([sid, now_ms, rooms.collect::<Vec<_>>()]).to_string();
    URL_SAFE_NO_PAD.encode(key.seal(entropy, &place_of(path), &Secret::new(place)))
}

fn place_of(path: &str) -> String {
    format!("socketio place:{path}")
}

/// What the client of this id shows when it comes back.
pub(super) fn pid(key: &SealKey, entropy: &Entropy, path: &str, sid: &str, caller: &Caller) -> String {
    URL_SAFE_NO_PAD.encode(key.seal(entropy, &purpose(path, caller), &Secret::new(sid)))
}

/// An id is of one namespace and of one person.
fn purpose(path: &str, caller: &Caller) -> String {
    format!("socketio:{}:{path}{}", path.len(), caller.user)
}

/// Takes what the client shows out of its `auth`. None where that is not what this caller was given.
pub(super) fn returning(
    core: &Core,
    namespace: &Namespace,
    caller: &Caller,
    auth: &mut Map<String, Value>,
) -> Option<Returning> {
    let (returning, at_ms) = shown(namespace, caller, auth)?;
    let now_ms = core.clock.now_ms();
    let old = at_ms <= now_ms - limits::SOCKETIO_RECOVERY_MS;
    (!old && !core.socketio.is_void(&returning.sid, at_ms)).then_some(returning)
}

/// With the time that its place is of.
fn shown(namespace: &Namespace, caller: &Caller, auth: &mut Map<String, Value>) -> Option<(Returning, i64)> {
    let (pid, place) = (auth.remove("pid"), auth.remove("offset"));
    let (key, path) = (namespace.recovery.as_ref()?, &*namespace.path);
    let (Value::String(pid), Value::String(place)) = (pid?, place?) else { return None };
    if pid.len() > PID_BYTES || place.len() > PLACE_BYTES {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(&pid).ok()?;
    let sid = key.open(&purpose(path, caller), &sealed).ok()?;
    let place = key.open(&place_of(path), &URL_SAFE_NO_PAD.decode(&place).ok()?).ok()?;
    let (of, at_ms, rooms): (String, i64, Rooms) = serde_json::from_str(place.expose()).ok()?;
    let its_own = of == *sid.expose() || (of.is_empty() && namespace.with_subscriptions);
    let channels: HashSet<&str> = rooms.iter().map(|(channel, ..)| &**channel).collect();
    let apart = channels.len() == rooms.len() && rooms.len() <= limits::SOCKETIO_RECOVERED_CHANNELS;
    (its_own && apart).then(|| (Returning { pid, sid: sid.expose().into(), rooms }, at_ms))
}

impl Returning {
    /// Joins every channel again; all of them with all that was missed, or none. None either where that is more than may wait.
    pub(super) async fn join(&self, socket: &Arc<Socket>) -> Option<Vec<Joined>> {
        let (mut all, mut bytes) = (Vec::new(), 0);
        for (channel, offset, epoch) in &self.rooms {
            let since = Position { offset: *offset, epoch: epoch.as_str().into() };
            let joined = match socket.turn(channel).await {
                Ok(Some(turn)) => socket.begin(turn, channel, "", Some(since)).await.ok(),
                _ => None,
            };
            let missed = joined.as_ref().and_then(Joined::missed);
            let size = missed.map(|(_, missed)| missed.publications.iter().map(|one| one.data.len()).sum::<usize>());
            bytes += size.unwrap_or_default();
            let whole = size.is_some() && bytes <= limits::REALTIME_QUEUE_BYTES;
            all.extend(joined);
            if !whole {
                tracing::debug!(channel, "a client could not go on where it was");
                return None;
            }
        }
        Some(all)
    }

    /// Says what was missed, and goes on live.
    pub(super) fn replay(&self, socket: &Arc<Socket>, all: Vec<Joined>) {
        {
            let mut rooms = socket.rooms();
            for ((_, offset, _), (channel, missed)) in self.rooms.iter().zip(all.iter().filter_map(Joined::missed)) {
                rooms.add(channel, Some(Position { offset: *offset, epoch: missed.top.epoch.clone() }));
            }
        }
        for joined in all {
            if let Some((channel, missed)) = joined.missed() {
                socket.replay(channel, missed);
            }
            // Gone already: so is whoever it would be for.
            let _ = socket.hear(joined, false);
        }
    }
}

impl Socket {
    fn replay(&self, channel: &Arc<str>, missed: &Recovery) {
        let mut rooms = self.rooms();
        for publication in &missed.publications {
            let frame =
                self.frame(&mut rooms, &Broadcast::new(channel.clone(), publication.clone(), Manner::default()));
            // Bounded, as everything that is sent without being asked for.
            self.peer.post(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(pid: &str, place: &str) -> Map<String, Value> {
        serde_json::from_value(json!({ "pid": pid, "offset": place, "token": "t" })).expect("an object")
    }

    fn caller(user: &str) -> Caller {
        Caller { user: user.to_owned(), ..Caller::default() }
    }

    fn key(byte: u8) -> SealKey {
        SealKey::new([byte; 32])
    }

    fn room(channel: &str) -> Room {
        let at = Some(Position { offset: u64::MAX, epoch: "e".repeat(40).into() });
        Room { channel: channel.into(), at, terms: None }
    }

    #[test]
    fn only_who_was_given_an_id_and_a_place_comes_back_as_it() {
        let entropy = Entropy::seeded(7);
        let given = pid(&key(1), &entropy, "/", "abc", &caller("ann"));
        let at = |key: &SealKey, path, sid| place(key, &entropy, path, sid, 5, &[room("news:a")]);
        let here = at(&key(1), "/", "abc");
        let back = |path: &str, user, pid: &str, place: &str| {
            let namespace = Namespace::new(path).recovering(key(1));
            shown(&namespace, &caller(user), &mut auth(pid, place)).map(|(returning, at_ms)| (returning.sid, at_ms))
        };
        assert_eq!(back("/", "ann", &given, &here), Some(("abc".into(), 5)));
        let other = pid(&key(2), &entropy, "/", "abc", &caller("ann"));
        for (path, user, pid, place) in [
            ("/", "bob", &*given, &*here),
            ("/chat", "ann", &given, &at(&key(1), "/chat", "abc")),
            ("/", "ann", &other, &here),
            ("/", "ann", "abc", &here),
            ("/", "ann", "*", &here),
            ("/", "ann", &given[..given.len() - 1], &here),
            ("/", "ann", "", &here),
            ("/", "ann", &given, ""),
            ("/", "ann", &given, "hello"),
            ("/", "ann", &given, "[[\"news:a\",7,\"e\"]]"),
            ("/", "ann", &given, "[\"abc\",5,[[\"news:a\",7,\"e\"]]]"),
            ("/", "ann", &given, &at(&key(2), "/", "abc")),
            ("/", "ann", &given, &at(&key(1), "/chat", "abc")),
            ("/", "ann", &given, &at(&key(1), "/", "abd")),
            ("/", "ann", &given, &at(&key(1), "/", "")),
        ] {
            assert_eq!(back(path, user, pid, place), None, "{path} {user} {pid} {place}");
        }
        let open = Namespace::new("/").with_subscriptions().recovering(key(1));
        assert!(shown(&open, &caller("ann"), &mut auth(&given, &at(&key(1), "/", ""))).is_some(), "anybody may join");
        let mut auth = auth(&given, &here);
        assert!(shown(&Namespace::new("/"), &caller("ann"), &mut auth).is_none());
        assert_eq!(Value::Object(auth), json!({ "token": "t" }), "the product sees its own only");
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_bounded() {
        let rooms: Vec<Room> =
            (0..=limits::SOCKETIO_RECOVERED_CHANNELS).map(|n| room(&format!("news:{n}\""))).collect();
        let (entropy, namespace) = (Entropy::seeded(7), Namespace::new("/").recovering(key(1)));
        let given = pid(&key(1), &entropy, "/", "abc", &caller(""));
        let back = |rooms: &[Room]| {
            let place = place(&key(1), &entropy, "/", "abc", 5, rooms);
            shown(&namespace, &caller(""), &mut auth(&given, &place)).map(|(returning, _)| returning.rooms)
        };
        let all = back(&rooms[1..]).expect("read");
        assert_eq!(all[0], ("news:1\"".to_owned(), u64::MAX, "e".repeat(40)));
        assert!(back(&rooms).is_none(), "too many");
        assert!(back(&[room("news:a"), room("news:a")]).is_none(), "one of them twice");
    }
}
