//! The whole way, and where it leads.

use serde_json::json;

use super::{House, encoded, is_refused, location};
use crate::support::Bed;

#[tokio::test]
async fn a_person_signs_in_by_an_issuer() {
    let house = House::new().await;
    house.corp.knows(&json!({"sub": "ada", "name": "Ada", "email": "ada@example.com", "email_verified": true}));
    let page = house.bed.send("GET", "/sign-in?next=/chat%3Froom%3D1", &[]).await;
    let button =
        "<a class=\"with\" href=\"/sign-in/with/corp?next=%2Fchat%3Froom%3D1\">Sign in with Example &lt;corp&gt;</a>";
    assert!(page.text.contains(button) && !page.text.contains("<script"), "{}", page.text);

    let begun = house.bed.send("GET", "/sign-in/with/corp?next=%2Fchat%3Froom%3D1", &[]).await;
    let attributes: Vec<_> = begun.set_cookie().split("; ").skip(1).collect();
    assert_eq!(attributes, ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=600"]);
    assert!(begun.headers["set-cookie"].is_sensitive());
    let address = location(&begun);
    let redirect = encoded("http://us.example/sign-in/with/corp/callback").replace("%2E", ".").replace("%2D", "-");
    assert!(address.contains(&format!("redirect_uri={redirect}")), "{address}");
    let consent = house.corp.consent(address).expect("consent");
    let back = [("code", consent.code.as_str()), ("state", &consent.state), ("session_state", "theirs")];
    let come = house.back(&begun.cookies(), &back).await;
    assert_eq!((come.status.as_u16(), location(&come)), (303, "/chat?room=1"), "{}", come.text);
    let set: Vec<_> = come.headers.get_all("set-cookie").iter().map(|it| it.to_str().expect("text")).collect();
    assert!(set[0].starts_with("mainspring_session=p") && set[0].ends_with("Max-Age=2592000"), "{set:?}");
    assert!(set[1].starts_with("mainspring_signing_in=;") && set[1].contains("Max-Age=0"), "{set:?}");

    let me = house.me(&come.cookies()).await;
    assert_eq!((&me["name"], &me["email"], &me["role"]), (&json!("Ada"), &json!(null), &json!("member")));
    let sessions = house.bed.send("GET", "/api/v1/me/sessions", &[("cookie", &come.cookies())]).await.json();
    assert_eq!(sessions[0]["client"], "a browser");
    let again = house.me(&house.sign_in().await).await;
    assert_eq!((again["id"].clone(), house.everybody().await.len()), (me["id"].clone(), 1), "the same person");
}

#[tokio::test]
async fn each_sign_in_is_asked_for_otherwise() {
    let house = House::new().await;
    let (one, two) = (house.begin().await, house.begin().await);
    assert_ne!(one.consent.state, two.consent.state);
    let addresses = [
        house.bed.send("GET", "/sign-in/with/corp", &[]).await,
        house.bed.send("GET", "/sign-in/with/corp", &[]).await,
    ];
    for name in ["state=", "nonce=", "code_challenge="] {
        let [a, b] = [0, 1].map(|at| location(&addresses[at]).split(name).nth(1).expect("asked").split('&').next());
        assert_ne!(a, b, "{name}");
    }
    assert!(house.finish(&one).await.status == 303 && house.finish(&two).await.status == 303);
}

#[tokio::test]
async fn what_is_begun_leads_to_a_path_of_ours() {
    let house = House::new().await;
    let long = format!("/{}", "a".repeat(2_000));
    for (next, to) in [
        ("/chat", "/chat"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\/evil.example", "/"),
        ("/a\tb", "/"),
        ("/a\r\nset-cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
        ("evil.example", "/"),
        ("", "/"),
        (&long, "/"),
    ] {
        let path = format!("/sign-in/with/corp?next={}", encoded(next));
        let answer = house.finish(&house.begin_at(&path, &house.corp).await).await;
        assert_eq!((answer.status.as_u16(), location(&answer)), (303, to), "{next:?}");
        let page = house.bed.send("GET", &format!("/sign-in?next={}", encoded(next)), &[]).await.text;
        assert!(!page.contains("evil"), "{page}");
    }
}

#[tokio::test]
async fn what_an_issuer_refuses_is_said_in_our_words() {
    let house = House::new().await;
    for (error, words) in [
        ("access_denied", "did not let you in"),
        ("login_required", "sign in there first"),
        ("server_error", "at the moment"),
        ("<script>alert(1)</script>", "Tell an administrator"),
    ] {
        let begun = house.begin().await;
        let state = begun.consent.state.as_str();
        let back = [("error", error), ("error_description", "call +1 555 0100 now"), ("state", state)];
        let answer = house.back(&begun.cookies, &back).await;
        assert!(is_refused(&answer) && answer.text.contains(words), "{}", answer.text);
        assert!(!answer.text.contains("555") && !answer.text.contains("<script"), "{}", answer.text);
        assert!(is_refused(&house.finish(&begun).await), "an answer is used up, also one that is no");
    }
    assert_eq!((house.corp.exchanged(), house.everybody().await.len()), (0, 0));
}

#[tokio::test]
async fn an_issuer_that_is_away_or_odd_is_a_page_with_a_way_back() {
    let mut house = House::new().await;
    house.corp.documents("token_endpoint", json!("https://thief.example/token"));
    let odd = house.bed.send("GET", "/sign-in/with/corp", &[]).await;
    assert_eq!(odd.status, 502);
    assert!(odd.text.contains("href=\"/sign-in\"") && !odd.text.contains("thief"), "{}", odd.text);
    assert!(odd.headers.get("set-cookie").is_none());
    house.corp.documents("token_endpoint", json!(format!("{}/token", house.corp.url())));
    assert_eq!(house.bed.get("", "/sign-in/with/corp").await, 502, "it is not asked at once again");
    house.bed.clock.advance(kernel::limits::ISSUER_RETRY_MS);
    assert_eq!(house.bed.get("", "/sign-in/with/corp").await, 303);
    let nobody = json!({"name": "away", "issuer": "http://127.0.0.1:1", "client_id": "us"});
    house.signs_in_with(&[nobody]);
    assert_eq!(house.bed.get("", "/sign-in/with/away").await, 502);
    for path in ["/sign-in/with/corp", "/sign-in/with/corp/callback?code=a&state=b", "/sign-in/with/%00"] {
        assert_eq!(house.bed.get("", path).await, 404, "{path}");
    }
    let without = Bed::new();
    assert_eq!(without.get("", "/sign-in/with/corp").await, 404);
    assert!(!without.send("GET", "/sign-in", &[]).await.text.contains("class=\"or\""));
}

#[tokio::test]
async fn over_tls_cookies_are_bound_to_this_host_and_no_others_are_taken() {
    let mut house = House::new().await;
    house.bed.person("Eve", identity::Role::Member).await;
    let old = house.bed.browser_of("Eve").await;
    house.bed.identity = house.bed.identity.clone().reached_at("https://us.example");
    assert_eq!(house.me(&old).await["name"], "Eve", "what was given before is good");

    let host = ("host", "us.example");
    let planted = house.bed.send("GET", "/api/v1/me", &[host, ("cookie", &old)]).await;
    assert_eq!(planted.status.as_u16(), 401, "by TLS a neighbour could have set it");
    for (site, way) in [("cross-site", "/sign-in?next=%2F"), ("same-site", "/sign-in?next=%2F")] {
        let sent = house.bed.send("GET", "/sign-in/with/corp", &[host, ("sec-fetch-site", site)]).await;
        assert_eq!((location(&sent), sent.cookies().as_str()), (way, ""), "there the button is shown");
    }
    let begun = house.bed.send("GET", "/sign-in/with/corp", &[host]).await;
    assert!(
        begun.set_cookie().starts_with("__Host-mainspring_signing_in=") && begun.set_cookie().ends_with("; Secure")
    );
    let consent = house.corp.consent(location(&begun)).expect("consent");
    let path = format!("/sign-in/with/corp/callback?code={}&state={}", consent.code, consent.state);
    let unbound = begun.cookies().replace("__Host-", "");
    assert!(is_refused(&house.bed.send("GET", &path, &[host, ("cookie", &unbound)]).await), "a neighbour could set it");
    let cookies = format!("{}; {old}", begun.cookies());
    let come = house.bed.send("GET", &path, &[host, ("cookie", &cookies)]).await;
    let set: Vec<_> = come.headers.get_all("set-cookie").iter().map(|it| it.to_str().expect("text")).collect();
    assert!(set[0].starts_with("__Host-mainspring_session=p") && set[0].ends_with("; Secure"), "{set:?}");
    assert_eq!(set[1], "mainspring_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0", "the old one goes");
    let new = set[0].split(';').next().expect("a pair");

    // The bound one counts; signing out ends both, or the other would be shown next.
    let both = format!("{old}; {new}");
    assert_ne!(house.me(&both).await["name"], "Eve");
    let headers = [host, ("cookie", both.as_str()), ("x-mainspring-console", "1")];
    let ended = house.bed.send("POST", "/api/v1/session/end", &headers).await;
    assert_eq!((ended.status.as_u16(), ended.headers.get_all("set-cookie").iter().count()), (204, 2));
    assert_eq!((house.bed.get(new, "/api/v1/me").await, house.bed.get(&old, "/api/v1/me").await), (401, 401));

    // On this machine, beside the public address, names are as they were.
    let here = house.bed.send("GET", "/sign-in/with/corp", &[("host", "127.0.0.1:8080")]).await;
    assert!(here.set_cookie().starts_with("mainspring_signing_in=") && !here.set_cookie().contains("Secure"));
    let behind = house.bed.send("GET", "/sign-in/with/corp", &[("x-forwarded-proto", "https")]).await;
    assert!(behind.set_cookie().starts_with("__Host-"));
}
