//! A body off the wire: bounded in size, in time, and in memory together with all the others.
//!
//! Nothing here is verified yet, so nothing here may cost much: what is held is paid for as it comes, not as it is announced.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use kernel::limits;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::refusal::Refusal;

/// Bytes of all bodies that are held at once. Whoever comes then is asked to come again.
const BODIES_BYTES: usize = 256 * 1024 * 1024;
const KIB: usize = 1024;

/// The memory for bodies.
pub(crate) struct Bodies {
    free: Semaphore,
    within: Duration,
}

/// The bytes of one body, exactly as they came, and the memory that they take.
#[derive(Default)]
pub(crate) struct Raw<'a> {
    pub(crate) bytes: Bytes,
    _held: Option<SemaphorePermit<'a>>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self { free: Semaphore::new(BODIES_BYTES / KIB), within: Duration::from_millis(limits::BODY_MS) }
    }

    /// Reads a whole body. One that announces too much is refused before its first byte.
    pub(crate) async fn read(&self, most: usize, headers: &HeaderMap, body: Body) -> Result<Raw<'_>, Refusal> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.unwrap_or(0).max(body.size_hint().lower()) > most as u64 {
            return Err(too_large(most));
        }
        match tokio::time::timeout(self.within, self.collect(most, body)).await {
            Ok(read) => read,
            Err(_) => {
                let reason = format!("The body took longer than {} s.", self.within.as_secs());
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "TOO_SLOW", reason))
            }
        }
    }

    async fn collect(&self, most: usize, mut body: Body) -> Result<Raw<'_>, Refusal> {
        let mut came = Blocks::default();
        let mut held: Option<SemaphorePermit<'_>> = None;
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "UNPARSABLE", "The body broke off."))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = came.length + data.len();
            if length > most {
                return Err(too_large(most));
            }
            let owed = length.div_ceil(KIB) - held.as_ref().map_or(0, SemaphorePermit::num_permits);
            let more = self.free.try_acquire_many(owed as u32).map_err(|_| {
                let reason = "Too many deliveries come at once. Nothing was kept: send it again.";
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED", reason)
            })?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
            came.push(&data);
        }
        Ok(Raw { bytes: came.whole(), _held: held })
    }
}

/// What has come of a body. One buffer that doubles would take up to three times what it holds while it grows; the frames
/// themselves would keep the buffers of the connection alive.
#[derive(Default)]
struct Blocks {
    blocks: Vec<Vec<u8>>,
    length: usize,
}

impl Blocks {
    const BYTES: usize = 64 * KIB;

    fn push(&mut self, mut data: &[u8]) {
        self.length += data.len();
        while !data.is_empty() {
            if self.blocks.last().is_none_or(|block| block.len() == Self::BYTES) {
                // Most bodies are far smaller than the first block: it grows as it must.
                let size = if self.blocks.is_empty() { 0 } else { Self::BYTES };
                self.blocks.push(Vec::with_capacity(size));
            }
            let Some(block) = self.blocks.last_mut() else { return };
            let (fits, rest) = data.split_at(data.len().min(Self::BYTES - block.len()));
            block.extend_from_slice(fits);
            data = rest;
        }
    }

    /// In one piece; each block is given back as soon as it is copied.
    fn whole(self) -> Bytes {
        let mut whole = Vec::with_capacity(self.length);
        self.blocks.into_iter().for_each(|block| whole.extend_from_slice(&block));
        whole.into()
    }
}

fn too_large(most: usize) -> Refusal {
    let reason = format!("The body is over {} bytes.", most);
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", reason)
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_end_is_cut() {
        let bodies = Bodies { within: Duration::from_millis(1), ..Bodies::new() };
        let mut sent = Some(Bytes::from_static(b"{"));
        let stream = futures_util::stream::poll_fn(move |_| match sent.take() {
            Some(first) => Poll::Ready(Some(Ok::<_, std::io::Error>(first))),
            None => Poll::Pending,
        });
        let refused =
            bodies.read(1_000_000, &HeaderMap::new(), Body::from_stream(stream)).await.err().expect("refused");
        assert_eq!((refused.status.as_u16(), refused.cause), (408, "TOO_SLOW"));
        assert_eq!(bodies.free.available_permits(), BODIES_BYTES / KIB, "what was held is free again");
    }

    #[test]
    fn blocks_keep_every_byte_in_its_place() {
        let bytes: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        for size in [1_000, 65_536, 65_537, 300_000] {
            let mut came = Blocks::default();
            bytes.chunks(size).for_each(|chunk| came.push(chunk));
            assert!(came.blocks.iter().all(|block| block.capacity() < 2 * Blocks::BYTES));
            assert_eq!(came.whole(), bytes, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn memory_is_held_for_what_came_and_as_long_as_it_is_used() {
        let bodies = Bodies::new();
        let held = || BODIES_BYTES / KIB - bodies.free.available_permits();
        let chunks = (0..3000).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"x")));
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let raw = bodies.read(1_000_000, &HeaderMap::new(), body).await.ok().expect("read");
        assert_eq!((raw.bytes.len(), held()), (3000, 3));
        drop(raw);
        assert_eq!(held(), 0);
    }
}
