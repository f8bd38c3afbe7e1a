//! A whole product: a push on GitHub rings a bell for everybody who listens to the channel `bell:rings`.

use events::{Event, EventType, NewEvent};
use host::{Ctx, Product};
use jobs::{Failure, Kind, Run};
use realtime::Namespace;
use serde::{Deserialize, Serialize};

/// `bell.rung`: somebody pushed.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Rung {
    repository: String,
    commits: usize,
}

impl EventType for Rung {
    const TYPE: &'static str = "bell.rung";
}

/// What the bell looks at in a push.
#[derive(Deserialize)]
struct Push {
    commits: Vec<serde::de::IgnoredAny>,
}

const RING: Kind = Kind::new("bell.ring");

/// Webhook in, a job per push, the result pushed out.
pub fn product() -> Product {
    Product::new("bell")
        .event::<Rung>()
        .on("github.push", RING, ring)
        .stream("bell.rung", "bell.tower", toll)
        .namespace(|_| Namespace::public("bell").history(20, 3_600_000))
}

/// The job: the new event and the job's end commit together, so a push rings once, whatever is killed.
async fn ring(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let push: Push = event.data().map_err(Failure::discard)?;
    let repository = event.subject.clone().unwrap_or_default();
    let rung = NewEvent::of("/bell", &Rung { repository, commits: push.commits.len() }).trace(event.trace);
    let rung = ctx.events.check(rung).map_err(Failure::discard)?;
    let store = ctx.store.clone();
    let write = async move |tx: &mut store::Tx| {
        ctx.events.append(tx, &rung).await.map_err(Failure::retry)?;
        run.complete(tx).await
    };
    store.write(write).await
}

/// The stream: what the log says goes to the listeners, in order.
async fn toll(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    for event in batch {
        let rung: Rung = event.data().map_err(|error| error.to_string())?;
        ctx.hub.publish("bell:rings", &rung).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}
