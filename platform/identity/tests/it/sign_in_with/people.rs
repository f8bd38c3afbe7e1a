//! Who comes by an issuer, who does not, and what is never opened by its word.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use identity::Role;
use identity::people::{Actor, Annals, Registration, Turn, Untold, Way};
use kernel::PersonId;
use serde_json::json;
use store::Tx;

use super::{House, is_refused, location};
use crate::support::PASSWORD;

#[tokio::test]
async fn an_address_opens_no_account() {
    let house = House::new().await;
    let ada = house.bed.person("Ada", Role::Admin).await;
    house.corp.knows(&json!({"sub": "mallory", "name": "Ada", "email": "ada@example.com", "email_verified": true}));
    let me = house.me(&house.sign_in().await).await;
    assert_ne!(me["id"], ada.to_string());
    assert_eq!((&me["role"], &me["email"]), (&json!("member"), &json!(null)), "the address stays Ada's alone");
    assert_eq!(house.bed.sign_in_as("ada@example.com", PASSWORD, "").await.json()["person"]["id"], ada.to_string());
    // Who came so has no password to guess at.
    assert_eq!(house.bed.sign_in_as("mallory", "", "").await.status, 401);
}

#[tokio::test]
async fn who_comes_in_many_browsers_at_once_is_one_person() {
    let house = House::new().await;
    let begun = join_all((0..6).map(|_| house.begin())).await;
    let answers = join_all(begun.iter().map(|begun| house.finish(begun))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 303),
        "{:?}",
        answers.iter().map(|it| it.status).collect::<Vec<_>>()
    );
    assert_eq!(house.everybody().await.len(), 1);
}

#[tokio::test]
async fn unless_it_is_said_nobody_comes_without_an_invitation() {
    let mut house = House::with(json!({"who": "invited"})).await;
    assert!(is_refused(&house.finish(&house.begin().await).await));
    assert!(house.everybody().await.is_empty());
    let (_, token) = house.bed.identity.invite(Actor::Admin, Role::Admin, "").await.expect("made");
    let join = format!("/join/{}", token.expose());
    let page = house.bed.send("GET", &join, &[]).await.text;
    assert!(page.contains(&format!("href=\"{join}/with/corp\">Join with Example &lt;corp&gt;</a>")), "{page}");
    let begun = house.begin_at(&format!("{join}/with/corp"), &house.corp).await;
    let come = house.finish(&begun).await;
    assert_eq!((come.status.as_u16(), location(&come)), (303, "/"), "{}", come.text);
    assert_eq!(house.me(&come.cookies()).await["role"], "admin", "what the invitation gives");
    assert_eq!(house.me(&house.sign_in().await).await["role"], "admin", "from then on without one");

    // It is used up, and a wrong one makes nobody.
    house.corp.knows(&json!({"sub": "bob"}));
    for path in [join.as_str(), "/join/00", "/join/%3Cb%3E"] {
        let begun = house.begin_at(&format!("{path}/with/corp"), &house.corp).await;
        assert!(is_refused(&house.finish(&begun).await), "{path}");
    }
    assert!(!house.bed.send("GET", "/join/%22%3E%3Cb%3E", &[]).await.text.contains("/with/corp"));

    // Where nobody may register, no invitation helps.
    let (_, token) = house.bed.identity.invite(Actor::Admin, Role::Member, "").await.expect("made");
    house.bed.identity = house.bed.identity.clone().registering(Registration::Closed);
    let path = format!("/join/{}/with/corp", token.expose());
    assert!(is_refused(&house.finish(&house.begin_at(&path, &house.corp).await).await));
    assert_eq!(house.everybody().await.len(), 1);
}

#[tokio::test]
async fn of_a_domain_are_those_whose_address_the_issuer_confirmed() {
    let house = House::with(json!({"who": "domains", "domains": ["Example.org"]})).await;
    let person = |email: &str| json!({"sub": "ada", "email": email, "email_verified": true});
    for wrong in [
        json!({"sub": "ada"}),
        json!({"sub": "ada", "email": "ada@example.org"}),
        json!({"sub": "ada", "email": "ada@example.org", "email_verified": false}),
        json!({"sub": "ada", "email": "ada@example.org", "email_verified": "true"}),
        person("ada@example.com"),
        person("ada@sub.example.org"),
        person("ada@example.org.evil.example"),
        person("ada@evil.example@example.org"),
        person("@example.org"),
        person("example.org"),
    ] {
        house.corp.knows(&wrong);
        assert!(is_refused(&house.finish(&house.begin().await).await), "{wrong}");
    }
    assert!(house.everybody().await.is_empty());
    house.corp.knows(&person("Ada@EXAMPLE.org"));
    house.sign_in().await;
    house.corp.knows(&person("ada@elsewhere.example"));
    assert!(is_refused(&house.finish(&house.begin().await).await), "who has left does not come again");
}

#[tokio::test]
async fn who_is_banned_or_gone_is_told_so() {
    let house = House::new().await;
    let cookies = house.sign_in().await;
    let id: PersonId = house.me(&cookies).await["id"].as_str().expect("an id").parse().expect("an id");
    let under_way = house.begin().await;
    house.bed.identity.ban(Actor::Admin, id, None, "secret reason").await.expect("banned");
    assert_eq!(house.bed.get(&cookies, "/api/v1/me").await, 401);
    let answer = house.finish(&house.begin().await).await;
    assert!(is_refused(&answer) && answer.text.contains("This account is banned."), "{}", answer.text);
    assert!(!answer.text.contains("secret reason"));
    house.bed.identity.unban(Actor::Admin, id).await.expect("done");
    let answer = house.finish(&under_way).await;
    assert!(is_refused(&answer) && answer.text.contains("signed out everywhere"), "{}", answer.text);
    house.bed.clock.advance(1);
    house.sign_in().await;
    house.bed.identity.delete_person(Actor::Admin, id).await.expect("deleted");
    let answer = house.finish(&house.begin().await).await;
    assert!(is_refused(&answer) && answer.text.contains("deleted"), "{}", answer.text);
    assert!(house.everybody().await.is_empty());
}

#[tokio::test]
async fn while_the_doors_are_closed_nobody_new_comes() {
    let house = House::new().await;
    house.sign_in().await;
    let identity = house.bed.identity.clone();
    let close = async move |tx: &mut Tx| identity.let_join(tx, Actor::Admin, false).await;
    house.bed.store.write(close).await.expect("closed");
    house.sign_in().await;
    house.corp.knows(&json!({"sub": "bob"}));
    let answer = house.finish(&house.begin().await).await;
    assert!(is_refused(&answer) && answer.text.contains("closed the doors"), "{}", answer.text);
}

/// Keeps what it is told, or refuses it.
struct Log {
    turns: Mutex<Vec<Turn>>,
    full: bool,
}

impl Annals for Log {
    fn write<'a>(&'a self, _: &'a mut Tx, _: PersonId, turn: Turn) -> LocalBoxFuture<'a, Result<(), Untold>> {
        let written = if self.full { Err(Untold::Log("the log is full".into())) } else { Ok(()) };
        self.turns.lock().expect("a lock").push(turn);
        async move { written }.boxed_local()
    }
}

#[tokio::test]
async fn who_comes_is_written_down_or_does_not_come() {
    for full in [false, true] {
        let house = House::new().await;
        let log = Arc::new(Log { turns: Mutex::default(), full });
        house.bed.identity.written_down_by(log.clone());
        let answer = house.finish(&house.begin().await).await;
        assert_eq!(answer.status.as_u16(), if full { 500 } else { 303 });
        let expected = Turn::Registered { role: Role::Member, way: Way::Issued };
        assert_eq!(*log.turns.lock().expect("a lock"), [expected]);
        assert_eq!(house.everybody().await.len(), usize::from(!full));
        if !full {
            house.sign_in().await;
            assert_eq!(log.turns.lock().expect("a lock").len(), 1, "once");
        }
    }
}
