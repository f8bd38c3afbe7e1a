//! Stations on the air: rendered once for all who listen, encoded once a format, not at all while nobody listens.
//!
//! ```text
//!                            ┌─ mp3 ─ a ring of chunks ─ every mp3 listener
//! phrases ─ one renderer ────┤
//!                            └─ ogg ─ a ring of chunks ─ every ogg listener
//! ```
//!
//! `program.rs` is the station's task, `listening.rs` what a listener holds, `recording.rs` the past.

mod encode;
mod listening;
mod program;
mod recording;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use host::Ctx;
use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

pub(crate) use encode::Format;
pub(crate) use listening::Listening;
pub(crate) use recording::{Range, Recording};

use crate::store::Station;
use program::Program;

/// The stations that are on the air in this process. Clones are the same air.
#[derive(Clone)]
pub(crate) struct OnAir(Arc<Air>);

struct Air {
    ctx: Ctx,
    programs: Mutex<HashMap<String, Arc<Program>>>,
    /// One permit a listener.
    seats: Arc<Semaphore>,
    /// One permit a recording.
    desks: Arc<Semaphore>,
}

/// Why nobody more can listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("as many listen, or as many stations are on the air, as there may be")]
    Full,
    #[error(transparent)]
    Realtime(#[from] realtime::Refused),
    #[error(transparent)]
    Encode(#[from] encode::EncodeError),
}

impl Air {
    /// Takes a program off the list, if it is still the one of its station.
    fn forget(&self, program: &Arc<Program>) {
        let mut programs = self.programs.lock();
        if programs.get(program.station()).is_some_and(|other| Arc::ptr_eq(other, program)) {
            programs.remove(program.station());
        }
    }
}

impl OnAir {
    pub(crate) fn new(ctx: Ctx) -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self(Arc::new(Air {
            ctx,
            programs: Mutex::default(),
            seats: permits(limits::RADIO_LISTENERS),
            desks: permits(limits::RADIO_RECORDINGS),
        }))
    }

    /// Joins the listeners of a station; the first one puts it on the air. The caller's right to listen is the right to
    /// read the station's channel, and ends with it.
    pub(crate) async fn tune_in(
        &self,
        station: &Station,
        format: Format,
        caller: &realtime::Caller,
    ) -> Result<Listening, Refused> {
        let seat = self.0.seats.clone().try_acquire_owned().map_err(|_| Refused::Full)?;
        let channel = format!("radio:{}", station.station);
        let mut presence = self.0.ctx.hub.open_stream(&channel, None, 0, caller).await?;
        presence.mute();
        loop {
            let program = match self.program(&station.station) {
                Some(program) => program,
                None => self.start(station).await?,
            };
            match program.join(format)? {
                Some(place) => return Ok(Listening::new(place, presence, seat)),
                // It is going off the air and takes nobody any more: another one takes its place.
                None => self.0.forget(&program),
            }
        }
    }

    fn program(&self, station: &str) -> Option<Arc<Program>> {
        self.0.programs.lock().get(station).cloned()
    }

    async fn start(&self, station: &Station) -> Result<Arc<Program>, Refused> {
        let ctx = &self.0.ctx;
        // The program hears of phrases as every listener does; whoever could bring it here may.
        let caller = realtime::Caller { admin: true, ..realtime::Caller::default() };
        let signals = ctx.hub.open_stream(&format!("radio:{}", station.station), None, 0, &caller).await?;
        let mut programs = self.0.programs.lock();
        if let Some(program) = programs.get(&station.station) {
            return Ok(program.clone());
        }
        if programs.len() >= limits::RADIO_ON_AIR {
            return Err(Refused::Full);
        }
        let program = Arc::new(Program::new(&station.station, &station.name));
        programs.insert(station.station.clone(), program.clone());
        let air = Arc::downgrade(&self.0);
        let leave = move |program: &Arc<Program>| {
            if let Some(air) = air.upgrade() {
                air.forget(program);
            }
        };
        tokio::spawn(program.clone().run(ctx.clone(), signals, leave));
        Ok(program)
    }

    /// The formats in which a station is on the air, and its audio listeners. `None` off the air.
    pub(crate) fn listeners(&self, station: &str) -> Option<(Vec<&'static str>, usize)> {
        self.program(station).map(|program| program.listeners())
    }

    /// Begins a recording; `None` when as many as may be are made at the moment.
    pub(crate) fn record(&self, station: &Station, range: Range) -> Option<Recording> {
        let desk = self.0.desks.clone().try_acquire_owned().ok()?;
        Some(Recording::new(self.0.ctx.store.clone(), station.station.clone(), range, desk))
    }
}
