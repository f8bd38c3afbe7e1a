//! The life of an Engine.IO session. It begins with polling and may move to a WebSocket once, or begins on one:
//!
//! ```text
//!   Polling ──socket comes──► Courted ──probe──► Probed ──upgrade──► Socket
//!      ▲                         │                  │
//!      └──────socket leaves──────┴──────────────────┘        any ──► Closed
//! ```
//!
//! One GET and one POST at a time, one socket at a time. No clock, no I/O: whoever drives it does what it says.

use kernel::limits;

use super::engine::Packet;

pub(crate) struct Session {
    carrier: Carrier,
    beat: Beat,
    /// A namespace was entered.
    connected: bool,
    /// A socket carries it, or did when it ended: who serves that hears of the end.
    socket: bool,
    /// For how many seconds more a session that polls and enters nothing is waited for, as long as it has a GET open.
    patience: usize,
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
enum Beat {
    /// Not looked at yet.
    Fresh,
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

/// What a look at the heart comes to; the next is in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tick {
    Wait(usize),
    Ping(usize),
    /// It never entered a namespace.
    Stale,
    /// The ping before was not answered.
    Dead,
    /// It is over.
    Over,
}

const PING_S: usize = limits::REALTIME_PING_S as usize;
const PONG_S: usize = limits::SOCKETIO_PONG_S as usize;

impl Session {
    pub(crate) fn polling() -> Self {
        Self {
            carrier: Carrier::Polling,
            beat: Beat::Fresh,
            connected: false,
            socket: false,
            patience: (limits::REALTIME_CONNECT_S - limits::SOCKETIO_UNHELD_S) as usize,
            get: false,
            post: false,
        }
    }

    pub(crate) fn socket() -> Self {
        Self { carrier: Carrier::Socket, socket: true, patience: 0, ..Self::polling() }
    }

    /// When it is looked at first, seconds after its beginning.
    pub(crate) fn first_look_s(&self) -> usize {
        limits::REALTIME_CONNECT_S as usize - self.patience
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
                if self.beat == Beat::Pinged {
                    self.beat = Beat::Answered;
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

    /// The second of its look has come; for the first see [`Session::first_look_s`]. `spread` gives a number below its bound, so that clients that came together are not pinged together.
    pub(crate) fn tick(&mut self, spread: impl FnOnce(usize) -> usize) -> Tick {
        if self.is_over() {
            return Tick::Over;
        }
        match self.beat {
            _ if !self.connected && self.patience > 0 && self.is_heard() => {
                self.patience -= 1;
                Tick::Wait(1)
            }
            _ if !self.connected => {
                self.close(By::Server);
                Tick::Stale
            }
            Beat::Fresh => {
                self.beat = Beat::Quiet;
                Tick::Wait(1 + spread(PING_S / 2))
            }
            Beat::Quiet => {
                self.beat = Beat::Pinged;
                Tick::Ping(PONG_S)
            }
            Beat::Answered => {
                self.beat = Beat::Quiet;
                Tick::Wait(PING_S - PONG_S)
            }
            Beat::Pinged => {
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
