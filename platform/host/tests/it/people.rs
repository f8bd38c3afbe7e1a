//! What becomes of people is in the log, with the row or not at all, and holds neither name nor address.

use events::{Events, Query, Registry};
use identity::people::{Actor, NewPerson};
use identity::{Identity, Role};
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy, PersonId, SealKey, Secret};
use serde_json::{Value, json};
use store::{Durability, Migration, Store};
use testkit::open;

struct Bed {
    _dir: tempfile::TempDir,
    store: Store,
    events: Events,
    identity: Identity,
}

async fn bed(registry: Registry) -> Bed {
    let (clock, entropy) = (Clock::manual(1_700_000_000_000), Entropy::system());
    let dir = tempfile::tempdir().expect("a directory");
    let migrations: Vec<Migration> = [identity::MIGRATIONS, jobs::MIGRATIONS, events::MIGRATIONS].concat();
    let store = open(dir.path(), Durability::Normal, &migrations, &clock, &Entropy::seeded(1)).expect("opened");
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked);
    let jobs = jobs.await.expect("a lease");
    let events = Events::new(store.clone(), jobs, clock.clone(), entropy.clone(), registry);
    let identity = Identity::new(store.clone(), clock, entropy, SealKey::new([7; 32]));
    host::people::tell(&identity, &events);
    Bed { _dir: dir, store, events, identity }
}

impl Bed {
    async fn make(&self, name: &str) -> kernel::ProblemResult<PersonId> {
        let email = format!("{}@example.com", name.to_lowercase());
        let new = NewPerson { name: name.to_owned(), email, role: Role::Member };
        self.identity.make_person(Actor::Admin, &new, &Secret::new("correct horse")).await
    }

    /// Type, subject and payload of everything that was said, oldest first.
    async fn log(&self) -> Vec<(String, Option<String>, Value)> {
        let rows = self.events.list(Query { limit: 200, after: Some(0), ..Query::default() }).await.expect("listed");
        let mut log = Vec::new();
        for row in rows {
            let event = self.events.find(row.position).await.expect("read").expect("there");
            log.push((event.kind, event.subject, serde_json::from_str(&event.data).expect("JSON")));
        }
        log
    }

    async fn people(&self) -> i64 {
        let identity = self.identity.clone();
        let count: Result<i64, store::StoreError> =
            self.store.read(async move |tx| identity.how_many_people(tx).await).await;
        count.expect("counted")
    }
}

#[tokio::test]
async fn everything_that_becomes_of_a_person_is_said_once_in_order_and_without_their_address() {
    let mut registry = Registry::default();
    host::people::declare(&mut registry);
    let bed = bed(registry).await;
    let ada = bed.make("Ada").await.expect("made");
    bed.make("Ada").await.expect_err("the address is somebody's, and nothing is said");
    bed.identity.ban(Actor::Admin, ada, None, "she wrote to eve@example.com").await.expect("banned");
    for _ in 0..2 {
        bed.identity.unban(Actor::Admin, ada).await.expect("unbanned");
    }
    bed.identity.ban(Actor::Admin, ada, Some(1_800_000_000_000), "").await.expect("banned");
    bed.identity.delete_person(Actor::Admin, ada).await.expect("deleted");
    bed.identity.delete_person(Actor::Admin, ada).await.expect_err("once");
    let log = bed.log().await;
    let who = ada.to_string();
    let expected = [
        ("user.registered", json!({ "person": who, "role": "member", "by": "administrator" })),
        ("user.banned", json!({ "person": who })),
        ("user.unbanned", json!({ "person": who })),
        ("user.banned", json!({ "person": who, "until_ms": 1_800_000_000_000_i64 })),
        ("user.deleted", json!({ "person": who })),
    ];
    let expected: Vec<_> = expected.map(|(kind, data)| (kind.to_owned(), Some(who.clone()), data)).into();
    assert_eq!(log, expected);
    let text = format!("{log:?}");
    assert!(!text.contains("example.com") && !text.contains("Ada"), "{text}");
}

#[tokio::test]
async fn who_joins_by_an_invitation_is_told_as_such() {
    let mut registry = Registry::default();
    host::people::declare(&mut registry);
    let bed = bed(registry).await;
    let (_, token) = bed.identity.invite(Actor::Admin, Role::Admin, "").await.expect("made");
    let body =
        json!({ "name": "Eve", "email": "eve@example.com", "password": "correct horse", "invitation": token.expose() });
    let request = http::Request::post("/api/v1/people/register").header("content-type", "application/json");
    let router = identity::routes(bed.identity.clone()).split_for_parts().0;
    let request = request.body(axum::body::Body::from(body.to_string())).expect("a request");
    let response: http::Response<axum::body::Body> =
        tower::ServiceExt::oneshot(router, request).await.expect("answered");
    assert_eq!(response.status(), 202);
    let [(kind, subject, data)] = bed.log().await.try_into().expect("one");
    assert_eq!((kind.as_str(), subject.as_deref()), ("user.registered", data["person"].as_str()));
    assert_eq!((&data["role"], &data["by"]), (&json!("admin"), &json!("invitation")));
}

#[tokio::test]
async fn what_cannot_be_written_down_does_not_happen() {
    // A log that knows nothing of people.
    let bed = bed(Registry::default()).await;
    assert_eq!(bed.make("Ada").await.expect_err("not made").status(), 500);
    assert_eq!((bed.people().await, bed.log().await.len()), (0, 0));
}
