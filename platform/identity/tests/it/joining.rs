//! The switch that lets nobody come by themselves: every way in, nothing used up, and administrators go on.

use identity::people::{Actor, Registration};
use identity::tokens::Refusal;
use identity::{Identity, Role};
use kernel::Problem;
use serde_json::json;
use store::Tx;

use crate::bearer::{of_issuer, trusting};
use crate::support::Bed;

async fn turn(identity: &Identity, store: &store::Store, actor: Actor, on: bool) -> Result<(), Problem> {
    let ours = identity.clone();
    store.write(async move |tx: &mut Tx| ours.let_join(tx, actor, on).await).await
}

async fn people(bed: &Bed) -> i64 {
    let read = async |tx: &mut Tx| tx.one("SELECT COUNT(*) FROM people", &[]).await;
    let counted: Result<(i64,), store::StoreError> = bed.store.read(read).await;
    counted.expect("counted").0
}

#[tokio::test]
async fn every_way_in_is_closed_at_once_in_every_process_and_opens_again() {
    let mut bed = Bed::new();
    bed.registering(Registration::Open);
    trusting(&mut bed);
    let (_, invitation) = bed.identity.invite(Actor::Admin, Role::Admin, "").await.expect("made");
    let old = of_issuer(&bed, "old", json!({ "name": "Old" }));
    bed.identity.by_token(&old).await.expect("comes before");
    let beside = bed.beside();
    turn(&beside, &bed.store, Actor::Admin, false).await.expect("turned");

    let join = format!("/join/{}", invitation.expose());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let typed = "name=Ada&email=ada%40example.com&password=correct+horse";
    for path in ["/join", join.as_str()] {
        assert_eq!(bed.send("GET", path, &[]).await.status, 403, "{path}");
        assert_eq!(bed.send_body("POST", path, &form, typed).await.status, 403, "{path}");
    }
    let new = of_issuer(&bed, "new", json!({ "name": "New" }));
    assert!(matches!(bed.identity.by_token(&new).await, Err(Refusal::Bad(_))), "nobody new of an issuer");
    bed.identity.by_token(&old).await.expect("who was there before comes in");
    assert_eq!(people(&bed).await, 1);
    bed.person("Eve", Role::Member).await;
    assert_eq!(people(&bed).await, 2, "whom an administrator makes is made");

    turn(&bed.identity, &bed.store, Actor::Admin, true).await.expect("turned");
    assert_eq!(bed.send_body("POST", &join, &form, typed).await.status, 303, "the invitation was not used up");
    bed.identity.by_token(&new).await.expect("now there is one");
    assert_eq!(people(&bed).await, 4);
}

#[tokio::test]
async fn only_an_administrator_of_that_moment_turns_it() {
    let bed = Bed::new();
    let (ada, eve) = (bed.person("Ada", Role::Member).await, bed.person("Eve", Role::Admin).await);
    assert_eq!(turn(&bed.identity, &bed.store, Actor::Person(ada), false).await.expect_err("no").status(), 403);
    bed.identity.ban(Actor::Admin, eve, None, "").await.expect("banned");
    assert_eq!(turn(&bed.identity, &bed.store, Actor::Person(eve), false).await.expect_err("no").status(), 403);
    let ours = bed.identity.clone();
    let open: Result<bool, store::StoreError> = bed.store.read(async move |tx: &mut Tx| ours.may_join(tx).await).await;
    assert!(open.expect("read"));
}
