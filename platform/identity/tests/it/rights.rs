//! What is taken back is gone at once: in every process, in what was given on, and in a request that is still on its way.

use identity::people::{Actor, Changed, NewPerson, Registration};
use identity::{NewKey, Role, Scope};
use kernel::{PersonId, Secret, limits};
use serde_json::{Value, json};

use crate::support::{Bed, PASSWORD, send};

pub(crate) fn these(person: PersonId) -> Changed {
    Changed::These { actors: vec![Actor::Person(person)], grounds: Vec::new() }
}

fn applicant(email: &str, invitation: &str) -> Value {
    json!({ "name": "New", "email": email, "password": PASSWORD, "invitation": invitation })
}

async fn register(bed: &Bed, email: &str, invitation: &str) -> u16 {
    bed.ask("", "POST", "/api/v1/people/register", &applicant(email, invitation)).await.status.as_u16()
}

async fn invitation(bed: &Bed, actor: Actor) -> String {
    bed.identity.invite(actor, Role::Member, "").await.expect("made").1.expose().to_owned()
}

#[tokio::test]
async fn a_ban_ends_everything_everywhere_and_can_be_taken_back() {
    let bed = Bed::new();
    let (ada, other) = (bed.person("Ada", Role::Member).await, bed.beside());
    bed.person("Eve", Role::Admin).await;
    let (member, admin) = (bed.browser_of("Ada").await, bed.browser_of("Eve").await);
    let mut changes = other.changes();
    assert_eq!(changes.next().await, Changed::Everybody, "whatever was before");
    let path = format!("/api/v1/people/{ada}/ban");
    let banned = bed.ask(&admin, "PUT", &path, &json!({ "reason": "spam" })).await;
    assert_eq!((banned.status.as_u16(), &banned.json()["ban_reason"]), (200, &json!("spam")));
    assert_eq!(bed.get(&member, "/api/v1/me").await, 401);
    let router = identity::routes(other.clone()).split_for_parts().0;
    let there = send(router, &other, "GET", "/api/v1/me", &[("cookie", &member)]).await;
    assert_eq!(there.status, 401, "in another process too");
    assert_eq!(changes.next().await, these(ada));
    let again = bed.sign_in_as("ada@example.com", PASSWORD, "").await;
    assert_eq!((again.status.as_u16(), again.json()["code"].as_str()), (403, Some("banned")));
    assert_eq!(bed.sign_in_as("ada@example.com", "wrong", "").await.status, 401, "a stranger is not told");

    assert_eq!(bed.ask(&admin, "DELETE", &path, &json!({})).await.status, 204);
    assert_eq!(bed.get(&member, "/api/v1/me").await, 401, "what ended stays ended");
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 200);

    let until_ms = bed.clock.now_ms() + 1_000;
    assert_eq!(bed.ask(&admin, "PUT", &path, &json!({ "until_ms": until_ms })).await.status, 200);
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 403);
    bed.clock.advance(1_000);
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 200, "over by itself");
    assert_eq!(
        bed.ask(&admin, "PUT", &path, &json!({ "until_ms": until_ms })).await.status,
        400,
        "a time that is past"
    );
}

#[tokio::test]
async fn an_administrator_who_is_one_no_more_changes_nothing() {
    let bed = Bed::new();
    let (eve, ada) = (bed.person("Eve", Role::Admin).await, bed.person("Ada", Role::Member).await);
    let actor = Actor::Person(eve);
    assert_eq!(bed.identity.ban(actor, eve, None, "").await.expect_err("refused").code(), "ban_self");
    // The request was let in while she was one: what it writes asks again.
    for taken in ["role", "ban", "deleted"] {
        let it = &bed.identity;
        match taken {
            "role" => it.set_role(Actor::Admin, eve, Role::Member).await.expect("changed"),
            "ban" => {
                it.set_role(Actor::Admin, eve, Role::Admin).await.expect("changed");
                it.ban(Actor::Admin, eve, None, "").await.expect("banned");
            }
            _ => it.delete_person(Actor::Admin, eve).await.expect("deleted"),
        }
        let new = NewPerson { name: "Mallory".into(), email: "m@example.com".into(), role: Role::Admin };
        let key = NewKey { name: "x".into(), scopes: vec![Scope::JobsWork], expires_at_ms: None };
        let refused = [
            it.make_person(actor, &new, &Secret::new(PASSWORD)).await.map(drop),
            it.set_role(actor, ada, Role::Admin).await,
            it.set_role(actor, eve, Role::Admin).await,
            it.unban(actor, eve).await,
            it.delete_person(actor, eve).await,
            it.make_key(actor, &key).await.map(drop),
            it.revoke_key(actor, 1).await.map(drop),
            it.rename(actor, ada, "x").await,
            it.ban(actor, ada, None, "").await,
            it.unban(actor, ada).await,
            it.sign_out_everywhere(actor, ada).await,
            it.delete_person(actor, ada).await,
            it.make_password_reset(actor, ada).await.map(drop),
            it.invite(actor, Role::Admin, "").await.map(drop),
            it.uninvite(actor, 1).await.map(drop),
        ];
        for refused in refused {
            assert_eq!(refused.expect_err(taken).status(), 403, "{taken}");
        }
    }
    let ada = bed.identity.person(ada).await.expect("read").expect("there");
    assert_eq!((ada.name.as_str(), ada.role), ("Ada", Role::Member));
}

#[tokio::test]
async fn a_session_ends_with_the_role_it_was_opened_in() {
    let bed = Bed::new();
    let eve = bed.person("Eve", Role::Admin).await;
    let browser = bed.browser_of("Eve").await;
    let mut changes = bed.identity.changes();
    changes.next().await;
    bed.identity.set_role(Actor::Admin, eve, Role::Admin).await.expect("no change");
    bed.identity.rename(Actor::Person(eve), eve, "Eva").await.expect("renamed");
    assert_eq!(bed.get(&browser, "/api/v1/people").await, 200);
    let ada = bed.person("Ada", Role::Member).await;
    bed.identity.ban(Actor::Admin, ada, None, "").await.expect("banned");
    assert_eq!(changes.next().await, these(ada), "nothing that Eve has open ends by her name");
    bed.identity.set_role(Actor::Admin, eve, Role::Member).await.expect("changed");
    assert_eq!(bed.get(&browser, "/api/v1/people").await, 401);
}

#[tokio::test]
async fn an_invitation_makes_one_account_and_tells_nobody_who_is_here() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    assert_eq!(register(&bed, "new@example.com", "").await, 403, "nobody comes in uninvited");
    let token = invitation(&bed, Actor::Admin).await;
    assert_eq!(register(&bed, "no address", &token).await, 400, "what cannot be an account uses nothing up");
    assert_eq!(register(&bed, "new@example.com", &token).await, 202);
    assert_eq!(bed.sign_in_as("new@example.com", PASSWORD, "").await.status, 200);
    assert_eq!(register(&bed, "two@example.com", &token).await, 410, "once");

    let token = invitation(&bed, Actor::Admin).await;
    let mut taken = applicant("ada@example.com", &token);
    taken["password"] = json!("mallory's own");
    let answer = bed.ask("", "POST", "/api/v1/people/register", &taken).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""), "the same answer");
    assert_eq!(bed.sign_in_as("ada@example.com", "mallory's own", "").await.status, 401);
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 200);
    assert_eq!(register(&bed, "two@example.com", &token).await, 410, "asked once is used up");
    assert!(bed.identity.invitations().await.expect("read").is_empty());
    let (_, token) = bed.identity.invite(Actor::Admin, Role::Admin, "").await.expect("made");
    assert_eq!(register(&bed, "boss@example.com", token.expose()).await, 202);
    assert_eq!(bed.sign_in_as("boss@example.com", PASSWORD, "").await.json()["role"], "admin");
}

#[tokio::test]
async fn an_invitation_is_worth_no_more_than_its_makers_word() {
    let bed = Bed::new();
    let eve = bed.person("Eve", Role::Admin).await;
    let tokens = [invitation(&bed, Actor::Person(eve)).await, invitation(&bed, Actor::Person(eve)).await];
    bed.identity.set_role(Actor::Admin, eve, Role::Member).await.expect("changed");
    assert_eq!(register(&bed, "a@example.com", &tokens[0]).await, 410);
    bed.identity.set_role(Actor::Admin, eve, Role::Admin).await.expect("changed");
    assert_eq!(register(&bed, "a@example.com", &tokens[1]).await, 202);
    let late = invitation(&bed, Actor::Admin).await;
    bed.clock.advance(limits::INVITATION_MS + 1);
    assert_eq!(register(&bed, "b@example.com", &late).await, 410);
    let (id, token) = bed.identity.invite(Actor::Admin, Role::Admin, "for Bob").await.expect("made");
    assert!(bed.identity.uninvite(Actor::Admin, id).await.expect("written"));
    assert!(!bed.identity.uninvite(Actor::Admin, id).await.expect("written"));
    assert_eq!(register(&bed, "b@example.com", token.expose()).await, 410);
}

#[tokio::test]
async fn who_may_register_is_a_setting() {
    let mut bed = Bed::new();
    bed.registering(Registration::Open);
    assert_eq!(register(&bed, "a@example.com", "").await, 202);
    assert_eq!(bed.sign_in_as("a@example.com", PASSWORD, "").await.json()["role"], "member");
    bed.registering(Registration::Closed);
    let token = invitation(&bed, Actor::Admin).await;
    assert_eq!(register(&bed, "b@example.com", &token).await, 403);
}

#[tokio::test]
async fn a_reset_link_sets_one_password_and_ends_what_was_open() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let browser = bed.browser_of("Ada").await;
    let link = async || bed.identity.make_password_reset(Actor::Admin, ada).await.expect("made").expose().to_owned();
    let set = async |token: &str, password: &str| {
        let body = json!({ "token": token, "password": password });
        bed.ask("", "POST", "/api/v1/people/password-reset", &body).await.status.as_u16()
    };
    let (first, second) = (link().await, link().await);
    assert_eq!(set(&first, "short").await, 400, "uses nothing up");
    assert_eq!(set(&first, "Ada@Example.com").await, 400);
    for _ in 0..=limits::SIGN_IN_FAILURES {
        bed.sign_in_as("ada@example.com", "wrong", "").await;
    }
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 429);
    assert_eq!(set(&first, "a new password").await, 204);
    assert_eq!(bed.get(&browser, "/api/v1/me").await, 401);
    assert_eq!(set(&first, "a third password").await, 410);
    assert_eq!(set(&second, "a third password").await, 410, "one of two is enough");
    assert_eq!(bed.sign_in_as("ada@example.com", "a new password", "").await.status, 200);
    let eve = bed.person("Eve", Role::Admin).await;
    let hers = bed.identity.make_password_reset(Actor::Person(eve), ada).await.expect("made");
    bed.identity.set_role(Actor::Admin, eve, Role::Member).await.expect("changed");
    assert_eq!(set(hers.expose(), "a third password").await, 410, "worth no more than its maker's word");
    let late = link().await;
    bed.clock.advance(limits::PASSWORD_RESET_MS + 1);
    assert_eq!(set(&late, "a third password").await, 410);
    assert_eq!(set("", "a third password").await, 410);
}

#[tokio::test]
async fn a_deleted_person_is_nobody_and_their_address_is_free() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let browser = bed.browser_of("Ada").await;
    bed.identity.delete_person(Actor::Admin, ada).await.expect("deleted");
    assert_eq!(bed.get(&browser, "/api/v1/me").await, 401);
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 401);
    assert!(bed.identity.person(ada).await.expect("read").is_none());
    assert_eq!(bed.identity.rename(Actor::Admin, ada, "Ada").await.expect_err("gone").status(), 404);
    let profiles = bed.identity.profiles(&[ada]).await.expect("read");
    assert_eq!(profiles[0].name, "Deleted person", "what she wrote has an author still");
    assert!(bed.identity.find_people("", None, 10).await.expect("read").is_empty());
    assert_ne!(bed.person("Ada", Role::Member).await, ada);
}

#[tokio::test]
async fn many_profiles_are_read_at_once_and_who_comes_never_again_is_known() {
    let bed = Bed::new();
    let mut people = Vec::new();
    for name in ["Ada", "Eve", "Bob", "Cem", "Dan"] {
        people.push(bed.person(name, Role::Member).await);
    }
    people.sort_unstable();
    let [banned, barred, deleted, ..] = people[..] else { panic!("five people") };
    let until_ms = bed.clock.now_ms() + 1_000;
    bed.identity.ban(Actor::Admin, banned, Some(until_ms), "a while").await.expect("banned");
    bed.identity.ban(Actor::Admin, barred, None, "for ever").await.expect("banned");
    bed.identity.delete_person(Actor::Admin, deleted).await.expect("deleted");
    let nobody = PersonId::new(&bed.clock, &kernel::Entropy::system());
    let asked: Vec<PersonId> = people.iter().rev().chain([&people[0], &nobody]).copied().collect();
    let found = bed.identity.profiles(&asked).await.expect("read");
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), people, "each once");
    assert_eq!(bed.identity.gone(&asked).await.expect("read"), [barred, deleted]);
    assert!(bed.identity.profiles(&[]).await.expect("read").is_empty());
    assert!(bed.identity.gone(&[]).await.expect("read").is_empty());
}

#[tokio::test]
async fn lists_go_page_by_page_and_find_a_text_as_it_is_written() {
    let bed = Bed::new();
    let mut made = Vec::new();
    for name in ["Ada", "Eve_1", "Bob%", "eve21"] {
        let new = NewPerson { name: name.into(), email: format!("p{}@example.com", made.len()), role: Role::Member };
        bed.clock.advance(1);
        made.push(bed.identity.make_person(Actor::Admin, &new, &Secret::new(PASSWORD)).await.expect("made"));
    }
    let found = async |text: &str, before: Option<PersonId>, limit: usize| -> Vec<PersonId> {
        bed.identity.people(text, before, limit).await.expect("read").iter().map(|person| person.id).collect()
    };
    assert_eq!(found("", None, 3).await, [made[3], made[2], made[1]]);
    assert_eq!(found("", Some(made[1]), 3).await, [made[0]]);
    assert_eq!(found("EVE", None, 9).await, [made[3], made[1]]);
    assert_eq!(found("e_1", None, 9).await, [made[1]], "an underline is one");
    assert_eq!(found("%", None, 9).await, [made[2]]);
    assert_eq!(found("p0@", None, 9).await, [made[0]]);
    bed.identity.ban(Actor::Admin, made[0], None, "").await.expect("banned");
    let profiles = bed.identity.find_people("", None, 2).await.expect("read");
    assert_eq!(profiles.iter().map(|it| it.id).collect::<Vec<_>>(), [made[1], made[2]], "those who may act");
    assert!(
        bed.identity.find_people("p0@", None, 9).await.expect("read").is_empty(),
        "addresses are not for everybody"
    );
    for (text, of, those) in [
        ("", &made[..], &made[1..]),
        ("eve", &made[..3], &made[1..2]),
        ("e_1", &[made[3], made[1]][..], &made[1..2]),
        ("p1@", &made[..], &[][..]),
        ("", &[][..], &[][..]),
    ] {
        let (ours, of) = (bed.identity.clone(), of.to_vec());
        let among = bed.store.read(async move |tx| ours.find_among(tx, text, &of).await);
        let among: Vec<_> = among.await.expect("read").iter().map(|it| it.id).collect();
        assert_eq!(among, those, "{text}");
    }
    let taken = NewPerson { name: "x".into(), email: "P0@example.com".into(), role: Role::Member };
    let refused = bed.identity.make_person(Actor::Admin, &taken, &Secret::new(PASSWORD)).await;
    assert_eq!(refused.expect_err("taken").status(), 409);
}

#[tokio::test]
async fn a_process_that_was_away_for_long_asks_about_everybody() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let mut changes = bed.identity.changes();
    assert_eq!(changes.next().await, Changed::Everybody);
    bed.identity.sign_out_everywhere(Actor::Admin, ada).await.expect("written");
    assert_eq!(changes.next().await, these(ada));
    bed.clock.advance(limits::PERSON_CHANGES_MS);
    bed.identity.sign_out_everywhere(Actor::Admin, ada).await.expect("written");
    assert_eq!(changes.next().await, Changed::Everybody);
    for _ in 0..limits::PERSON_CHANGES_BATCH {
        bed.identity.sign_out_everywhere(Actor::Admin, ada).await.expect("written");
    }
    assert_eq!(changes.next().await, Changed::Everybody, "too many to name");
}
