#![doc = include_str!("../README.md")]

mod air;
mod demo;
mod doors;
mod http;
pub mod model;
mod reactions;
mod schedule;
mod store;
mod synth;

use host::Product;
use jobs::Kind;
use realtime::Namespace;

/// From a GitHub event to a phrase.
const COMPOSE: Kind = Kind::new("radio.compose").on("radio").timeout_ms(30_000);
/// Phrases that a channel keeps for those who come late or come back.
const RECENT: usize = 200;

/// The product, for the server's list.
pub fn product() -> Product {
    Product::new("radio")
        .migrations(store::MIGRATIONS)
        .event::<reactions::Phrased>()
        .event::<reactions::StationChanged>()
        .on("github.*", COMPOSE, reactions::compose)
        .stream("radio.phrase", "radio.air", reactions::air)
        .stream("radio.station", "radio.doors", reactions::doors)
        .namespace(|db| {
            let stations = Namespace::public("radio").history(RECENT, u64::MAX).allow_delta();
            stations.durable(store::Channels::load(db)).guarded(doors::Doors::guard(db))
        })
        .channel(
            "radio:{owner}/{repo}",
            "The phrases of a station as they come, each whole (docs/protocol/phrase.md); the offset is the phrase's number. A \
             private station's channel opens to its listener tokens, and looks to others as if nothing was ever published there.",
        )
        .routes(http::routes)
        .page("/radio", "radio")
        .page("/radio/{owner}/{repo}", "radio")
        .samples("/radio/mainspring/demo", demo::sample)
}
