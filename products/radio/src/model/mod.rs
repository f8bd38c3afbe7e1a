//! The music of a station: what GitHub says, turned into a phrase. Pure: no clock, no I/O, no SQL.
//!
//! [`hear`] reads an event and decides what it means; [`compose`] turns what was heard into a [`Phrase`], the format of
//! `docs/protocol/phrase.md`. The same delivery at the same station always makes the same phrase: all chance comes from
//! the delivery id. Every number that people may ask about is in one table: `moods.rs` (mood → sound), `kinds.rs`
//! (event → mood and intensity), `cats.rs` (event → cat), `voices.rs` (language → synth) and `tempo.rs`.

mod cats;
mod chords;
mod compose;
mod dice;
mod effects;
mod events;
mod heard;
mod kinds;
mod melody;
mod moods;
mod numbers;
mod phrase;
mod push;
mod read;
pub mod samples;
mod tempo;
mod theory;
mod voices;
mod why;

#[cfg(test)]
mod tests;

pub use compose::{Surroundings, compose};
pub use events::hear;
pub use heard::{Heard, Language, LanguageFrom, Size, commits};
pub use kinds::Kind;
pub use moods::Mood;
pub use phrase::*;
pub use read::{station_of, valid_station};

/// Beats a minute at this many commits in the last hour, before a mood has its say.
pub fn tempo_now(commits_last_hour: u32) -> u32 {
    tempo::base_bpm(commits_last_hour).round() as u32
}
