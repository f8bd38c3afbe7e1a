//! The task of one WebSocket of Engine.IO: one that carries its client from the start, or one that comes for a client that polls.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use kernel::limits;
use tokio::time::Sleep;

use super::engine::{self, Packet};
use super::peer::Peer;
use super::session::Courting;
use crate::codes::Disconnect;
use crate::line::Went;
use crate::socket::{self, Reader, Writer};
use crate::ws::decode::{Decoder, Message};
use crate::ws::encode;

/// To write the close frame, and again to see the client's, milliseconds.
const FAREWELL_MS: u64 = 1_000;
/// From its coming until a socket must carry its client, milliseconds.
const UPGRADE_MS: u64 = 10_000;

/// How a connection ends.
enum End {
    /// The client is gone, or takes nothing: not worth a word.
    Gone(Disconnect),
    /// We end it.
    Close(Disconnect),
    /// The client ends it, with this code.
    Closed(u16),
}

struct Connection {
    reader: Reader,
    peer: Arc<Peer>,
    /// The client is carried by this socket; until then its packets go by requests.
    carrying: bool,
    /// Until then: the way out, with what is on it.
    apart: Option<Box<(Writer, VecDeque<Bytes>)>>,
    decoder: Decoder,
    inbox: VecDeque<Message>,
    /// Runs while the socket takes nothing, or does not carry its client yet.
    patience: Option<Pin<Box<Sleep>>>,
}

/// Serves the socket to its end, in a task of its own.
pub(super) fn serve(on_upgrade: OnUpgrade, peer: Arc<Peer>, carrying: bool) {
    tokio::spawn(served(on_upgrade, peer, carrying));
}

/// Closes a socket whose client has one already, or is gone.
pub(super) fn turn_away(on_upgrade: OnUpgrade) {
    tokio::spawn(async move {
        let Ok(upgraded) = on_upgrade.await else { return };
        let (_reader, mut writer, _) = socket::halves(upgraded);
        let mut frames = VecDeque::from([encode::close(Disconnect::BAD_REQUEST)]);
        let written = poll_fn(|cx| writer.poll_last(&mut frames, cx));
        // One that takes nothing is dropped all the same.
        let _ = tokio::time::timeout(Duration::from_millis(FAREWELL_MS), written).await;
    });
}

async fn served(on_upgrade: OnUpgrade, peer: Arc<Peer>, carrying: bool) {
    let mut connection = match on_upgrade.await {
        Ok(upgraded) => Connection::new(socket::halves(upgraded), peer, carrying),
        Err(error) => {
            tracing::debug!(%error, "a connection ended before its upgrade");
            return if carrying { peer.leave(Disconnect::WRITE_ERROR) } else { peer.court_ends() };
        }
    };
    let end = poll_fn(|cx| connection.poll(cx)).await;
    // Boxed: an idle connection does not carry the room for its end.
    Box::pin(connection.finish(end)).await;
}

impl Connection {
    fn new((reader, writer, first): (Reader, Writer, Bytes), peer: Arc<Peer>, carrying: bool) -> Self {
        let apart = if carrying {
            peer.line.begin(writer, VecDeque::new(), 0);
            None
        } else {
            Some(Box::new((writer, VecDeque::new())))
        };
        let mut connection =
            Self { reader, peer, carrying, apart, decoder: Decoder::default(), inbox: VecDeque::new(), patience: None };
        if let Err(why) = connection.receive(&mut Vec::from(first)) {
            connection.peer.close(why);
        }
        connection
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.carrying {
            self.peer.outbox.register(cx.waker());
        }
        loop {
            let written = self.poll_write(cx);
            if let Poll::Ready(Err(end)) = written {
                return Poll::Ready(end);
            }
            if !self.carrying && self.waited(UPGRADE_MS, cx).is_ready() {
                return Poll::Ready(End::Close(Disconnect::STALE));
            }
            let message = match self.inbox.pop_front() {
                Some(message) => message,
                // What is asked is not read on as long as what was asked is not worked on, or its answers not taken.
                None if self.carrying && (self.peer.is_full() || !self.peer.outbox.has_room()) => return Poll::Pending,
                None if !self.carrying && written.is_pending() => return Poll::Pending,
                None => match ready!(self.poll_read(cx)) {
                    Ok(()) => continue,
                    Err(end) => return Poll::Ready(end),
                },
            };
            if let Err(end) = self.said(message, cx) {
                return Poll::Ready(end);
            }
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) -> Result<(), Disconnect> {
        self.decoder.feed(bytes, limits::SOCKETIO_PAYLOAD_BYTES, &mut self.inbox)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let Self { reader, decoder, inbox, .. } = self;
        let read = reader.poll_read(cx, |bytes| match bytes {
            [] => Err(End::Gone(Disconnect::ABNORMAL)),
            bytes => decoder.feed(bytes, limits::SOCKETIO_PAYLOAD_BYTES, inbox).map_err(End::Close),
        });
        Poll::Ready(ready!(read).unwrap_or(Err(End::Gone(Disconnect::ABNORMAL))))
    }

    fn said(&mut self, message: Message, cx: &mut Context<'_>) -> Result<(), End> {
        let bad = |_| End::Close(Disconnect::BAD_REQUEST);
        match message {
            Message::Text(text) => self.packet(Packet::parse(&text).map_err(bad)?, cx),
            Message::Binary(bytes) => self.packet(Packet::Binary(bytes), cx),
            Message::Close(code) => Err(End::Closed(code)),
            Message::Ping(payload) if self.carrying => {
                self.peer.post(encode::pong(&payload));
                Ok(())
            }
            Message::Ping(payload) => {
                self.says(encode::pong(&payload));
                Ok(())
            }
            Message::Pong => Ok(()),
        }
    }

    fn packet(&mut self, packet: Packet<'_>, cx: &mut Context<'_>) -> Result<(), End> {
        if self.carrying {
            return self.peer.receive(packet).map_err(End::Close);
        }
        match self.peer.courting(&packet) {
            Courting::Answer => self.says(engine::PROBE_ANSWER),
            Courting::Upgraded => {
                self.carrying = true;
                if let Some((writer, frames)) = self.apart.take().map(|apart| *apart) {
                    self.peer.line.begin(writer, frames, self.peer.polled());
                }
                self.patience = None;
                self.peer.outbox.register(cx.waker());
            }
            Courting::Refused => return Err(End::Close(Disconnect::BAD_REQUEST)),
        }
        Ok(())
    }

    /// Before it carries its client.
    fn says(&mut self, frame: Bytes) {
        if let Some(apart) = &mut self.apart {
            apart.1.push_back(frame);
        }
    }

    /// Writes what is queued. Ready when all of it is written, or with the reason why no more will be.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Some((writer, frames)) = self.apart.as_deref_mut() {
            while !frames.is_empty() {
                if !matches!(ready!(writer.poll_some(frames, cx)), Ok(1..)) {
                    return Poll::Ready(Err(End::Gone(Disconnect::ABNORMAL)));
                }
            }
            return Poll::Ready(Ok(()));
        }
        let went = self.peer.line.poll(&self.peer.outbox, cx);
        if matches!(went, Went::All | Went::Stuck { moved: true }) {
            self.patience = None;
        }
        match went {
            Went::All => Poll::Ready(Ok(())),
            Went::Ending(why) => Poll::Ready(Err(End::Close(why))),
            Went::Gone => Poll::Ready(Err(End::Gone(Disconnect::ABNORMAL))),
            Went::Stuck { .. } => self.poll_stall(cx).map(Err),
        }
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Some(why) = self.peer.outbox.given_up() {
            return Poll::Ready(End::Close(why));
        }
        ready!(self.waited(limits::REALTIME_WRITE_STALL_MS, cx));
        Poll::Ready(End::Gone(Disconnect::WRITE_ERROR))
    }

    fn waited(&mut self, at_most_ms: u64, cx: &mut Context<'_>) -> Poll<()> {
        let at_most = Duration::from_millis(at_most_ms);
        self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(at_most))).as_mut().poll(cx)
    }

    async fn finish(mut self, end: End) {
        let (why, farewell) = match &end {
            End::Gone(why) => (*why, Vec::new()),
            End::Close(why) => (*why, [self.peer.farewell(Some(*why)), vec![encode::close(*why)]].concat()),
            End::Closed(code) => (Disconnect::CLOSED, vec![encode::close(Disconnect { code: *code, reason: "" })]),
        };
        self.leave(why);
        let out = self.apart.take().map(|apart| *apart).or_else(|| self.ends_line());
        let Some((mut writer, mut frames)) = out.filter(|_| !farewell.is_empty()) else { return };
        // A frame that is begun must be ended, or the close frame would read as its payload. The others are given up.
        frames.truncate(1);
        frames.extend(farewell);
        let limit = Duration::from_millis(FAREWELL_MS);
        let written = tokio::time::timeout(limit, poll_fn(|cx| writer.poll_last(&mut frames, cx))).await;
        if written == Ok(true) && !matches!(end, End::Closed(_)) {
            // Until the client has answered: closing with unread input would reset the connection under our close frame.
            let _ = tokio::time::timeout(limit, poll_fn(|cx| self.poll_linger(cx))).await;
        }
    }

    /// Nobody writes for it any more.
    fn ends_line(&self) -> Option<(Writer, VecDeque<Bytes>)> {
        self.carrying.then(|| self.peer.line.end()).flatten()
    }

    fn leave(&self, why: Disconnect) {
        if self.carrying {
            self.peer.leave(why);
        } else {
            self.peer.court_ends();
        }
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.inbox.clear();
            let over = ready!(self.poll_read(cx)).is_err();
            if over || self.inbox.iter().any(|message| matches!(message, Message::Close(_))) {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Connection {
    /// Also when the task is dropped in the middle.
    fn drop(&mut self) {
        self.ends_line();
        self.leave(Disconnect::ABNORMAL);
    }
}
