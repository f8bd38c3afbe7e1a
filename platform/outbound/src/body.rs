//! Reads a body up to its bound, packed or not: what counts is what it unpacks to, and what came over the wire.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// Why a body ended early.
pub(crate) enum Short {
    /// It goes on beyond the bound.
    TooLarge,
    /// The connection, or the packing, broke.
    Broken(String),
}

/// Keeps so many bytes, and refuses the next.
pub(crate) struct Kept {
    bytes: Vec<u8>,
    most: usize,
    full: bool,
}

impl Write for Kept {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let fits = more.len().min(self.most - self.bytes.len());
        self.bytes.extend_from_slice(&more[..fits]);
        if fits < more.len() {
            self.full = true;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body while it comes.
pub(crate) enum Sink {
    Plain(Kept),
    Gzip(Box<MultiGzDecoder<Kept>>),
}

impl Sink {
    pub(crate) fn new(headers: &HeaderMap, most: usize) -> Self {
        let kept = Kept { bytes: Vec::new(), most, full: false };
        let packed =
            headers.get(CONTENT_ENCODING).is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip"));
        if packed { Self::Gzip(Box::new(MultiGzDecoder::new(kept))) } else { Self::Plain(kept) }
    }

    /// Reads to the end of the body. May be dropped at any await: what came until then stays.
    pub(crate) async fn fill(&mut self, body: &mut Incoming) -> Result<(), Short> {
        let mut wire = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Short::Broken(kernel::problem::chain(&error)))?;
            let Some(data) = frame.data_ref() else { continue };
            // Packed bytes that unpack to nothing have a bound as well; packing adds a little to what is tiny.
            wire += data.len();
            if wire > self.kept().most + 1024 {
                self.feed(data)?;
                return Err(Short::TooLarge);
            }
            self.feed(data)?;
        }
        match self {
            Self::Plain(_) => Ok(()),
            Self::Gzip(gzip) => gzip.try_finish().map_err(|error| self.judge(&error)),
        }
    }

    /// What was kept.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Plain(kept) => kept.bytes.into(),
            // An end in the middle of the packing was reported by `fill`; what could be unpacked stays.
            Self::Gzip(mut gzip) => std::mem::take(&mut gzip.get_mut().bytes).into(),
        }
    }

    fn feed(&mut self, data: &[u8]) -> Result<(), Short> {
        let written = match self {
            Self::Plain(kept) => kept.write_all(data),
            Self::Gzip(gzip) => gzip.write_all(data),
        };
        written.map_err(|error| self.judge(&error))
    }

    fn judge(&self, error: &io::Error) -> Short {
        if self.kept().full { Short::TooLarge } else { Short::Broken(format!("its packing is wrong: {error}")) }
    }

    fn kept(&self) -> &Kept {
        match self {
            Self::Plain(kept) => kept,
            Self::Gzip(gzip) => gzip.get_ref(),
        }
    }
}
