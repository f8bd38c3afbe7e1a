//! A product declares a schedule; its tick runs the product's job.

use std::sync::Arc;
use std::time::Duration;

use events::{Events, Registry};
use host::{Ctx, Product};
use identity::Identity;
use jobs::{Jobs, Kind, Life, Run};
use kernel::{Clock, Entropy, SealKey};
use mail::Mail;
use outbound::Outbound;
use realtime::Hub;
use realtime::doorman::Nobody;
use schedules::{Schedule, Schedules};
use store::{Durability, Migration};
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);
/// Monday, 1 March 2027, 00:00 in UTC.
const START_MS: i64 = 1_803_859_200_000;
const HOUR: i64 = 3_600_000;

const DIGEST: Kind = Kind::new("digest.send");
const MORNING: Schedule =
    Schedule::cron("digest.morning", "0 9 * * MON-FRI", DIGEST).zone("Europe/Berlin").args(r#"{"to":"all"}"#);

fn digest(said: mpsc::UnboundedSender<(String, i64)>) -> Product {
    Product::new("digest").schedule(MORNING).job(DIGEST, move |ctx: Ctx, run: Run| {
        let said = said.clone();
        async move {
            let args: serde_json::Value = run.args()?;
            // A test that has heard enough may have gone.
            let _ = said.send((args["to"].to_string(), ctx.clock.now_ms()));
            Ok(())
        }
    })
}

#[tokio::test]
async fn a_declared_schedule_enqueues_the_job_of_its_product() {
    let (clock, entropy) = (Clock::manual(START_MS), Entropy::seeded(7));
    let dir = tempfile::tempdir().expect("a directory");
    let migrations: Vec<Migration> =
        [identity::MIGRATIONS, jobs::MIGRATIONS, events::MIGRATIONS, schedules::MIGRATIONS].concat();
    let store = testkit::open(dir.path(), Durability::Normal, &migrations, &clock, &entropy).expect("opened");
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked);
    let jobs = jobs.await.expect("a lease");
    let (say, mut hear) = mpsc::unbounded_channel();
    let product = digest(say);
    assert_eq!(product.summary().schedules, ["0 9 * * MON-FRI Europe/Berlin → digest.send"]);

    let schedules = Schedules::new(store.clone(), jobs.clone(), clock.clone(), entropy.clone());
    let declared: Vec<_> = product.schedule_list().iter().map(|schedule| (product.name(), *schedule)).collect();
    schedules.declare(&declared).await.expect("declared");
    let bus = bus::Bus::memory(clock.clone(), &entropy);
    let identity = Identity::new(store.clone(), clock.clone(), entropy.clone(), SealKey::new([7; 32]));
    let key = SealKey::new([7; 32]);
    let parts = mail::Parts {
        store: store.clone(),
        jobs: jobs.clone(),
        identity: identity.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        key: key.clone(),
        base_url: String::new(),
    };
    let ctx = Ctx {
        store: store.clone(),
        events: Events::new(store, jobs.clone(), clock.clone(), entropy.clone(), Registry::default()),
        jobs: jobs.clone(),
        hub: Hub::new(bus.clone(), clock.clone(), entropy.clone(), Arc::new(Nobody)),
        identity,
        bus,
        objects: objects::Objects::in_directory(dir.path(), &clock, &entropy).expect("a directory"),
        outbound: Outbound::new(outbound::Settings::default()),
        mail: Mail::new(&mail::Settings::default(), parts).expect("no mail"),
        clock: clock.clone(),
        entropy,
        key,
    };
    jobs.serve(product.start(&ctx), 1);

    clock.advance(8 * HOUR - 1);
    schedules.turn().await.expect("a look");
    assert!(hear.try_recv().is_err(), "not yet nine in Berlin");
    clock.advance(1);
    schedules.turn().await.expect("a look");
    let heard = tokio::time::timeout(LONG, hear.recv()).await.expect("in time").expect("the job runs");
    assert_eq!(heard, ("\"all\"".to_owned(), START_MS + 8 * HOUR));
    jobs.stop(LONG).await;
}
