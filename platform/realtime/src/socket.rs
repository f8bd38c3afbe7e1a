//! The byte stream under a connection, with everything of HTTP taken off it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Slices of one `writev`.
const SLICES: usize = 64;
/// What one read takes at most, bytes: one buffer a thread, whatever the number of connections.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// TCP as it is where possible: then an idle connection has no buffer at all.
pub(crate) enum Reader {
    Tcp(OwnedReadHalf),
    Other(Box<ReadHalf<TokioIo<Upgraded>>>),
}

pub(crate) enum Writer {
    Tcp(OwnedWriteHalf),
    Other(Box<WriteHalf<TokioIo<Upgraded>>>),
}

/// Both halves of the stream, and what the client sent already behind its handshake.
pub(crate) fn halves(upgraded: Upgraded) -> (Reader, Writer, Bytes) {
    let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return tcp(parts.io, parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => tcp(parts.io, parts.read_buf),
        Err(upgraded) => {
            let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
            (Reader::Other(Box::new(reader)), Writer::Other(Box::new(writer)), Bytes::new())
        }
    }
}

fn tcp(io: TokioIo<TcpStream>, first: Bytes) -> (Reader, Writer, Bytes) {
    let stream = io.into_inner();
    // Without it a frame could wait for the acknowledgement of the one before. It fails on a closed socket only.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    (Reader::Tcp(reader), Writer::Tcp(writer), first)
}

impl Reader {
    /// What is there, in a buffer that is lent for this call only; empty at the end.
    pub(crate) fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut [u8]) -> T,
    ) -> Poll<io::Result<T>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(match self {
                Self::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
                Self::Other(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            })?;
            Poll::Ready(Ok(read(buffer.filled_mut())))
        })
    }
}

impl Writer {
    /// One `writev` of what is there; written frames are taken off.
    pub(crate) fn poll_some(&mut self, frames: &mut VecDeque<Bytes>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let written = ready!(with_slices(frames, |slices| match self {
            // One slice the plain way: some per cent cheaper than a vector of one.
            Self::Tcp(stream) if slices.len() == 1 => Pin::new(stream).poll_write(cx, &slices[0]),
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Other(stream) => {
                // A stream under TLS may write slices one by one and must be flushed.
                match Pin::new(&mut *stream).poll_write_vectored(cx, slices) {
                    Poll::Ready(Ok(written)) => match Pin::new(stream).poll_flush(cx) {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        _ => Poll::Ready(Ok(written)),
                    },
                    other => other,
                }
            }
        }))?;
        take_off(frames, written);
        Poll::Ready(Ok(written))
    }

    /// The same as far as it can be at once, and by anybody: nobody is woken when more can be.
    pub(crate) fn try_some(&self, frames: &mut VecDeque<Bytes>) -> io::Result<usize> {
        let Self::Tcp(stream) = self else { return Err(io::ErrorKind::WouldBlock.into()) };
        let written = with_slices(frames, |slices| match slices {
            [alone] => stream.try_write(alone),
            slices => stream.try_write_vectored(slices),
        })?;
        take_off(frames, written);
        Ok(written)
    }

    /// Whether all of it was written and our side shut.
    pub(crate) fn poll_last(&mut self, frames: &mut VecDeque<Bytes>, cx: &mut Context<'_>) -> Poll<bool> {
        while !frames.is_empty() {
            if !matches!(ready!(self.poll_some(frames, cx)), Ok(1..)) {
                return Poll::Ready(false);
            }
        }
        let shut = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        };
        shut.map(|shut| shut.is_ok())
    }
}

fn with_slices<T>(frames: &VecDeque<Bytes>, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
    if let (Some(alone), 1) = (frames.front(), frames.len()) {
        return write(&[IoSlice::new(alone)]);
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let used = frames.len().min(SLICES);
    slices.iter_mut().zip(frames).for_each(|(slice, frame)| *slice = IoSlice::new(frame));
    write(&slices[..used])
}

fn take_off(frames: &mut VecDeque<Bytes>, written: usize) {
    let mut rest = written;
    while let Some(frame) = frames.front_mut() {
        if rest < frame.len() {
            frame.advance(rest);
            return;
        }
        rest -= frame.len();
        frames.pop_front();
    }
}
