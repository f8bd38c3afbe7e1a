//! The life of an Engine.IO session. It begins with polling and may move to a WebSocket once, or begins on one:
//!
//! ```text
//!   Polling ──socket comes──► Courted ──probe──► Probed ──upgrade──► Socket
//!      ▲                         │                  │
//!      └──────socket leaves──────┴──────────────────┘        any ──► Closed
//! ```
//!
//! One GET and one POST at a time, one socket at a time. No clock, no I/O: whoever drives it does what it says.

use std::time::Duration;

use kernel::limits;

use super::Beat;
use super::engine::Packet;

pub(crate) struct Session {
    carrier: Carrier,
    heart: Heart,
    /// When the heart beats next, from its last look; when it is looked at; and how long it may still take to enter a namespace:
    /// milliseconds.
    beats_ms: u32,
    look_ms: u32,
    left_ms: u32,
    /// A namespace was entered.
    connected: bool,
    /// A socket carries it, or did when it ended: who serves that hears of the end.
    socket: bool,
    /// A GET waits for its answer.
    get: bool,
    /// The body of a POST is being read.
    post: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Polling,
    Courted,
    Probed,
    Socket,
    Closed(By),
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heart {
    Quiet,
    Pinged,
    Answered,
}

/// Why a request is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The session is over, or goes over a socket.
    Gone,
    /// Another of its kind is under way: packets would lose their order, and so the session ends.
    Twice,
}

/// What a GET does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    /// Takes what is queued, or waits for it.
    Wait,
    /// Takes what is queued; with nothing there it ends with a noop, because a socket is about to take over.
    Release,
    /// Ends with a noop: the client has said farewell, or listens to its socket.
    Noop,
    /// Ends with a close packet.
    Close,
}

/// What a packet on the way that carries the session comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<'a> {
    Nothing,
    Message(&'a str),
    Binary(Vec<u8>),
    /// The client ends the session.
    Closed,
    /// No client may say this now.
    Refused,
}

/// What a packet of a socket comes to that does not carry the session yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Courting {
    /// The socket is answered, and a waiting GET is let go.
    Answer,
    /// The socket carries the session.
    Upgraded,
    /// The socket is closed; the session goes on without it.
    Refused,
}

/// What a look at it comes to, and when the next is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tick {
    Wait(Duration),
    Ping(Duration),
    /// It never entered a namespace.
    Stale,
    /// The ping before was not answered.
    Dead,
    /// It is over.
    Over,
}

/// One that polls and enters nothing is kept for so long without a request, and looked at so often from then on.
const UNHELD_MS: u32 = limits::SOCKETIO_UNHELD_S * 1_000;
const UNHELD_LOOK_MS: u32 = 1_000;

fn ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

impl Session {
    pub(crate) fn polling() -> Self {
        Self {
            carrier: Carrier::Polling,
            heart: Heart::Quiet,
            beats_ms: 0,
            look_ms: 0,
            left_ms: 0,
            connected: false,
            socket: false,
            get: false,
            post: false,
        }
    }

    pub(crate) fn socket() -> Self {
        Self { carrier: Carrier::Socket, socket: true, ..Self::polling() }
    }

    /// Returns when it is looked at first. `spread` gives a number below its bound, so that clients that came together are not pinged
    /// together.
    pub(crate) fn opens(&mut self, beat: Beat, spread: impl FnOnce(u32) -> u32) -> Duration {
        self.beats_ms = ms(beat.first_ping(spread));
        self.left_ms = ms(beat.connect);
        self.next_look(beat)
    }

    fn next_look(&mut self, beat: Beat) -> Duration {
        self.look_ms = self.beats_ms;
        if !self.connected {
            let waited_ms = ms(beat.connect) - self.left_ms;
            let unheld_ms = if waited_ms < UNHELD_MS { UNHELD_MS - waited_ms } else { UNHELD_LOOK_MS };
            let patience_ms = if self.socket { self.left_ms } else { self.left_ms.min(unheld_ms) };
            self.look_ms = self.look_ms.min(patience_ms);
        }
        Duration::from_millis(self.look_ms.into())
    }

    fn is_polled(&self) -> bool {
        matches!(self.carrier, Carrier::Polling | Carrier::Courted | Carrier::Probed)
    }

    /// A GET begins; [`Session::get_ends`] follows where it was not refused.
    pub(crate) fn get(&mut self) -> Result<(), Refused> {
        let twice = self.get;
        self.get |= self.is_polled();
        self.begin(twice)
    }

    /// A POST begins; [`Session::post_ends`] follows where it was not refused.
    pub(crate) fn post(&mut self) -> Result<(), Refused> {
        let twice = self.post;
        self.post |= self.is_polled();
        self.begin(twice)
    }

    fn begin(&mut self, twice: bool) -> Result<(), Refused> {
        if !self.is_polled() {
            return Err(Refused::Gone);
        }
        if twice {
            self.close(By::Server);
            return Err(Refused::Twice);
        }
        Ok(())
    }

    /// What the GET that waits does now.
    pub(crate) fn poll(&self) -> Poll {
        match self.carrier {
            Carrier::Polling | Carrier::Courted => Poll::Wait,
            Carrier::Probed => Poll::Release,
            Carrier::Socket | Carrier::Closed(By::Client) => Poll::Noop,
            Carrier::Closed(By::Server) => Poll::Close,
        }
    }

    /// A GET was answered. One that was abandoned may have taken packets with it: the session ends.
    pub(crate) fn get_ends(&mut self, abandoned: bool) {
        self.get = false;
        if abandoned && self.is_polled() {
            self.close(By::Client);
        }
    }

    pub(crate) fn post_ends(&mut self) {
        self.post = false;
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.carrier, Carrier::Closed(_))
    }

    /// Whether somebody is there to hear a farewell.
    pub(crate) fn is_heard(&self) -> bool {
        self.get || self.socket
    }

    /// A socket comes with the session's name. A second one is refused, and so is one that comes too late.
    pub(crate) fn court(&mut self) -> Result<(), Refused> {
        match self.carrier {
            Carrier::Polling => {
                self.carrier = Carrier::Courted;
                Ok(())
            }
            Carrier::Courted | Carrier::Probed => Err(Refused::Twice),
            Carrier::Socket | Carrier::Closed(_) => Err(Refused::Gone),
        }
    }

    /// The socket that came says something.
    pub(crate) fn courting(&mut self, packet: &Packet<'_>) -> Courting {
        match (self.carrier, packet) {
            (Carrier::Courted | Carrier::Probed, Packet::Probe) => {
                self.carrier = Carrier::Probed;
                Courting::Answer
            }
            (Carrier::Probed, Packet::Upgrade) => {
                self.carrier = Carrier::Socket;
                self.socket = true;
                Courting::Upgraded
            }
            _ => Courting::Refused,
        }
    }

    /// The socket that came is gone again before it carried the session.
    pub(crate) fn court_ends(&mut self) {
        if matches!(self.carrier, Carrier::Courted | Carrier::Probed) {
            self.carrier = Carrier::Polling;
        }
    }

    /// A packet on the way that carries the session.
    pub(crate) fn receive<'a>(&mut self, packet: Packet<'a>) -> Received<'a> {
        if self.is_over() {
            return Received::Nothing;
        }
        match packet {
            Packet::Message(text) => Received::Message(text),
            Packet::Binary(bytes) => Received::Binary(bytes),
            Packet::Pong => {
                if self.heart == Heart::Pinged {
                    self.heart = Heart::Answered;
                }
                Received::Nothing
            }
            Packet::Close => {
                self.close(By::Client);
                Received::Closed
            }
            Packet::Probe | Packet::Upgrade => {
                self.close(By::Server);
                Received::Refused
            }
        }
    }

    /// A namespace was entered: the session is no longer waited for.
    pub(crate) fn connected(&mut self) {
        self.connected = true;
    }

    /// The time of its look has come.
    pub(crate) fn tick(&mut self, beat: Beat) -> Tick {
        if self.is_over() {
            return Tick::Over;
        }
        self.beats_ms = self.beats_ms.saturating_sub(self.look_ms);
        if !self.connected {
            self.left_ms = self.left_ms.saturating_sub(self.look_ms);
            let is_left = !self.is_heard() && ms(beat.connect) - self.left_ms >= UNHELD_MS;
            if self.left_ms == 0 || is_left {
                self.close(By::Server);
                return Tick::Stale;
            }
        }
        if self.beats_ms > 0 {
            return Tick::Wait(self.next_look(beat));
        }
        if self.heart == Heart::Answered {
            self.heart = Heart::Quiet;
            self.beats_ms = ms(beat.ping - beat.pong);
        }
        match self.heart {
            Heart::Quiet if self.beats_ms > 0 => Tick::Wait(self.next_look(beat)),
            Heart::Quiet | Heart::Answered => {
                self.heart = Heart::Pinged;
                self.beats_ms = ms(beat.pong);
                Tick::Ping(self.next_look(beat))
            }
            Heart::Pinged => {
                self.close(By::Server);
                Tick::Dead
            }
        }
    }

    /// Ends the session; the first to do so is remembered.
    pub(crate) fn close(&mut self, by: By) {
        if !self.is_over() {
            self.carrier = Carrier::Closed(by);
        }
    }
}

#[cfg(test)]
mod tests;
