//! Sessions: what a cookie says, how long it is believed, how it ends.

use identity::Caller;

use crate::support::Bed;

const THIRTY_DAYS_MS: i64 = 30 * 86_400_000;

#[tokio::test]
async fn the_cookie_is_for_this_site_and_not_for_scripts() {
    let bed = Bed::new();
    let answer = bed.enter(&bed.link().await).await;
    let attributes: Vec<_> = answer.set_cookie().split("; ").skip(1).collect();
    assert_eq!(attributes, ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=2592000"]);
    assert!(answer.headers["set-cookie"].is_sensitive(), "whoever prints headers does not print this one");
    assert_eq!(answer.session().len(), 64);
    for (proto, secure) in
        [("https", true), ("HTTPS", true), ("https, http", true), ("http", false), ("http, https", false), ("", false)]
    {
        let path = format!("/console/enter/{}", bed.link().await);
        let answer = bed.send("POST", &path, &[("x-forwarded-proto", proto)]).await;
        assert_eq!(answer.set_cookie().split("; ").any(|attribute| attribute == "Secure"), secure, "{proto}");
    }
}

#[tokio::test]
async fn a_session_lasts_thirty_days() {
    let bed = Bed::new();
    let session = bed.sign_in().await;
    bed.clock.advance(THIRTY_DAYS_MS);
    assert_eq!(bed.status_of(&session).await, 200);
    bed.clock.advance(1);
    assert_eq!(bed.status_of(&session).await, 401);
    let fresh = bed.sign_in().await;
    assert_eq!((bed.status_of(&fresh).await, bed.status_of(&session).await), (200, 401));
}

#[tokio::test]
async fn whatever_is_no_session_is_nobody() {
    let bed = Bed::new();
    let session = bed.sign_in().await;
    let link = bed.link().await;
    let mut near = session.clone().into_bytes();
    near[63] = if near[63] == b'0' { b'1' } else { b'0' };
    let near = String::from_utf8(near).expect("text");
    let upper = session.to_uppercase();
    for token in [
        "",
        "x",
        &session[..63],
        &format!("{session}0"),
        &near,
        &link,
        &"0".repeat(64),
        &"0".repeat(10_000),
        &format!("\"{session}\""),
    ] {
        assert_eq!(bed.status_of(token).await, 401, "{token}");
        assert_eq!(bed.identity.caller(token).await.expect("asked"), Caller::Anonymous);
    }
    assert!(upper == session || bed.status_of(&upper).await == 401);
    for cookie in [
        format!("session={session}"),
        format!("xmainspring_session={session}"),
        format!("mainspring_session_x={session}"),
        format!("mainspring_session {session}"),
        format!("other=mainspring_session={session}"),
    ] {
        assert_eq!(bed.status_with(&cookie).await, 401, "{cookie}");
    }
    for cookie in [
        format!("a=b; mainspring_session={session}; c=d"),
        format!("a=b;mainspring_session={session}"),
        format!("mainspring_session_x=1; mainspring_session={session}"),
    ] {
        assert_eq!(bed.status_with(&cookie).await, 200, "{cookie}");
    }
    let bytes = axum::http::HeaderValue::from_bytes(b"mainspring_session=\xff\xfe").expect("a value");
    let headers = [(axum::http::header::COOKIE, bytes)].into_iter().collect();
    assert_eq!(bed.identity.caller_of(&headers).await, Caller::Anonymous);
}

#[tokio::test]
async fn ending_a_session_ends_this_one_only() {
    let bed = Bed::new();
    let (mine, other) = (bed.sign_in().await, bed.sign_in().await);
    let cookie = format!("mainspring_session={mine}");
    let without = bed.send("POST", "/api/v1/session/end", &[("cookie", &cookie)]).await;
    assert_eq!((without.status.as_u16(), bed.status_of(&mine).await), (403, 200), "another site's form ends nothing");
    let ended = bed.send("POST", "/api/v1/session/end", &[("cookie", &cookie), ("x-mainspring-console", "1")]).await;
    assert_eq!(ended.status, 204);
    assert_eq!(ended.set_cookie(), "mainspring_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert_eq!((bed.status_of(&mine).await, bed.status_of(&other).await), (401, 200));
    let again = bed.send("POST", "/api/v1/session/end", &[("cookie", &cookie), ("x-mainspring-console", "1")]).await;
    assert_eq!(again.status, 401);
}
