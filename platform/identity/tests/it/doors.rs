//! The pages by which people come in, as a browser without scripts sends them.

use identity::Role;
use identity::people::{Actor, Registration};

use crate::support::{Answer, Bed, PASSWORD};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post(bed: &Bed, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers: Vec<_> =
        [("content-type", FORM), ("host", "team.example")].into_iter().chain(headers.iter().copied()).collect();
    bed.send_body("POST", path, &headers, body).await
}

fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().expect("text")
}

#[tokio::test]
async fn a_browser_signs_in_and_goes_where_it_wanted_to_and_nowhere_else() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    let body = format!("email=ada%40example.com&password={}", PASSWORD.replace(' ', "+"));
    for (next, goes) in [
        ("", "/"),
        ("?next=/chat", "/chat"),
        ("?next=//evil.example", "/"),
        ("?next=https://evil.example", "/"),
        ("?next=/%5Cevil.example", "/"),
        ("?next=/%0d%0aset-cookie:x=y", "/"),
    ] {
        let answer = post(&bed, &format!("/sign-in{next}"), &[], &body).await;
        assert_eq!((answer.status.as_u16(), location(&answer)), (303, goes), "{next}");
        assert_eq!(bed.get(&answer.cookies(), "/api/v1/me").await, 200);
    }
    let wrong = post(&bed, "/sign-in", &[], "email=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&password=x").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text.contains("&quot;&gt;&lt;script&gt;") && !wrong.text.contains("<script"), "{}", wrong.text);
    assert!(wrong.headers["content-security-policy"].to_str().expect("text").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    let body = format!("email=ada%40example.com&password={}", PASSWORD.replace(' ', "+"));
    for (headers, status) in [
        (&[("sec-fetch-site", "cross-site")][..], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "https://team.example")], 303),
        (&[("sec-fetch-site", "same-origin"), ("origin", "https://team.example")], 303),
    ] {
        assert_eq!(post(&bed, "/sign-in", headers, &body).await.status, status, "{headers:?}");
    }
    let link = bed.identity.invite(Actor::Admin, Role::Member, "").await.expect("made").1;
    let cross = [("sec-fetch-site", "cross-site")];
    let join = format!("/join/{}", link.expose());
    assert_eq!(post(&bed, &join, &cross, "name=x&email=x%40example.com&password=correct+horse").await.status, 403);
}

#[tokio::test]
async fn somebody_joins_by_an_invitation_and_is_in() {
    let mut bed = Bed::new();
    let token = bed.identity.invite(Actor::Admin, Role::Member, "").await.expect("made").1;
    let join = format!("/join/{}", token.expose());
    let page = bed.send("GET", &join, &[]).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["referrer-policy"], "same-origin", "the link is a secret");
    let short = post(&bed, &join, &[], "name=Ada+L&email=ada%40example.com&password=short").await;
    assert_eq!(short.status, 400);
    assert!(
        short.text.contains("Ada L") && !short.text.contains("short\""),
        "what was typed is there still, but the password"
    );
    let joined = post(&bed, &join, &[], "name=Ada+L&email=ada%40example.com&password=correct+horse").await;
    assert_eq!((joined.status.as_u16(), location(&joined)), (303, "/"));
    assert_eq!(bed.get(&joined.cookies(), "/api/v1/me").await, 200);
    let again = post(&bed, &join, &[], "name=Eve&email=eve%40example.com&password=correct+horse").await;
    assert_eq!(again.status, 410);

    assert_eq!(bed.send("GET", "/join", &[]).await.status, 403);
    bed.registering(Registration::Open);
    assert_eq!(bed.send("GET", "/join", &[]).await.status, 200);
    let taken = post(&bed, "/join", &[], "name=Eve&email=ada%40example.com&password=another+horse").await;
    assert_eq!((taken.status.as_u16(), location(&taken)), (303, "/sign-in"), "hers already, and not told so");
    assert!(taken.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn a_new_password_is_set_by_the_page_of_a_link() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let token = bed.identity.make_password_reset(Actor::Admin, ada).await.expect("made");
    let path = format!("/password/{}", token.expose());
    assert_eq!(bed.send("GET", &path, &[]).await.status, 200, "looking uses nothing up");
    assert_eq!(post(&bed, &path, &[], "password=short").await.status, 400);
    assert_eq!(post(&bed, &path, &[], "password=another+horse").await.status, 200);
    assert_eq!(post(&bed, &path, &[], "password=a+third+horse").await.status, 410);
    assert_eq!(bed.sign_in_as("ada@example.com", "another horse", "").await.status, 200);
}
