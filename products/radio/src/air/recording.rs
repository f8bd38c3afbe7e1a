//! The past as a WAV: rendered again from the phrases while it is sent, and kept nowhere.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use kernel::limits;
use store::{Store, StoreError, Tx};
use tokio::sync::OwnedSemaphorePermit;

use super::encode::{pcm, wav_header};
use crate::store as phrases;
use crate::synth::{BLOCK, LONGEST_MS, RATE, Renderer, sample_at};

/// A stretch of the past, Unix milliseconds: `from_ms` to before `to_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

/// What is wrong with a range: the field, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadRange(pub(crate) &'static str, pub(crate) &'static str);

impl Range {
    /// A range of the past, of an hour at most.
    pub(crate) fn new(from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Self, BadRange> {
        if from_ms < 0 {
            return Err(BadRange("from", "at least 0"));
        }
        if to_ms <= from_ms {
            return Err(BadRange("to", "later than `from`"));
        }
        if to_ms > now_ms {
            return Err(BadRange("to", "not in the future"));
        }
        if to_ms - from_ms > limits::RADIO_RECORDING_MS {
            return Err(BadRange("to", "at most an hour after `from`"));
        }
        Ok(Self { from_ms, to_ms })
    }

    fn frames(self) -> u32 {
        u32::try_from(sample_at(self.to_ms - self.from_ms)).unwrap_or(u32::MAX)
    }

    /// Of the whole file.
    pub(crate) fn bytes(self) -> u64 {
        44 + u64::from(self.frames()) * 4
    }
}

/// Phrases are read, and samples made and sent, a second at a time: as fast as they are taken, never faster.
const STEP_MS: i64 = 1_000;

/// A recording that is being made.
pub(crate) struct Recording {
    store: Store,
    station: String,
    range: Range,
    renderer: Option<Renderer>,
    /// Phrases that begin before this have been read.
    read_ms: i64,
    begun: bool,
    _desk: OwnedSemaphorePermit,
}

/// Why a recording broke off: the listener sees a body that is too short.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the renderer is gone")]
    Gone,
}

impl Recording {
    pub(super) fn new(store: Store, station: String, range: Range, desk: OwnedSemaphorePermit) -> Self {
        let read_ms = range.from_ms - LONGEST_MS;
        Self { store, station, range, renderer: None, read_ms, begun: false, _desk: desk }
    }

    /// The file, as it is made.
    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(stream::try_unfold(self, async |mut recording| {
            let bytes = recording.next().await.inspect_err(|error| tracing::warn!(%error, "a recording broke off"))?;
            Ok::<_, RecordError>(bytes.map(|bytes| (bytes, recording)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, RecordError> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Some(wav_header(Some(self.range.frames()))));
        }
        let (first, end) = (sample_at(self.range.from_ms), sample_at(self.range.to_ms));
        let mut renderer = match self.renderer.take() {
            Some(renderer) => renderer,
            None => Renderer::new(sample_at(self.read_ms), self.key().await?.as_deref()),
        };
        if renderer.at() >= end {
            return Ok(None);
        }
        // The first step makes what still sounds from before.
        let goal = (renderer.at().max(first) + sample_at(STEP_MS)).min(end);
        let until_ms = (goal + BLOCK as i64) * 1000 / i64::from(RATE) + 1;
        let (station, from_ms) = (self.station.clone(), self.read_ms);
        let aired = self
            .store
            .read(async move |tx: &mut Tx| {
                phrases::aired_between(tx, &station, from_ms, until_ms, limits::RADIO_READ_PHRASES).await
            })
            .await?;
        self.read_ms = until_ms;
        let made = tokio::task::spawn_blocking(move || {
            for aired in &aired {
                renderer.play(&aired.phrase, sample_at(aired.at_ms));
            }
            let (mut left, mut right) = (Vec::new(), Vec::new());
            while renderer.at() < goal {
                let at = renderer.at();
                let block = renderer.next();
                let span = |sample: i64| (sample - at).clamp(0, BLOCK as i64) as usize;
                left.extend_from_slice(&block.left[span(first)..span(end)]);
                right.extend_from_slice(&block.right[span(first)..span(end)]);
            }
            (pcm(&left, &right), renderer)
        });
        let (bytes, renderer) = made.await.map_err(|_| RecordError::Gone)?;
        self.renderer = Some(renderer);
        Ok(Some(bytes))
    }

    async fn key(&self) -> Result<Option<String>, StoreError> {
        let (station, at_ms) = (self.station.clone(), self.read_ms);
        self.store.read(async move |tx: &mut Tx| phrases::key_before(tx, &station, at_ms).await).await
    }
}
