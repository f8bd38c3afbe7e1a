//! The byte stream under a connection, with everything of HTTP taken off it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// TCP as it is where possible: then an idle connection has no buffer at all.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Other(Box<TokioIo<Upgraded>>),
}

impl Socket {
    /// The stream, and what the client sent already behind its handshake.
    pub(crate) fn of(upgraded: Upgraded) -> (Self, Bytes) {
        let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => return (Self::tcp(parts.io), parts.read_buf),
            Err(upgraded) => upgraded,
        };
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => (Self::tcp(parts.io), parts.read_buf),
            Err(upgraded) => (Self::Other(Box::new(TokioIo::new(upgraded))), Bytes::new()),
        }
    }

    fn tcp(io: TokioIo<TcpStream>) -> Self {
        let stream = io.into_inner();
        // Without it a frame could wait for the acknowledgement of the one before. It fails on a closed socket only.
        let _ = stream.set_nodelay(true);
        Self::Tcp(stream)
    }

    /// Reads what is there into a buffer that is borrowed for this call only.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
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
        }
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
