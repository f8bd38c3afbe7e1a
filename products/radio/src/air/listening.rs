//! What an audio listener holds, and the body of its answer.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use realtime::Feed;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;

use super::program::Place;

/// A listener. Dropped, it has left.
pub(crate) struct Listening {
    first: std::vec::IntoIter<Bytes>,
    place: Place,
    /// Its presence on the station's channel, which ends with the right to listen and when the server drains.
    presence: Feed,
    _seat: OwnedSemaphorePermit,
}

impl Listening {
    pub(super) fn new(mut place: Place, presence: Feed, seat: OwnedSemaphorePermit) -> Self {
        let first = std::mem::take(&mut place.first).into_iter();
        Self { first, place, presence, _seat: seat }
    }

    /// The next bytes; `None` when the program or the right to listen is over, or when this listener is too slow: it is
    /// cut, and comes back to the present.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.first.next() {
            return Some(bytes);
        }
        loop {
            tokio::select! {
                biased;
                ended = self.presence.next() => {
                    ended.as_ref()?;
                }
                chunk = self.place.recv() => return match chunk {
                    Ok(bytes) if bytes.is_empty() => continue,
                    Ok(bytes) => Some(bytes),
                    Err(RecvError::Lagged(_)) => {
                        metrics::counter!("radio_slow_listeners_total").increment(1);
                        None
                    }
                    Err(RecvError::Closed) => None,
                },
            }
        }
    }

    /// The stream as a body without an end.
    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, async |mut listening| {
            let bytes = listening.next().await?;
            Some((Ok::<_, Infallible>(bytes), listening))
        }))
    }
}
