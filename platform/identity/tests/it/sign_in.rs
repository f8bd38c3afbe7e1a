//! Signing in: nobody learns who is here, few guesses, and no stranger locks anybody out.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use identity::Role;
use identity::people::Actor;
use kernel::limits;
use serde_json::json;

use crate::rights::these;
use crate::support::{Bed, PASSWORD};

const WRONG: &str = "not the password";

#[tokio::test]
async fn a_person_signs_in_and_out_by_a_cookie_that_no_script_reads() {
    let bed = Bed::new();
    let id = bed.person("Ada", Role::Member).await;
    let answer = bed.sign_in_as(" ADA@example.com ", PASSWORD, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["person"]["id"], id.to_string());
    for cookie in answer.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().expect("text");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    }
    let cookies = answer.cookies();
    let me = bed.send("GET", "/api/v1/me", &[("cookie", &cookies)]).await.json();
    assert_eq!((&me["name"], &me["email"], &me["role"]), (&json!("Ada"), &json!("ada@example.com"), &json!("member")));
    assert!(!answer.text.contains("argon2") && !me.to_string().contains("argon2"));
    let forged = bed.send("POST", "/api/v1/session/end", &[("cookie", &cookies)]).await;
    assert_eq!(forged.status, 403, "a page of another site cannot sign anybody out");
    assert_eq!(bed.ask(&cookies, "POST", "/api/v1/session/end", &json!({})).await.status, 204);
    assert_eq!(bed.get(&cookies, "/api/v1/me").await, 401);
    assert_eq!(bed.get(&cookies, "/api/v1/session").await, 401);
}

#[tokio::test]
async fn a_member_is_no_administrator_and_an_administrator_by_link_is_no_person() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    bed.person("Eve", Role::Admin).await;
    let (member, admin) = (bed.browser_of("Ada").await, bed.browser_of("Eve").await);
    let link = format!("mainspring_session={}", bed.sign_in().await);
    for path in ["/api/v1/people", "/api/v1/keys", "/api/v1/invitations", &format!("/api/v1/people/{ada}")] {
        assert_eq!(bed.get(&member, path).await, 403, "{path}");
        assert_eq!(bed.get(&admin, path).await, 200, "{path}");
        assert_eq!(bed.get(&link, path).await, 200, "{path}");
        assert_eq!(bed.get("", path).await, 401, "{path}");
    }
    for path in ["/api/v1/me", "/api/v1/me/sessions"] {
        assert_eq!(
            (bed.get(&member, path).await, bed.get(&link, path).await, bed.get("", path).await),
            (200, 403, 401)
        );
    }
    // Every change, as a member, over every route there is.
    let changes = [
        ("POST", "/api/v1/people".to_owned()),
        ("PATCH", format!("/api/v1/people/{ada}")),
        ("DELETE", format!("/api/v1/people/{ada}")),
        ("PUT", format!("/api/v1/people/{ada}/ban")),
        ("DELETE", format!("/api/v1/people/{ada}/ban")),
        ("POST", format!("/api/v1/people/{ada}/sign-out")),
        ("POST", format!("/api/v1/people/{ada}/password-reset")),
        ("POST", "/api/v1/invitations".to_owned()),
        ("DELETE", "/api/v1/invitations/1".to_owned()),
        ("POST", "/api/v1/keys".to_owned()),
    ];
    for (method, path) in changes {
        let body = json!({ "role": "admin", "name": "x", "email": "x@example.com", "password": PASSWORD });
        assert_eq!(bed.ask(&member, method, &path, &body).await.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn a_wrong_address_is_answered_as_a_wrong_password() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    let mut answers = BTreeSet::new();
    for email in ["ada@example.com", "nobody@example.com", "no address", "", "\u{212a}@example.com"] {
        let answer = bed.sign_in_as(email, WRONG, "").await;
        assert!(answer.headers.get("set-cookie").is_none());
        answers.insert((answer.status, answer.text));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers.pop_first().expect("one").0, 401);
}

#[tokio::test]
async fn guesses_of_strangers_lock_out_strangers_only() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    let known = bed.browser_of("Ada").await;
    for _ in 0..limits::SIGN_IN_FAILURES {
        assert_eq!(bed.sign_in_as("ada@example.com", WRONG, "").await.status, 401);
    }
    let locked = bed.sign_in_as("ada@example.com", PASSWORD, "").await;
    assert_eq!(locked.status, 429, "also with the right one: nothing is learned");
    let wait_s: i64 = locked.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=limits::SIGN_IN_WINDOW_MS / 1_000).contains(&wait_s), "{wait_s}");
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, &known).await.status, 200, "she was here before");
    let forged = known.replace("mainspring_device=", "mainspring_device=00");
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, &forged).await.status, 429);
    // Nobody's guesses are counted like anybody's, or it would show who is here.
    for _ in 0..limits::SIGN_IN_FAILURES {
        bed.sign_in_as("nobody@example.com", WRONG, "").await;
    }
    assert_eq!(bed.sign_in_as("nobody@example.com", WRONG, "").await.status, 429);
    bed.clock.advance(limits::SIGN_IN_WINDOW_MS);
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 200);
}

#[tokio::test]
async fn a_browser_that_knew_an_older_password_is_a_stranger() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let known = bed.browser_of("Ada").await;
    bed.identity.sign_out_everywhere(Actor::Admin, ada).await.expect("done");
    for _ in 0..limits::SIGN_IN_FAILURES {
        bed.sign_in_as("ada@example.com", WRONG, "").await;
    }
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, &known).await.status, 429);
}

#[tokio::test]
async fn the_browser_of_one_person_is_a_stranger_to_another() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    bed.person("Eve", Role::Member).await;
    let eve = bed.browser_of("Eve").await;
    for _ in 0..limits::SIGN_IN_FAILURES {
        bed.sign_in_as("ada@example.com", WRONG, "").await;
    }
    assert_eq!(bed.sign_in_as("ada@example.com", WRONG, &eve).await.status, 429);
}

#[tokio::test]
async fn of_guesses_that_come_together_each_is_counted() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    let guesses = join_all((0..24).map(|_| bed.sign_in_as("ada@example.com", WRONG, ""))).await;
    let looked_at = guesses.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(looked_at, usize::try_from(limits::SIGN_IN_FAILURES).expect("small"));
    assert!(guesses.iter().all(|answer| matches!(answer.status.as_u16(), 401 | 429)));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_not_this_one() {
    let bed = Bed::new();
    let id = bed.person("Ada", Role::Member).await;
    let (here, there) = (bed.browser_of("Ada").await, bed.browser_of("Ada").await);
    let change = |old: &str, new: &str| json!({ "old": old, "new": new });
    let path = "/api/v1/me/password";
    assert_eq!(bed.ask(&here, "POST", path, &change(WRONG, "another horse")).await.status, 403);
    assert_eq!(bed.ask(&here, "POST", path, &change(PASSWORD, "short")).await.status, 400);
    assert_eq!(bed.ask(&here, "POST", path, &change(PASSWORD, "ADA@example.com")).await.status, 400);
    assert_eq!(bed.get(&there, "/api/v1/me").await, 200, "nothing has changed yet");
    assert_eq!(bed.ask(&here, "POST", path, &change(PASSWORD, "another horse")).await.status, 204);
    assert_eq!((bed.get(&here, "/api/v1/me").await, bed.get(&there, "/api/v1/me").await), (200, 401));
    assert_eq!(bed.sign_in_as("ada@example.com", PASSWORD, "").await.status, 401);
    assert_eq!(bed.sign_in_as("ada@example.com", "another horse", "").await.status, 200);
    let sessions = bed.send("GET", "/api/v1/me/sessions", &[("cookie", &here)]).await.json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(2));
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(false), &json!(true)));
    let other = sessions[0]["id"].as_str().expect("an id");
    let eve = bed.person("Eve", Role::Member).await;
    assert_ne!(eve, id);
    let eve = bed.browser_of("Eve").await;
    let path = format!("/api/v1/me/sessions/{other}");
    assert_eq!(bed.ask(&eve, "DELETE", &path, &json!({})).await.status, 404, "another's is not there");
    assert_eq!(bed.ask(&here, "DELETE", &path, &json!({})).await.status, 204);
    assert_eq!(bed.ask(&here, "POST", "/api/v1/me/sign-out", &json!({})).await.status, 204);
    assert_eq!(bed.get(&here, "/api/v1/me").await, 401);
}

#[tokio::test]
async fn a_session_ends_by_itself_and_the_oldest_where_there_are_too_many() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let first = bed.browser_of("Ada").await;
    bed.clock.advance(30 * 86_400_000);
    assert_eq!(bed.get(&first, "/api/v1/me").await, 200, "to the last millisecond");
    bed.clock.advance(1);
    assert_eq!(bed.get(&first, "/api/v1/me").await, 401);
    let second = bed.browser_of("Ada").await;
    for _ in 1..limits::PERSON_SESSIONS {
        bed.browser_of("Ada").await;
    }
    assert_eq!(bed.get(&second, "/api/v1/me").await, 200);
    let mut changes = bed.identity.changes();
    changes.next().await;
    bed.browser_of("Ada").await;
    assert_eq!(changes.next().await, these(ada), "what the oldest has open ends too");
    assert_eq!(bed.get(&second, "/api/v1/me").await, 401);
}

#[tokio::test]
async fn a_person_is_renamed_by_themselves_and_nobody_else_is() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    let eve = bed.person("Eve", Role::Member).await;
    let ada = bed.browser_of("Ada").await;
    let renamed = bed.ask(&ada, "PATCH", "/api/v1/me", &json!({ "name": " Countess " })).await;
    assert_eq!((renamed.status.as_u16(), &renamed.json()["name"]), (200, &json!("Countess")));
    let hidden = json!({ "name": "a\u{202e}b" });
    let refused = bed.ask(&ada, "PATCH", "/api/v1/me", &hidden).await;
    assert_eq!((refused.status.as_u16(), refused.text.contains("/name")), (400, true), "{}", refused.text);
    let as_role = json!({ "name": "Ada", "role": "admin" });
    assert_eq!(bed.ask(&ada, "PATCH", "/api/v1/me", &as_role).await.status, 422, "nobody promotes themselves");
    let refused = bed.identity.rename(Actor::Person(eve), bed.person("Bob", Role::Member).await, "x").await;
    assert_eq!(refused.expect_err("refused").status(), 403);
}
