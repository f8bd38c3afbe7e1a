#![doc = include_str!("../README.md")]

mod demo;
mod http;
pub mod model;
mod reactions;
mod store;

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
        .on("github.*", COMPOSE, reactions::compose)
        .stream("radio.phrase", "radio.air", reactions::air)
        .namespace(|db| Namespace::public("radio").history(RECENT, u64::MAX).durable(store::Stations::load(db)))
        .routes(http::routes)
        .page("/radio", "radio")
        .page("/radio/{owner}/{repo}", "radio")
        .samples("/radio/mainspring/demo", demo::sample)
}
