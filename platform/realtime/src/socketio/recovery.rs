//! Coming back as the same: the server keeps nothing for it. What a client shows (`pid`) says which id it had, sealed; the last text
//! that it heard (`offset`) says which channels it heard, and how far. So it works over a restart too, wherever the positions
//! of the channels do. What it says of channels is asked for anew, as when it first joined them: it can forge no right.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::Position;
use kernel::{Entropy, SealKey, Secret, limits};
use serde_json::{Map, Value};

use super::Socket;
use super::join::Joined;
use super::socket::Room;
use crate::Caller;
use crate::broadcast::Broadcast;
use crate::hub::Recovery;

/// Of a client's place, bytes.
const PLACE_BYTES: usize = 32 * 1024;
/// Of a sealed id, bytes.
const PID_BYTES: usize = 256;

/// What a client shows to be the same as before.
pub(super) struct Returning {
    pub(super) pid: String,
    pub(super) sid: Arc<str>,
    rooms: Vec<(String, u64, String)>,
}

/// Where a client is, as it is sent behind each event. Empty where it hears too many channels, from where there is no coming back.
pub(super) fn place(rooms: &[Room]) -> String {
    if rooms.len() > limits::SOCKETIO_RECOVERED_CHANNELS {
        return String::new();
    }
    let rooms = rooms.iter().map(|room| {
        let (offset, epoch) = room.at.as_ref().map_or((0, ""), |at| (at.offset, &*at.epoch));
        Value::from(vec![Value::from(&*room.channel), offset.into(), epoch.into()])
    });
    Value::Array(rooms.collect()).to_string()
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
    key: Option<&SealKey>,
    path: &str,
    caller: &Caller,
    auth: &mut Map<String, Value>,
) -> Option<Returning> {
    let (pid, place) = (auth.remove("pid"), auth.remove("offset"));
    let (key, Value::String(pid), Value::String(place)) = (key?, pid?, place?) else { return None };
    if pid.len() > PID_BYTES || place.len() > PLACE_BYTES {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(&pid).ok()?;
    let sid = key.open(&purpose(path, caller), &sealed).ok()?;
    let rooms: Vec<(String, u64, String)> = serde_json::from_str(&place).ok()?;
    let few = rooms.len() <= limits::SOCKETIO_RECOVERED_CHANNELS;
    few.then(|| Returning { pid, sid: sid.expose().into(), rooms })
}

impl Returning {
    /// Joins every channel again; all of them with all that was missed, or none.
    pub(super) async fn join(&self, socket: &Arc<Socket>) -> Option<Vec<Joined>> {
        let mut all = Vec::new();
        for (channel, offset, epoch) in &self.rooms {
            let since = Position { offset: *offset, epoch: epoch.as_str().into() };
            let joined = socket.begin(channel, "", Some(since)).await.ok();
            let whole = joined.as_ref().is_some_and(|joined| joined.missed().is_some());
            all.extend(joined);
            if !whole {
                tracing::debug!(channel, "a client could not go on where it was");
                all.iter().for_each(|joined| socket.undo(joined));
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
            let frame = self.frame(&mut rooms, &Broadcast::new(channel.clone(), publication.clone()));
            let bytes = frame.len();
            self.peer.outbox.answer(frame, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(pid: &str, place: &str) -> Map<String, Value> {
        serde_json::from_value(json!({ "pid": pid, "offset": place, "token": "t" })).expect("an object")
    }

    fn caller(user: &str) -> Caller {
        Caller { user: user.to_owned(), ..Caller::default() }
    }

    #[test]
    fn only_who_was_given_an_id_comes_back_as_it() {
        let (key, entropy) = (SealKey::new([1; 32]), Entropy::seeded(7));
        let given = pid(&key, &entropy, "/", "abc", &caller("ann"));
        let back = |key: &SealKey, path, user, pid: &str, place| {
            returning(Some(key), path, &caller(user), &mut shown(pid, place)).map(|returning| returning.sid)
        };
        assert_eq!(back(&key, "/", "ann", &given, "[]").as_deref(), Some("abc"));
        let other = pid(&SealKey::new([2; 32]), &entropy, "/", "abc", &caller("ann"));
        for (path, user, pid, place) in [
            ("/", "bob", &*given, "[]"),
            ("/chat", "ann", &given, "[]"),
            ("/", "ann", &other, "[]"),
            ("/", "ann", "abc", "[]"),
            ("/", "ann", "*", "[]"),
            ("/", "ann", &given[..given.len() - 1], "[]"),
            ("/", "ann", "", "[]"),
            ("/", "ann", &given, ""),
            ("/", "ann", &given, "hello"),
            ("/", "ann", &given, "[[\"a:b\",-1,\"e\"]]"),
            ("/", "ann", &given, "[[\"a:b\"]]"),
        ] {
            assert_eq!(back(&key, path, user, pid, place), None, "{path} {user} {pid} {place}");
        }
        let mut auth = shown(&given, "[]");
        assert!(returning(None, "/", &caller("ann"), &mut auth).is_none());
        assert_eq!(Value::Object(auth), json!({ "token": "t" }), "the product sees its own only");
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_bounded() {
        let room = |channel: usize| Room {
            channel: format!("news:{channel}\"").into(),
            at: Some(Position { offset: u64::MAX, epoch: "e".repeat(40).into() }),
        };
        let rooms: Vec<Room> = (0..limits::SOCKETIO_RECOVERED_CHANNELS).map(room).collect();
        let key = SealKey::new([1; 32]);
        let given = pid(&key, &Entropy::seeded(7), "/", "abc", &caller(""));
        let back = returning(Some(&key), "/", &caller(""), &mut shown(&given, &place(&rooms))).expect("read");
        assert_eq!(back.rooms[0], ("news:0\"".to_owned(), u64::MAX, "e".repeat(40)));
        let more: Vec<Room> = (0..=limits::SOCKETIO_RECOVERED_CHANNELS).map(room).collect();
        assert_eq!(place(&more), "");
    }
}
