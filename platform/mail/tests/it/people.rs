//! Links that people get by mail: whoever asks learns nothing, and a link does one thing, once, for its owner.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use identity::people::{Actor, NewPerson, Registration};
use identity::{Caller, Identity, Role};
use jobs::state::State;
use kernel::{PersonId, Secret, limits};
use tower::ServiceExt;

use crate::support::{BASE_URL, Site};

const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

struct Answer {
    status: u16,
    text: String,
    cookies: String,
}

async fn send(identity: &Identity, path: &str, body: &str, cookies: &str) -> Answer {
    let json = body.starts_with('{');
    let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
    let request = Request::post(path).header("content-type", kind).header("cookie", cookies);
    let request = request.header("host", "evil.example").header("x-mainspring-console", "1");
    let mut request = request.body(Body::from(body.to_owned())).expect("a request");
    let caller = identity.caller_of(request.headers()).await;
    request.extensions_mut().insert::<Caller>(caller);
    let router = identity::routes(identity.clone()).split_for_parts().0;
    let response = router.oneshot(request).await.expect("answered");
    let (parts, body) = response.into_parts();
    let set = parts.headers.get_all("set-cookie").iter().filter_map(|it| it.to_str().ok()?.split(';').next());
    let cookies = set.collect::<Vec<_>>().join("; ");
    let text = String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).expect("text");
    Answer { status: parts.status.as_u16(), text, cookies }
}

async fn api(identity: &Identity, path: &str, body: &[(&str, &str)]) -> Answer {
    let fields: Vec<_> = body.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    send(identity, &format!("/api/v1{path}"), &format!("{{{}}}", fields.join(",")), "").await
}

async fn person(site: &Site, name: &str) -> PersonId {
    let email = format!("{}@example.com", name.to_lowercase());
    let new = NewPerson { name: name.to_owned(), email, role: Role::Member };
    site.identity.make_person(Actor::Admin, &new, &Secret::new(OLD)).await.expect("made")
}

/// The path of the link in the next letter, which is to this address.
async fn link(site: &mut Site, to: &str) -> String {
    let (_, text) = site.letter().await;
    assert!(text.contains(&format!("To: {to}\r\n")), "{text}");
    let plain = text.replace("=\r\n", "");
    let at = plain.find(BASE_URL).unwrap_or_else(|| panic!("a link of ours: {plain}"));
    let path = plain[at + BASE_URL.len()..].split(['\r', '"']).next().expect("a path");
    path.to_owned()
}

async fn signs_in(site: &Site, email: &str, password: &str) -> bool {
    api(&site.identity, "/session", &[("email", email), ("password", password)]).await.status == 200
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_once_and_old_sessions_end() {
    let mut site = Site::new().await;
    person(&site, "Ada").await;
    let browser = send(
        &site.identity,
        "/api/v1/session",
        &format!("{{\"email\":\"ada@example.com\",\"password\":\"{OLD}\"}}"),
        "",
    )
    .await;
    let asked = send(&site.identity, "/password", "email=ADA%40example.com", "").await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let path = link(&mut site, "ada@example.com").await;
    assert!(path.starts_with("/password/") && path.len() > 70, "{path}");
    let set = send(&site.identity, &path, &format!("password={}", NEW.replace(' ', "+")), "").await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert!(!signs_in(&site, "ada@example.com", OLD).await && signs_in(&site, "ada@example.com", NEW).await);
    let name = send(&site.identity, "/api/v1/me/sign-out", "", &browser.cookies).await;
    assert_eq!(name.status, 401, "the old session is over");
    let again = send(&site.identity, &path, "password=something+else", "").await;
    assert_eq!(again.status, 410, "{}", again.text);
}

#[tokio::test]
async fn an_address_that_is_nobodys_is_answered_alike_and_gets_nothing() {
    let mut site = Site::new().await;
    let ada = person(&site, "Ada").await;
    site.identity.ban(Actor::Admin, person(&site, "Bob").await, None, "").await.expect("banned");
    site.identity.delete_person(Actor::Admin, person(&site, "Cem").await).await.expect("deleted");
    let mut answers = Vec::new();
    for email in ["nobody@example.com", "bob@example.com", "cem@example.com", "ada@example.com"] {
        let answer = api(&site.identity, "/people/password-forgotten", &[("email", email)]).await;
        answers.push((answer.status, answer.text));
        site.job("mail.answer", State::Completed).await;
    }
    assert!(answers.iter().all(|answer| *answer == (202, String::new())), "{answers:?}");
    link(&mut site, "ada@example.com").await;
    site.job("mail.send", State::Completed).await;
    assert!(site.seen().is_empty(), "and nobody else: {ada}");
    assert_eq!(api(&site.identity, "/people/password-forgotten", &[("email", "a@b.c\\r\\nBcc: x")]).await.status, 400);
}

#[tokio::test]
async fn links_are_few_and_short_lived_and_the_newest_is_the_one() {
    let mut site = Site::new().await;
    person(&site, "Ada").await;
    let mut links = Vec::new();
    for _ in 0..limits::LETTERS_PER_ADDRESS {
        assert_eq!(
            api(&site.identity, "/people/password-forgotten", &[("email", "ada@example.com")]).await.status,
            202
        );
        links.push(link(&mut site, "ada@example.com").await);
    }
    for email in ["ada@example.com", "ada@example.com"] {
        let many = api(&site.identity, "/people/password-forgotten", &[("email", email)]).await;
        assert_eq!(many.status, 429, "{}", many.text);
    }
    for _ in 0..limits::LETTERS_PER_ADDRESS {
        assert_eq!(
            api(&site.identity, "/people/password-forgotten", &[("email", "who@example.com")]).await.status,
            202
        );
    }
    let unknown = api(&site.identity, "/people/password-forgotten", &[("email", "who@example.com")]).await;
    assert_eq!(unknown.status, 429, "as many of an address that is nobody's");
    let token = |link: &str| link.strip_prefix("/password/").expect("a link").to_owned();
    let set = async |link: &str| {
        api(&site.identity, "/people/password-reset", &[("token", &token(link)), ("password", NEW)]).await.status
    };
    assert_eq!(set(&links[0]).await, 410, "a newer one was sent");
    site.clock.advance(limits::LETTER_LINK_MS);
    assert_eq!(set(&links[2]).await, 204, "for an hour");
    assert_eq!(set(&links[2]).await, 410, "once");
    assert_eq!(api(&site.identity, "/people/password-forgotten", &[("email", "ada@example.com")]).await.status, 202);
    let late = link(&mut site, "ada@example.com").await;
    site.clock.advance(limits::LETTER_LINK_MS + 1);
    let token = token(&late);
    let body = [("token", token.as_str()), ("password", OLD)];
    assert_eq!(api(&site.identity, "/people/password-reset", &body).await.status, 410, "and not after");
}

async fn confirming() -> Site {
    let mut site = Site::new().await;
    site.identity = site.identity.clone().registering(Registration::Open).confirming(true);
    site
}

fn applicant<'a>(email: &'a str, password: &'a str) -> [(&'a str, &'a str); 3] {
    [("name", "Ada"), ("email", email), ("password", password)]
}

#[tokio::test]
async fn an_account_is_made_when_its_address_is_confirmed_by_whoever_chose_its_password() {
    let mut site = confirming().await;
    let typed = format!("name=Ada&email=ada%40example.com&password={}", OLD.replace(' ', "+"));
    let joined = send(&site.identity, "/join", &typed, "").await;
    assert_eq!((joined.status, joined.cookies.as_str()), (200, ""), "{}", joined.text);
    assert!(!signs_in(&site, "ada@example.com", OLD).await, "not yet");
    let path = link(&mut site, "ada@example.com").await;
    assert!(path.starts_with("/confirm/"), "{path}");
    // Whose address it is has not chosen this password: nothing happens for them.
    let other = send(&site.identity, &path, "password=something+else", "").await;
    assert_eq!(other.status, 401, "{}", other.text);
    assert!(!signs_in(&site, "ada@example.com", OLD).await);
    let confirmed = send(&site.identity, &path, &format!("password={}", OLD.replace(' ', "+")), "").await;
    assert_eq!(confirmed.status, 303, "{}", confirmed.text);
    assert!(confirmed.cookies.contains("mainspring_session="), "and is signed in");
    assert!(signs_in(&site, "ada@example.com", OLD).await);
    assert_eq!(send(&site.identity, &path, &format!("password={OLD}"), "").await.status, 410, "once");
}

#[tokio::test]
async fn a_link_that_confirms_waits_for_the_doors_to_open_again() {
    let mut site = confirming().await;
    let (identity, store) = (site.identity.clone(), site.store.clone());
    let turn = async |on: bool| {
        let ours = identity.clone();
        let turned = store.write(async move |tx| ours.let_join(tx, Actor::Admin, on).await).await;
        turned.expect("turned");
    };
    let applies = applicant("eve@example.com", NEW);
    turn(false).await;
    assert_eq!(api(&identity, "/people/register", &applies).await.status, 403);
    turn(true).await;
    assert_eq!(api(&identity, "/people/register", &applies).await.status, 202);
    let path = link(&mut site, "eve@example.com").await;
    turn(false).await;
    let typed = format!("password={}", NEW.replace(' ', "+"));
    assert_eq!(send(&identity, &path, &typed, "").await.status, 403);
    assert!(!signs_in(&site, "eve@example.com", NEW).await);
    turn(true).await;
    assert_eq!(send(&identity, &path, &typed, "").await.status, 303, "the link was not used up");
    assert!(signs_in(&site, "eve@example.com", NEW).await);
}

#[tokio::test]
async fn registering_an_address_that_has_an_account_is_answered_alike_and_tells_its_owner() {
    let mut site = confirming().await;
    person(&site, "Ada").await;
    for (email, leads) in [("ada@example.com", "/sign-in"), ("eve@example.com", "/confirm/")] {
        let answer = api(&site.identity, "/people/register", &applicant(email, NEW)).await;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{email}");
        let path = link(&mut site, email).await;
        assert!(path.starts_with(leads), "{path}");
    }
    assert!(signs_in(&site, "ada@example.com", OLD).await && !signs_in(&site, "ada@example.com", NEW).await);
}

#[tokio::test]
async fn of_two_who_register_one_address_the_one_who_confirms_has_it() {
    let mut site = confirming().await;
    let mut links = Vec::new();
    for password in [NEW, OLD] {
        assert_eq!(api(&site.identity, "/people/register", &applicant("ada@example.com", password)).await.status, 202);
        links.push(link(&mut site, "ada@example.com").await);
    }
    let confirm = async |link: &str, password: &str| {
        let token = link.strip_prefix("/confirm/").expect("a link");
        api(&site.identity, "/people/confirm", &[("token", token), ("password", password)]).await.status
    };
    assert_eq!(confirm(&links[0], OLD).await, 401, "that was chosen in the other one");
    assert_eq!(confirm(&links[1], OLD).await, 204);
    assert_eq!(confirm(&links[0], NEW).await, 410, "it is somebody's now");
    for guess in 0..limits::SIGN_IN_FAILURES {
        assert_eq!(confirm("/confirm/0000", "x").await, 410, "{guess}");
    }
    assert!(signs_in(&site, "ada@example.com", OLD).await && !signs_in(&site, "ada@example.com", NEW).await);
    // A link that waits too long, and guesses at one.
    assert_eq!(api(&site.identity, "/people/register", &applicant("eve@example.com", OLD)).await.status, 202);
    let eve = link(&mut site, "eve@example.com").await;
    let confirm = async |password: &str| {
        let token = eve.strip_prefix("/confirm/").expect("a link");
        api(&site.identity, "/people/confirm", &[("token", token), ("password", password)]).await.status
    };
    for _ in 0..limits::SIGN_IN_FAILURES {
        assert_eq!(confirm("a guess at it").await, 401);
    }
    assert_eq!(confirm(OLD).await, 429);
    site.clock.advance(limits::LETTER_LINK_MS + 1);
    assert_eq!(confirm(OLD).await, 410);
}

#[tokio::test]
async fn an_invitation_is_worth_what_its_maker_may_until_the_address_is_confirmed() {
    let mut site = Site::new().await;
    site.identity = site.identity.clone().confirming(true);
    let new = NewPerson { name: "Max".into(), email: "max@example.com".into(), role: Role::Admin };
    let max = site.identity.make_person(Actor::Admin, &new, &Secret::new(OLD)).await.expect("made");
    let register = async |identity: &Identity, email: &str, invitation: &str| {
        let body = [("name", "Ada"), ("email", email), ("password", NEW), ("invitation", invitation)];
        api(identity, "/people/register", &body).await.status
    };
    // Whoever has no invitation has no letters of anybody.
    for _ in 0..=limits::LETTERS_PER_ADDRESS {
        assert_eq!(register(&site.identity, "ada@example.com", "made-up").await, 410);
    }
    let mut links = Vec::new();
    for email in ["ada@example.com", "eve@example.com"] {
        let (_, token) = site.identity.invite(Actor::Person(max), Role::Admin, "").await.expect("made");
        assert_eq!(register(&site.identity, email, token.expose()).await, 202);
        links.push(link(&mut site, email).await.strip_prefix("/confirm/").expect("a link").to_owned());
    }
    let confirm =
        async |token: &str| api(&site.identity, "/people/confirm", &[("token", token), ("password", NEW)]).await.status;
    assert_eq!(confirm(&links[0]).await, 204);
    site.identity.ban(Actor::Admin, max, None, "").await.expect("banned");
    assert_eq!(confirm(&links[1]).await, 410, "and nobody is made an administrator by who is none");
    assert!(signs_in(&site, "ada@example.com", NEW).await && !signs_in(&site, "eve@example.com", NEW).await);
}

#[tokio::test]
async fn an_address_is_confirmed_by_who_opens_a_letter_to_it() {
    let mut site = Site::new().await;
    let ada = person(&site, "Ada").await;
    let store = site.store.clone();
    let shown = async |identity: &Identity| {
        let of = identity.clone();
        let asked: Result<bool, store::StoreError> =
            store.read(async move |tx: &mut store::Tx| of.is_address_confirmed(tx, ada).await).await;
        asked.expect("asked")
    };
    let token = site.identity.make_password_reset(Actor::Admin, ada).await.expect("made");
    let body = [("token", token.expose()), ("password", NEW)];
    assert_eq!(api(&site.identity, "/people/password-reset", &body).await.status, 204);
    assert!(!shown(&site.identity).await, "a link that came from an administrator says nothing of the address");
    assert!(shown(&site.identity.clone().confirming(true)).await, "where registering takes it everybody's is");
    api(&site.identity, "/people/password-forgotten", &[("email", "ada@example.com")]).await;
    let path = link(&mut site, "ada@example.com").await;
    let token = path.strip_prefix("/password/").expect("a link");
    assert_eq!(api(&site.identity, "/people/password-reset", &[("token", token), ("password", OLD)]).await.status, 204);
    assert!(shown(&site.identity).await);
}

#[tokio::test]
async fn what_was_asked_for_lies_closed_in_its_job() {
    let mut site = Site::new().await;
    person(&site, "Ada").await;
    api(&site.identity, "/people/password-forgotten", &[("email", "ada@example.com")]).await;
    link(&mut site, "ada@example.com").await;
    for kind in ["mail.answer", "mail.send"] {
        let shown = format!("{:?}", site.job(kind, State::Completed).await);
        assert!(!shown.contains("ada@example") && !shown.contains("/password/"), "{shown}");
    }
}
