//! The task of one station on the air: it renders against the clock, encodes for whoever is there, and goes when nobody is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use host::Ctx;
use kernel::limits;
use parking_lot::Mutex;
use realtime::Feed;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::encode::{CHUNK, Chunk, EncodeError, Encoder, Format};
use crate::store;
use crate::synth::{LONGEST_MS, RATE, Renderer, sample_at};

const CHUNK_MS: i64 = CHUNK as i64 * 1000 / RATE as i64;
/// Between the clock and what is rendered: a phrase is kept, published and read within this time, so that it begins at the
/// sample where it is written down to begin.
const BEHIND_MS: i64 = 500;
/// What a new listener gets at once, so that its player starts: 1.9 s.
const BURST_CHUNKS: usize = 8;
/// How long a station without listeners stays on the air, for those who only change the player.
const LINGER_MS: i64 = 5_000;
/// Listeners that are woken at once.
const RING_LISTENERS: usize = 32;
/// A room's echo falls by 90 dB in this time.
const ROOM_MS: i64 = 2_000;
/// Whatever is known later than this is not played any more.
const MISSED_MS: i64 = 4_000;
/// Further behind the clock than this (the machine slept), the program ends; its listeners come back to a new one.
const LOST_MS: i64 = 60_000;

pub(super) struct Program {
    station: String,
    title: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last chunks, for formats that somebody asks for later.
    recent: VecDeque<Arc<Chunk>>,
    transmitters: HashMap<Format, Transmitter>,
    over: bool,
}

/// One format on the air.
struct Transmitter {
    encoder: Encoder,
    /// Each carries the same to its share of the listeners, so that not all of them wake at once.
    rings: Vec<broadcast::Sender<Piece>>,
    recent: VecDeque<Bytes>,
    /// Pieces that were encoded so far: the number of the next.
    encoded: u64,
    listeners: usize,
}

/// What one chunk became in a format, numbered.
type Piece = (u64, Bytes);

/// A piece, and the rings that carry it.
type Sending = (Piece, Vec<broadcast::Sender<Piece>>);

/// A listener's place at a transmitter, until it is dropped.
pub(super) struct Place {
    program: Arc<Program>,
    format: Format,
    /// The beginning of the stream, and the burst.
    pub(super) first: Vec<Bytes>,
    ring: broadcast::Receiver<Piece>,
    /// The piece that follows the burst.
    next: u64,
}

impl Program {
    /// `title` is what players show.
    pub(super) fn new(station: &str, title: &str) -> Self {
        Self { station: station.to_owned(), title: title.to_owned(), state: Mutex::default() }
    }

    pub(super) fn station(&self) -> &str {
        &self.station
    }

    /// `None` when the program is over.
    pub(super) fn join(self: &Arc<Self>, format: Format) -> Result<Option<Place>, EncodeError> {
        let mut state = self.state.lock();
        if state.over {
            return Ok(None);
        }
        if !state.transmitters.contains_key(&format) {
            let transmitter = Transmitter::new(format, &self.title, &state.recent)?;
            state.transmitters.insert(format, transmitter);
        }
        let Some(transmitter) = state.transmitters.get_mut(&format) else { return Ok(None) };
        transmitter.listeners += 1;
        metrics::gauge!("radio_audio_listeners").increment(1);
        let opening = Some(transmitter.encoder.opening()).filter(|opening| !opening.is_empty());
        let first = opening.into_iter().chain(transmitter.recent.iter().cloned()).collect();
        let (ring, next) = (transmitter.subscribe(), transmitter.encoded);
        Ok(Some(Place { program: self.clone(), format, first, ring, next }))
    }

    pub(super) fn listeners(&self) -> (Vec<&'static str>, usize) {
        let state = self.state.lock();
        let mut formats: Vec<&'static str> = state.transmitters.keys().map(|format| format.word()).collect();
        formats.sort_unstable();
        (formats, state.transmitters.values().map(|transmitter| transmitter.listeners).sum())
    }

    /// Runs until nobody listens, or the server drains.
    pub(super) async fn run(self: Arc<Self>, ctx: Ctx, signals: Feed, leave: impl FnOnce(&Arc<Self>)) {
        tracing::info!(station = self.station, "on the air");
        metrics::gauge!("radio_stations_on_air").increment(1);
        if let Err(error) = self.transmit(&ctx, signals).await {
            tracing::warn!(station = self.station, error = %kernel::problem::chain(&*error), "off the air");
        }
        // Nobody joins any more; whoever listens sees the end of the ring.
        {
            let mut state = self.state.lock();
            state.over = true;
            state.transmitters.clear();
        }
        leave(&self);
        metrics::gauge!("radio_stations_on_air").decrement(1);
        tracing::info!(station = self.station, "off the air");
    }

    async fn transmit(
        self: &Arc<Self>,
        ctx: &Ctx,
        mut signals: Feed,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Monotonic from here on: the samples follow the time that passes, however the wall clock is set.
        let (begun, begun_ms) = (Instant::now(), ctx.clock.now_ms());
        let now_ms = || begun_ms + i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let first_ms = begun_ms - BEHIND_MS - BURST_CHUNKS as i64 * CHUNK_MS;
        let mut tape = Tape::load(ctx, &self.station, first_ms).await?;
        let mut fresh = true;
        let mut empty_since = now_ms();
        loop {
            let due_ms = tape.end_of_next_ms() + BEHIND_MS;
            let late_ms = now_ms() - due_ms;
            if late_ms > LOST_MS {
                return Err(format!("{late_ms} ms behind the clock").into());
            }
            if late_ms < 0 {
                let due = Duration::from_millis(late_ms.unsigned_abs());
                tokio::select! {
                    signal = signals.next() => match signal {
                        Some(_) => fresh = true,
                        None => signals = self.signals(ctx).await?,
                    },
                    () = tokio::time::sleep(due) => {}
                }
                continue;
            }
            if std::mem::take(&mut fresh) {
                // A store that is busy for a moment is asked again with the next chunk.
                fresh = tape.read(ctx, &self.station).await.unwrap_or(true);
            }
            let program = self.clone();
            let sending;
            (tape, sending) = tokio::task::spawn_blocking(move || {
                let chunk = Arc::new(Chunk::of(|| tape.renderer.next()));
                let sending = program.encode(&chunk);
                (tape, sending)
            })
            .await?;
            send(sending).await;
            if self.listeners().1 > 0 {
                empty_since = now_ms();
            } else if now_ms() - empty_since > LINGER_MS && self.close_if_empty() {
                return Ok(());
            }
        }
    }

    /// The feed ended because the station began again, or because we were slow: another one, unless the server drains.
    async fn signals(&self, ctx: &Ctx) -> Result<Feed, realtime::Refused> {
        let caller = realtime::Caller { admin: true, ..realtime::Caller::default() };
        ctx.hub.open_stream(&format!("radio:{}", self.station), None, 0, &caller).await
    }

    /// Closes the program if nobody listens.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut state = self.state.lock();
        state.over = state.transmitters.values().all(|transmitter| transmitter.listeners == 0);
        state.over
    }

    /// Encodes a chunk for every format that is listened to.
    pub(super) fn encode(&self, chunk: &Arc<Chunk>) -> Vec<Sending> {
        let mut state = self.state.lock();
        if state.recent.len() == BURST_CHUNKS {
            state.recent.pop_front();
        }
        state.recent.push_back(chunk.clone());
        state.transmitters.retain(|_, transmitter| transmitter.listeners > 0);
        let mut sending = Vec::new();
        state.transmitters.retain(|_, transmitter| match transmitter.encode(chunk) {
            Ok(piece) => {
                sending.push((piece, transmitter.rings.clone()));
                true
            }
            Err(error) => {
                tracing::error!(%error, "a transmitter ends");
                false
            }
        });
        sending
    }
}

/// Gives everybody their piece; nobody is waited for. Between two rings others have their turn.
pub(super) async fn send(sending: Vec<Sending>) {
    for (piece, rings) in sending {
        for ring in rings {
            // Without receivers there is nobody to miss it.
            let _ = ring.send(piece.clone());
            tokio::task::yield_now().await;
        }
    }
}

impl Transmitter {
    /// Begins with what the station played last.
    fn new(format: Format, title: &str, recent: &VecDeque<Arc<Chunk>>) -> Result<Self, EncodeError> {
        let encoder = Encoder::new(format, title)?;
        let mut transmitter = Self { encoder, rings: Vec::new(), recent: VecDeque::new(), encoded: 0, listeners: 0 };
        recent.iter().try_for_each(|chunk| transmitter.encode(chunk).map(drop))?;
        Ok(transmitter)
    }

    fn encode(&mut self, chunk: &Chunk) -> Result<Piece, EncodeError> {
        let bytes = self.encoder.encode(chunk)?;
        if self.recent.len() == BURST_CHUNKS {
            self.recent.pop_front();
        }
        self.recent.push_back(bytes.clone());
        let piece = (self.encoded, bytes);
        self.encoded += 1;
        Ok(piece)
    }

    /// A place on the first ring that has one.
    fn subscribe(&mut self) -> broadcast::Receiver<Piece> {
        if let Some(ring) = self.rings.iter().find(|ring| ring.receiver_count() < RING_LISTENERS) {
            return ring.subscribe();
        }
        let (ring, receiver) = broadcast::channel(limits::RADIO_BEHIND_CHUNKS);
        self.rings.push(ring);
        receiver
    }
}

impl Place {
    /// The next piece.
    pub(super) async fn recv(&mut self) -> Result<Bytes, RecvError> {
        loop {
            let (number, bytes) = self.ring.recv().await?;
            // One that was on its way while this listener came is in its burst.
            if number >= self.next {
                return Ok(bytes);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("radio_audio_listeners").decrement(1);
        if let Some(transmitter) = self.program.state.lock().transmitters.get_mut(&self.format) {
            transmitter.listeners = transmitter.listeners.saturating_sub(1);
        }
    }
}

/// The renderer, and how far the phrases have been read.
struct Tape {
    renderer: Renderer,
    last: i64,
}

impl Tape {
    /// A renderer that stands at the chunk of `first_ms`, with everything that sounds there.
    async fn load(ctx: &Ctx, station: &str, first_ms: i64) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (name, from_ms) = (station.to_owned(), first_ms - LONGEST_MS);
        let read = async move |tx: &mut ::store::Tx| {
            let aired = store::aired_between(tx, &name, from_ms, i64::MAX, limits::RADIO_READ_PHRASES).await?;
            // Where nothing sounds, the rooms' own memory is all that comes from before.
            let begin_ms = aired.first().map_or(i64::MAX, |aired| aired.at_ms).min(first_ms - ROOM_MS);
            let key = store::key_before(tx, &name, begin_ms).await?;
            Ok::<_, ::store::StoreError>((key, begin_ms, aired, store::last_number(tx, &name).await?))
        };
        let (key, begin_ms, aired, last) = ctx.store.read(read).await?;
        let first = sample_at(first_ms).div_euclid(CHUNK as i64) * CHUNK as i64;
        let tape = tokio::task::spawn_blocking(move || {
            let mut renderer = Renderer::new(sample_at(begin_ms), key.as_deref());
            for aired in &aired {
                renderer.play(&aired.phrase, sample_at(aired.at_ms));
            }
            while renderer.at() < first {
                renderer.next();
            }
            Self { renderer, last }
        });
        Ok(tape.await?)
    }

    fn end_of_next_ms(&self) -> i64 {
        (self.renderer.at() + CHUNK as i64) * 1000 / i64::from(RATE)
    }

    /// Plays what was kept since. Whether there may be more.
    async fn read(&mut self, ctx: &Ctx, station: &str) -> Result<bool, ::store::StoreError> {
        let (name, last) = (station.to_owned(), self.last);
        let read =
            async move |tx: &mut ::store::Tx| store::aired_after(tx, &name, last, limits::RADIO_READ_PHRASES).await;
        let (aired, last) = ctx.store.read(read).await?;
        if last < self.last {
            // The station was deleted and begins anew.
            self.last = 0;
            return Ok(true);
        }
        let begins = self.renderer.at();
        for aired in &aired {
            let late_ms = (begins - sample_at(aired.at_ms)) * 1000 / i64::from(RATE);
            if late_ms > 0 {
                tracing::warn!(station, n = aired.n, late_ms, "a phrase was known late");
                metrics::counter!("radio_late_phrases_total").increment(1);
            }
            if late_ms <= MISSED_MS {
                self.renderer.play(&aired.phrase, sample_at(aired.at_ms));
            }
        }
        let more = aired.len() == limits::RADIO_READ_PHRASES;
        self.last = if more { aired.last().map_or(last, |aired| aired.n) } else { last };
        Ok(more)
    }
}
