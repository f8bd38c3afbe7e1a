//! What runs inside Redis, each in one step.

use bytes::Bytes;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
use sha1::{Digest, Sha1};

use super::net::Node;

/// Redis's own time.
const TIME: &str = r"
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
local function text(number) return string.format('%.0f', number) end
";

/// What lies in Redis for live streams. Of each partition one hash: `r`, the life of the server that wrote it; `e`, the epoch
/// that new streams begin with; and for each stream `s<channel>`: `<epoch> <top> <ttl_ms> <last use>`. What evicts a stream's
/// top evicts the epoch with it. A server that has another life (restarted, promoted from a replica, given a slot) may have
/// lost the last writes, and so begins with new epochs. A ring is a list of `<Unix milliseconds>:<data>`, oldest first. An
/// entry of which it is said who published it begins with a zero; that lies beside it, in a sorted set by offset, as
/// `<epoch> <offset>:<info>`. A process of an older release reads the zero as part of the time, and leaves the set there: so what is of
/// another epoch counts as not there, and all of it goes in the time of the last one. The set is no key of the call: while a slot moves,
/// keys that may be missing would have to wait for its end. Where it cannot be had then, it is known that it is missing; and who takes the
/// slot does not begin it, as the one that is still to come would find its place taken, and the move would end there.
const STREAMS: &str = r"
local streams, ring = KEYS[1], KEYS[2]
local channel = ARGV[2]
local said = string.sub(ring, 1, #ring - #channel - 2) .. 'i:' .. channel
local function open()
  local held = redis.call('HMGET', streams, 'r', 'e', 's' .. channel)
  if held[1] == ARGV[1] and held[2] then return held[2], held[3] end
  redis.call('DEL', streams)
  redis.call('HSET', streams, 'r', ARGV[1], 'e', ARGV[3])
  redis.call('PEXPIRE', streams, ARGV[4])
  return ARGV[3], false
end
local function forget_expired(ttl)
  local oldest = redis.call('LINDEX', ring, '0')
  while oldest and tonumber(string.match(oldest, '^%d+')) + ttl <= now do
    redis.call('LPOP', ring)
    oldest = redis.call('LINDEX', ring, '0')
  end
end
";

const PUBLISH: &str = include_str!("publish.lua");
const READ: &str = include_str!("read.lua");
const CLEAR: &str = include_str!("clear.lua");
const TAKE: &str = include_str!("take.lua");
const PRESENCE: &str = include_str!("presence.lua");
const TELL: &str = include_str!("tell.lua");
const BEAT: &str = include_str!("beat.lua");
const PRESENT: &str = include_str!("present.lua");

/// A script and the name under which Redis remembers it.
pub(super) struct Script {
    source: String,
    sha: String,
}

pub(super) struct Scripts {
    pub(super) publish: Script,
    pub(super) read: Script,
    pub(super) clear: Script,
    pub(super) take: Script,
    pub(super) tell: Script,
    pub(super) beat: Script,
    pub(super) present: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self::by(TIME)
    }

    /// With this as Redis's time.
    pub(super) fn by(time: &str) -> Self {
        Self {
            publish: Script::new(&[time, STREAMS, PUBLISH]),
            read: Script::new(&[time, STREAMS, READ]),
            clear: Script::new(&[time, STREAMS, CLEAR]),
            take: Script::new(&[time, TAKE]),
            tell: Script::new(&[time, PRESENCE, TELL]),
            beat: Script::new(&[time, PRESENCE, BEAT]),
            present: Script::new(&[time, PRESENCE, PRESENT]),
        }
    }
}

/// A script knows whether it runs on a node to which keys are still coming.
fn text_of(source: &str, asking: bool) -> String {
    format!("local asking = {asking}\n{source}")
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let source = parts.concat();
        let sha = hex::encode(Sha1::digest(text_of(&source, false).as_bytes()));
        Self { source, sha }
    }

    /// Runs it by its name, or by its text where Redis does not know it yet.
    pub(super) async fn run<T: FromRedisValue>(&self, node: &Node, call: &Call) -> RedisResult<T> {
        let mut connection = node.calls.clone();
        match call.on("EVALSHA", &self.sha, &node.life).query_async(&mut connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.whole(call, &node.life).query_async(&mut connection).await
            }
            answer => answer,
        }
    }

    /// By its text, on a server with this life.
    pub(super) fn whole(&self, call: &Call, life: &str) -> Cmd {
        call.on("EVAL", &text_of(&self.source, false), life)
    }

    /// As [`Script::run`], on the node that takes over a slot that is being moved to it.
    pub(super) async fn run_asking<T: FromRedisValue>(&self, node: &Node, call: &Call) -> RedisResult<T> {
        let mut connection = node.calls.clone();
        let mut pipe = redis::pipe();
        pipe.cmd("ASKING").ignore().add_command(call.on("EVAL", &text_of(&self.source, true), &node.life));
        let answered: RedisResult<(T,)> = pipe.query_async(&mut connection).await;
        answered.map(|(answer,)| answer).map_err(|error| {
            // What the script met, and not that something in a pipeline failed.
            let met = error.clone().into_server_errors().and_then(|errors| errors.last().map(|(_, met)| met.clone()));
            met.map_or(error, RedisError::from)
        })
    }
}

/// The keys of one call, all of one partition, and its arguments. The first argument of the scripts on streams and on presence is
/// the life of the server that they run on.
pub(super) struct Call {
    pub(super) keys: Vec<String>,
    pub(super) arguments: Vec<Bytes>,
    pub(super) tells_life: bool,
}

impl Call {
    fn on(&self, command: &str, script: &str, life: &str) -> Cmd {
        let mut cmd = redis::cmd(command);
        cmd.arg(script).arg(self.keys.len()).arg(&self.keys);
        if self.tells_life {
            cmd.arg(life);
        }
        self.arguments.iter().for_each(|argument| _ = cmd.arg(&argument[..]));
        cmd
    }
}
