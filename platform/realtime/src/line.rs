//! A connection's way out. Its task writes; and whoever has something for many writes it for them, as far as their sockets take it at
//! once: to wake a task for one frame costs a good part of what the frame does (bench/README.md).

use std::collections::VecDeque;
use std::mem::take;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::codes::Disconnect;
use crate::outbox::{IDLE_ENTRIES, Outbox};
use crate::socket::Writer;

/// Between a queue and a socket. Locked for no longer than a call that does not wait.
#[derive(Default)]
pub(crate) struct Line(Mutex<State>);

#[derive(Default)]
struct State {
    /// None before it begins, and again when it has ended.
    writer: Option<Writer>,
    /// On their way; the first may be written in part. While there are any, the connection's task sees to them.
    frames: VecDeque<Bytes>,
    /// Bytes written since the queue was told.
    written: usize,
}

/// How far the connection's task has come.
pub(crate) enum Went {
    /// All that waited is written.
    All,
    /// The same, and nothing comes after it.
    Ending(Disconnect),
    /// Nobody is there any more to write to.
    Gone,
    /// The socket takes nothing for now; whether it did before, in this call.
    Stuck { moved: bool },
}

impl Line {
    /// The socket, and what goes before everything that waits; `written` bytes of what was taken from the queue before are.
    pub(crate) fn begin(&self, writer: Writer, frames: VecDeque<Bytes>, written: usize) {
        *self.0.lock() = State { writer: Some(writer), frames, written };
    }

    /// Nobody writes to the socket any more, but whoever has it now; and what was on its way.
    pub(crate) fn end(&self) -> Option<(Writer, VecDeque<Bytes>)> {
        let mut state = self.0.lock();
        let frames = take(&mut state.frames);
        state.writer.take().map(|writer| (writer, frames))
    }

    /// Writes what is queued, for the connection's task, which is woken when more can be.
    pub(crate) fn poll(&self, outbox: &Outbox<Bytes>, cx: &mut Context<'_>) -> Went {
        let mut state = self.0.lock();
        let State { writer: Some(writer), frames, written } = &mut *state else { return Went::Gone };
        let mut moved = false;
        loop {
            if frames.is_empty() {
                let closing = outbox.take(frames, take(written));
                if frames.is_empty() {
                    return closing.map_or(Went::All, Went::Ending);
                }
            }
            match writer.poll_some(frames, cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Went::Gone,
                Poll::Ready(Ok(bytes)) => {
                    *written += bytes;
                    moved = true;
                }
                Poll::Pending => return Went::Stuck { moved },
            }
        }
    }

    /// Writes what is queued, for whoever queued it: one `writev` at most, so that nobody waits long behind it. Whether the connection's
    /// task has nothing to do for it.
    pub(crate) fn flush(&self, outbox: &Outbox<Bytes>) -> bool {
        // Somebody writes to it now, who may have taken what is queued or not: the task looks.
        let Some(mut state) = self.0.try_lock() else { return false };
        let State { writer: Some(writer), frames, written } = &mut *state else { return false };
        if !frames.is_empty() {
            // The task was told, or waits for the socket: it takes what is queued as soon as these are written. Not so what was given up.
            return outbox.given_up().is_none();
        }
        if outbox.take(frames, take(written)).is_some() {
            return false;
        }
        if !frames.is_empty() {
            match writer.try_some(frames) {
                Ok(bytes @ 1..) => *written += bytes,
                // What is wrong is for the task, which finds it as well.
                Ok(0) | Err(_) => return false,
            }
        }
        if !frames.is_empty() {
            return false;
        }
        let room = std::mem::take(frames);
        if room.capacity() <= IDLE_ENTRIES {
            *frames = room;
        }
        // A task that had no room for answers waits for it.
        !outbox.wrote(take(written))
    }
}
