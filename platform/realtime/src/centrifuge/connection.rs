//! The task of one WebSocket connection: reads when there is something, writes what its queue holds, works on one
//! request at a time. Idle, it owns a socket and a few empty collections.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kernel::limits;
use tokio::time::Sleep;

use super::client::Client;
use super::reply;
use super::said::Said;
use crate::codes::Disconnect;
use crate::line::Went;
use crate::members::Seat;
use crate::socket::{Reader, Writer};
use crate::ws::decode::{Decoder, Message};
use crate::ws::encode;

/// To write what waits when the end comes, milliseconds. The rest the client reads when it comes again.
const CLOSING_MS: u64 = 2_000;
/// To write the close frame, and again to see the client's, milliseconds.
const FAREWELL_MS: u64 = 1_000;

/// How a connection ends.
enum End {
    /// The client is gone: nothing to write to.
    Gone,
    /// The client takes nothing: cut.
    Cut(Disconnect),
    /// We end it.
    Close(Disconnect),
    /// The client ends it, with this code.
    Closed(u16),
}

/// Until when the socket must take something, or, at the end, all of it.
struct Stall {
    ending: bool,
    sleep: Pin<Box<Sleep>>,
}

struct Connection {
    reader: Reader,
    client: Arc<Client>,
    decoder: Decoder,
    inbox: VecDeque<Message>,
    /// How much of the message at the head of the inbox has been handled.
    handled: usize,
    working: Option<BoxFuture<'static, Result<(), Disconnect>>>,
    /// Runs only while the socket takes nothing, or to the end once that has come.
    stall: Option<Box<Stall>>,
    _seat: Seat,
}

/// Serves the connection to its end. `first` is what was read of it already; as a part of the HTTP server's buffer it is
/// given back at once.
pub(crate) fn serve(
    (reader, writer, first): (Reader, Writer, Bytes),
    client: Arc<Client>,
    seat: Seat,
) -> impl Future<Output = ()> {
    client.line.begin(writer, VecDeque::new(), 0);
    let mut connection = Connection {
        reader,
        client,
        decoder: Decoder::default(),
        inbox: VecDeque::new(),
        handled: 0,
        working: None,
        stall: None,
        _seat: seat,
    };
    if let Err(why) = connection.receive(&mut Vec::from(first)) {
        connection.client.outbox.close(why);
    }
    async move {
        let end = poll_fn(|cx| connection.poll(cx)).await;
        // Boxed: an idle connection does not carry the room for its end.
        Box::pin(connection.finish(end)).await;
    }
}

impl Connection {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.client.outbox.register(cx.waker());
        loop {
            if let Poll::Ready(Err(end)) = self.poll_write(cx) {
                return Poll::Ready(end);
            }
            if self.client.outbox.closing().is_some() {
                // Nothing is begun any more while the socket takes what waits.
                return Poll::Pending;
            }
            if let Some(working) = &mut self.working {
                let Poll::Ready(done) = working.as_mut().poll(cx) else { return Poll::Pending };
                self.working = None;
                self.close_on(done);
                continue;
            }
            if self.inbox.is_empty() {
                if let Err(end) = ready!(self.poll_read(cx)) {
                    return Poll::Ready(end);
                }
            } else if !self.client.outbox.has_room() {
                return Poll::Pending;
            }
            if let Err(end) = self.next_message() {
                return Poll::Ready(end);
            }
        }
    }

    fn close_on(&self, outcome: Result<(), Disconnect>) {
        if let Err(why) = outcome {
            self.client.outbox.close(why);
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) -> Result<(), Disconnect> {
        self.decoder.feed(bytes, limits::REALTIME_MESSAGE_BYTES, &mut self.inbox)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let Self { reader, client, decoder, inbox, .. } = self;
        let read = reader.poll_read(cx, |bytes| {
            if bytes.is_empty() {
                return false;
            }
            if let Err(why) = decoder.feed(bytes, limits::REALTIME_MESSAGE_BYTES, inbox) {
                // What came whole before the fault is not worth an answer.
                inbox.clear();
                client.outbox.close(why);
            }
            true
        });
        Poll::Ready(if matches!(ready!(read), Ok(true)) { Ok(()) } else { Err(End::Gone) })
    }

    /// Handles the message at the head of the inbox, or begins its next command.
    fn next_message(&mut self) -> Result<(), End> {
        match self.inbox.front() {
            None => {}
            Some(Message::Text(_) | Message::Binary(_)) => self.next_command(),
            Some(Message::Close(code)) => return Err(End::Closed(*code)),
            Some(Message::Ping(payload)) => {
                let pong = encode::pong(payload);
                let bytes = pong.len();
                self.client.outbox.push(pong, bytes);
                self.inbox.pop_front();
            }
            Some(Message::Pong) => {
                self.client.native_pong();
                self.inbox.pop_front();
            }
        }
        if self.inbox.is_empty() && self.inbox.capacity() > 0 {
            self.inbox = VecDeque::new();
        }
        Ok(())
    }

    fn next_command(&mut self) {
        let said = match self.inbox.front() {
            Some(Message::Text(text)) => Said::Text(text),
            Some(Message::Binary(bytes)) => Said::Binary(bytes),
            _ => return,
        };
        if self.client.wire.is_one_way() {
            // What it says once it has begun is not for us.
            if !self.client.is_connected() {
                self.working = Some(Box::pin(self.client.clone().begin_one_way(said.keep())));
            }
            self.inbox.pop_front();
            return;
        }
        match said.next(&mut self.handled) {
            Ok(Some(command)) if command.is_pong() => {
                let pong = self.client.pong();
                self.close_on(pong);
            }
            Ok(Some(command)) => self.working = Some(Box::pin(self.client.clone().handle(command.keep()))),
            Ok(None) => {
                if said.is_blank() {
                    self.client.outbox.close(Disconnect::BAD_REQUEST);
                }
                self.handled = 0;
                self.inbox.pop_front();
            }
            Err(why) => self.client.outbox.close(why),
        }
    }

    /// Writes what is queued. Ready when all of it is written, or with the reason why no more will be.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let went = self.client.line.poll(&self.client.outbox, cx);
        if matches!(went, Went::All | Went::Stuck { moved: true }) {
            self.stall.take_if(|stall| !stall.ending);
        }
        match went {
            Went::All => Poll::Ready(Ok(())),
            Went::Ending(why) => Poll::Ready(Err(End::Close(why))),
            Went::Gone => Poll::Ready(Err(End::Gone)),
            Went::Stuck { .. } => self.poll_stall(cx).map(Err),
        }
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Some(why) = self.client.outbox.given_up() {
            return Poll::Ready(End::Close(why));
        }
        let closing = self.client.outbox.closing();
        let ending = closing.is_some();
        self.stall.take_if(|stall| ending && !stall.ending);
        let patience = Duration::from_millis(if ending { CLOSING_MS } else { limits::REALTIME_WRITE_STALL_MS });
        let stall =
            self.stall.get_or_insert_with(|| Box::new(Stall { ending, sleep: Box::pin(tokio::time::sleep(patience)) }));
        ready!(stall.sleep.as_mut().poll(cx));
        Poll::Ready(closing.map_or(End::Cut(Disconnect::WRITE_ERROR), End::Close))
    }

    async fn finish(mut self, end: End) {
        let (why, farewell) = match end {
            End::Gone => (Disconnect::ABNORMAL, None),
            End::Cut(why) => (why, None),
            End::Close(why) => (why, Some(encode::close_saying(why.code, &self.client.last_words(why)))),
            // Its code is echoed and believed nowhere: those of ours say what the server did.
            End::Closed(code) => (Disconnect::CLOSED, Some(encode::close(Disconnect { code, reason: "" }))),
        };
        self.client.leave(why);
        let code = why.code;
        tracing::debug!(connection = self.client.id, code, "a connection ended");
        metrics::counter!("realtime_disconnects_total", "code" => code.to_string()).increment(1);
        let Some((mut writer, mut frames)) = self.client.line.end() else { return };
        let Some(farewell) = farewell else { return };
        // A frame that is begun must be ended, or the close frame would read as its payload. The others are given up.
        frames.truncate(1);
        if self.client.wire.is_one_way()
            && let End::Close(why) = end
        {
            let words = self.client.last_words(why);
            frames.push_back(reply::disconnect(self.client.wire, why.code, &words));
        }
        frames.push_back(farewell);
        let limit = Duration::from_millis(FAREWELL_MS);
        let written = tokio::time::timeout(limit, poll_fn(|cx| writer.poll_last(&mut frames, cx))).await;
        if written == Ok(true) && !matches!(end, End::Closed(_)) {
            // Until the client has answered: closing with unread input would reset the connection under our close frame.
            let _ = tokio::time::timeout(limit, poll_fn(|cx| self.poll_linger(cx))).await;
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
        self.client.line.end();
        self.client.leave(Disconnect::ABNORMAL);
    }
}

/// The next line that is not blank; `at` moves behind it.
pub(crate) fn next_line<'a>(text: &'a str, at: &mut usize) -> Option<&'a str> {
    loop {
        let rest = text.get(*at..).filter(|rest| !rest.is_empty())?;
        let (line, skip) = rest.split_once('\n').map_or((rest, rest.len()), |(line, _)| (line, line.len() + 1));
        *at += skip;
        if !line.trim_ascii().is_empty() {
            return Some(line.trim_ascii());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_handled_one_after_the_other() {
        let (text, mut at) = ("{\"a\":1}\n\n {} \n", 0);
        assert_eq!(next_line(text, &mut at), Some("{\"a\":1}"));
        assert_eq!(next_line(text, &mut at), Some("{}"));
        assert_eq!(next_line(text, &mut at), None);
    }
}
