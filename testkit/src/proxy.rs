//! A proxy that fails as networks do.
//!
//! A thread accepts; each connection has two more, one a direction, that block. Whatever they carry passes [`Line::pass`], where the
//! fault of the moment decides.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::SockRef;

use crate::port::Port;

/// What is read at once.
const PIECE: usize = 16 * 1024;
/// How long a write that the other side does not take goes without a look whether the connection was cut.
const LOOK: Duration = Duration::from_millis(20);
/// To reach the server, and for the threads to let go of what was cut.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who says something on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Whoever connected to the proxy.
    Client,
    /// Whom the proxy stands in front of.
    Server,
}

/// A TCP proxy on 127.0.0.1 in front of a server of this machine. It carries bytes as they are until it is told to fail, and again
/// after [`Proxy::heal`]. Its connections end when it is dropped.
///
/// Its methods block for some milliseconds at most, and can be called from anywhere. A server that is down is seen as a connection
/// that is reset, not as one that is refused.
pub struct Proxy {
    line: Arc<Line>,
    port: Port,
    /// While connections are accepted.
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

struct Line {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    weather: Weather,
    delay: Duration,
    armed: Option<Armed>,
    pairs: HashMap<u64, Pair>,
    accepted: u64,
    cut: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    Stalled,
    Cut,
}

/// A fault that waits for its occasion.
enum Armed {
    /// The next connection, after so many bytes of this side.
    After(Side, u64),
    /// Whichever connection the client says this on, at the next bytes of the server.
    BeforeAnswer(Vec<u8>),
}

/// Both halves of a carried connection.
struct Pair {
    client: Arc<TcpStream>,
    server: Option<Arc<TcpStream>>,
    /// Cut when so many more bytes of this side have passed.
    until: Option<(Side, u64)>,
    /// Nothing passes any more.
    broken: bool,
}

impl Proxy {
    /// One in front of this port of 127.0.0.1, whose server may start later.
    ///
    /// # Errors
    /// When no port is free.
    pub fn to(port: u16) -> Result<Self> {
        let state = State {
            weather: Weather::Fair,
            delay: Duration::ZERO,
            armed: None,
            pairs: HashMap::new(),
            accepted: 0,
            cut: 0,
        };
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let line = Arc::new(Line { server, state: Mutex::new(state), changed: Condvar::new() });
        let it = Self { line, port: Port::ours()?, acceptor: Mutex::default() };
        it.heal()?;
        Ok(it)
    }

    /// Its port on 127.0.0.1: the same for all its life.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// An address of the server, such as what its `url()` says, with the proxy in its place.
    #[must_use]
    pub fn url(&self, of_server: &str) -> String {
        of_server.replacen(&self.line.server.to_string(), &format!("127.0.0.1:{}", self.port()), 1)
    }

    /// Resets every connection, and refuses new ones until [`Proxy::heal`]: they are gone when this returns.
    pub fn cut(&self) {
        let mut state = self.line.lock();
        state.weather = Weather::Cut;
        let open: Vec<_> = state.pairs.keys().copied().collect();
        open.into_iter().for_each(|id| state.cut_off(id));
        drop(state);
        self.line.changed.notify_all();
        if let Some(acceptor) = unpoisoned(self.acceptor.lock()).take() {
            // Wakes it; it sees that it is to end, and closes its listener.
            drop(TcpStream::connect(("127.0.0.1", self.port())));
            // One that panicked has said so.
            let _ = acceptor.join();
        }
        let state = self.line.lock();
        drop(self.line.changed.wait_timeout_while(state, PATIENCE, |state| !state.pairs.is_empty()));
    }

    /// No byte passes until [`Proxy::heal`], and no end of a connection: open ones stay open, new ones are accepted and hear
    /// nothing. What was said meanwhile passes then.
    pub fn stall(&self) {
        self.line.lock().weather = Weather::Stalled;
    }

    /// Every piece of up to 16 KiB comes so much later, in both directions, until [`Proxy::heal`]. Pieces of one direction wait one
    /// after the other: what is sent bit by bit becomes slow, and not only late.
    pub fn slow(&self, delay: Duration) {
        self.line.lock().delay = delay;
    }

    /// Resets the next connection after so many bytes of this side: they are passed on, nothing after them is. Others, and those
    /// that come later, stay whole.
    pub fn cut_after(&self, side: Side, bytes: u64) {
        self.line.lock().armed = Some(Armed::After(side, bytes));
    }

    /// Lets a request through and loses its answer: resets the connection on which a client next says `request` (anything, when it is
    /// empty) as soon as the server says anything back. So `b"COMMIT"` leaves a client in doubt whether it committed. A request is
    /// seen where it comes in one piece, as short ones do. Others, and the connections that come later, stay whole.
    pub fn cut_before_answer(&self, request: &[u8]) {
        self.line.lock().armed = Some(Armed::BeforeAnswer(request.to_owned()));
    }

    /// Ends every fault, also one that still waits for its occasion.
    ///
    /// # Errors
    /// When its port cannot be listened on again.
    pub fn heal(&self) -> Result<()> {
        let mut acceptor = unpoisoned(self.acceptor.lock());
        let listener = match &*acceptor {
            Some(_) => None,
            None => Some(TcpListener::bind(("127.0.0.1", self.port())).context("the proxy's port")?),
        };
        let mut state = self.line.lock();
        (state.weather, state.delay, state.armed) = (Weather::Fair, Duration::ZERO, None);
        drop(state);
        self.line.changed.notify_all();
        if let Some(listener) = listener {
            let line = self.line.clone();
            *acceptor = Some(thread::spawn(move || line.accept(&listener)));
        }
        Ok(())
    }

    /// Connections since the start.
    pub fn accepted(&self) -> u64 {
        self.line.lock().accepted
    }

    /// Connections now.
    pub fn open(&self) -> usize {
        self.line.lock().pairs.len()
    }

    /// Connections that it has reset since the start: by itself, not because one of its sides did.
    pub fn cuts(&self) -> u64 {
        self.line.lock().cut
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }

    /// Until the proxy is cut.
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            let mut state = self.lock();
            if state.weather == Weather::Cut {
                return;
            }
            // One that was reset before it was accepted is not there.
            let Ok(client) = client else { continue };
            state.accepted += 1;
            let (id, client) = (state.accepted, Arc::new(client));
            let until = match state.armed {
                Some(Armed::After(side, bytes)) => {
                    state.armed = None;
                    Some((side, bytes))
                }
                _ => None,
            };
            state.pairs.insert(id, Pair { client: client.clone(), server: None, until, broken: false });
            drop(state);
            let line = self.clone();
            thread::spawn(move || line.serve(id, client));
        }
    }

    /// Carries one connection to its end.
    fn serve(self: &Arc<Self>, id: u64, client: Arc<TcpStream>) {
        if let Some(server) = self.reach(id) {
            let (line, from, to) = (self.clone(), server.clone(), client.clone());
            let answers = thread::spawn(move || line.carry(id, Side::Server, &from, &to));
            self.carry(id, Side::Client, &client, &server);
            // One that panicked has said so.
            let _ = answers.join();
        }
        drop(client);
        // With the last handles the system closes both.
        self.lock().pairs.remove(&id);
        self.changed.notify_all();
    }

    /// Connects to the server, as soon as the weather lets it. Nothing when that fails, or the client was cut off.
    fn reach(&self, id: u64) -> Option<Arc<TcpStream>> {
        drop(self.wait(id)?);
        let server = TcpStream::connect_timeout(&self.server, PATIENCE).map(Arc::new);
        let mut state = self.lock();
        let pair = state.pairs.get_mut(&id).filter(|pair| !pair.broken)?;
        let ready = server.and_then(|server| {
            for stream in [&server, &pair.client] {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(LOOK))?;
            }
            Ok(server)
        });
        match ready {
            Ok(server) => {
                pair.server = Some(server.clone());
                Some(server)
            }
            Err(_) => {
                pair.reset();
                None
            }
        }
    }

    /// Carries what one side says, its end included.
    fn carry(&self, id: u64, side: Side, mut from: &TcpStream, to: &TcpStream) {
        let mut piece = [0; PIECE];
        loop {
            let read = match from.read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read,
            };
            let Ok(length) = read else { return self.lock().break_off(id) };
            let Some((length, whole)) = self.pass(id, side, &piece[..length]) else { return };
            if length > 0 && !self.write(id, to, &piece[..length]) {
                return self.lock().break_off(id);
            }
            if !whole {
                return self.lock().cut_off(id);
            }
            if length == 0 {
                // Fails where the other side is gone: then there is nobody to tell.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }

    /// Waits until a piece may pass; nothing when its connection is broken. Else how much of it passes, and whether the connection
    /// goes on. An empty piece is the end of what this side says.
    fn pass(&self, id: u64, side: Side, piece: &[u8]) -> Option<(usize, bool)> {
        let mut state = self.wait(id)?;
        let asked = match &state.armed {
            Some(Armed::BeforeAnswer(request)) => side == Side::Client && !piece.is_empty() && holds(piece, request),
            _ => false,
        };
        if asked {
            state.armed = None;
        }
        let pair = state.pairs.get_mut(&id)?;
        if asked {
            pair.until = Some((Side::Server, 0));
        }
        match &mut pair.until {
            Some((of, left)) if *of == side => {
                let length = piece.len() as u64;
                if length >= *left {
                    return Some((usize::try_from(*left).unwrap_or(piece.len()), false));
                }
                *left -= length;
            }
            _ => {}
        }
        Some((piece.len(), true))
    }

    /// Waits for better weather and for the delay; nothing when the connection is broken.
    fn wait(&self, id: u64) -> Option<MutexGuard<'_, State>> {
        let begun = Instant::now();
        let mut state = self.lock();
        loop {
            if state.pairs.get(&id)?.broken {
                return None;
            }
            let left = state.delay.saturating_sub(begun.elapsed());
            state = match state.weather {
                Weather::Fair if left.is_zero() => return Some(state),
                Weather::Fair => unpoisoned(self.changed.wait_timeout(state, left)).0,
                Weather::Stalled | Weather::Cut => unpoisoned(self.changed.wait(state)),
            };
        }
    }

    /// Whether all of it was taken before the connection was broken.
    fn write(&self, id: u64, mut to: &TcpStream, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            match to.write(piece) {
                Ok(0) => return false,
                Ok(taken) => piece = &piece[taken..],
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                        if self.lock().pairs.get(&id).is_none_or(|pair| pair.broken) {
                            return false;
                        }
                    }
                    _ => return false,
                },
            }
        }
        true
    }
}

impl State {
    /// As [`State::break_off`], because the proxy is to fail.
    fn cut_off(&mut self, id: u64) {
        if self.pairs.get(&id).is_some_and(|pair| !pair.broken) {
            self.cut += 1;
            self.break_off(id);
        }
    }

    /// Ends a connection by a reset on both sides, when its threads have let go of it.
    fn break_off(&mut self, id: u64) {
        if let Some(pair) = self.pairs.get_mut(&id) {
            pair.reset();
        }
    }
}

impl Pair {
    fn reset(&mut self) {
        self.broken = true;
        for stream in [Some(&self.client), self.server.as_ref()].into_iter().flatten() {
            // Closed without waiting for what is unsent, TCP resets. Both fail on a dead socket only.
            let _ = SockRef::from(&**stream).set_linger(Some(Duration::ZERO));
            // Wakes whoever reads, and says nothing to the other end.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

fn holds(piece: &[u8], request: &[u8]) -> bool {
    request.is_empty() || piece.windows(request.len()).any(|window| window == request)
}

/// What a thread that panicked held is whole here: every change is one assignment.
fn unpoisoned<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
