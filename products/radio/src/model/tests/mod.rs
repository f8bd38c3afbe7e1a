//! The promises of the model.

mod golden;
mod payloads;
mod properties;
mod schema;
mod sound;
mod table;
mod theory;

use super::*;

/// A quiet afternoon at a station.
fn surroundings(delivery_id: &str, commits_last_hour: u32) -> Surroundings {
    Surroundings {
        delivery_id: delivery_id.to_owned(),
        station: "octocat/hello-world".to_owned(),
        n: 12,
        at_ms: 1_795_230_245_123,
        trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        commits_last_hour,
        known_author: true,
    }
}

/// The sample with this name, heard.
fn heard(sample: &str) -> Heard {
    let (event_type, payload) = samples::payload(sample, "octocat/hello-world").expect("a sample");
    hear(event_type, &payload).expect("samples are heard")
}
