//! Our own tokens: what is in them, what they are good for, and until when.

use std::time::Duration;

use identity::tokens::{Purpose, Refusal, Unissued};
use kernel::Problem;
use serde_json::{Value, json};

use super::{Deployment, START_MS, issue, issue_with, kid, members, part, verdict};

#[tokio::test]
async fn a_token_says_what_it_was_made_with() {
    let bed = Deployment::new();
    let token = issue_with(&bed.tokens, "ann", json!({"channels": ["a"], "info": {"name": "Ann"}})).await;
    let claims = bed.read(&bed.tokens, &token).await.expect("good");
    assert_eq!((claims.subject.as_str(), claims.issuer.as_str()), ("ann", bed.tokens.issuer()));
    assert_eq!((claims.issued_at_ms, claims.expires_at_ms), (Some(START_MS), START_MS + 15 * 60_000));
    assert_eq!(Value::Object(claims.rest), json!({"channels": ["a"], "info": {"name": "Ann"}}));
    let header = part(&token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    let another = bed.read(&bed.tokens, &issue(&bed.tokens, "ann").await).await.expect("good");
    assert_ne!(another.id.expect("a name"), claims.id.expect("a name"), "each has a name of its own");
}

#[tokio::test]
async fn a_token_is_good_from_its_beginning_to_its_end() {
    let bed = Deployment::new();
    let token = issue(&bed.tokens, "ann").await;
    let end_ms = START_MS + 15 * 60_000;
    for (now_ms, expected) in [
        (START_MS - 30_000, "good"),
        (START_MS - 30_001, "bad"),
        (end_ms + 29_999, "good"),
        (end_ms + 30_000, "expired"),
        (i64::MAX, "expired"),
        (i64::MIN, "bad"),
    ] {
        assert_eq!(verdict(&bed.tokens.verify(&token, now_ms).await), expected, "at {now_ms}");
    }
}

#[tokio::test]
async fn no_token_is_made_that_would_not_be_read() {
    let bed = Deployment::new();
    let quarter = Duration::from_mins(15);
    let long = "a".repeat(256);
    for (sub, ttl, extra) in [
        ("ann", Duration::ZERO, json!({})),
        ("ann", Duration::from_millis(999), json!({})),
        ("ann", quarter + Duration::from_millis(1), json!({})),
        ("ann", Duration::MAX, json!({})),
        ("", quarter, json!({})),
        (long.as_str(), quarter, json!({})),
        ("a\nb", quarter, json!({})),
        ("ann", quarter, json!({"exp": 9_999_999_999_u64})),
        ("ann", quarter, json!({"sub": "root"})),
        ("ann", quarter, json!({"aud": "mainspring:subscription"})),
        ("ann", quarter, json!({"iss": "me"})),
        ("ann", quarter, json!({"nbf": 1})),
        ("ann", quarter, json!({"jti": "1"})),
        ("ann", quarter, json!({"info": "a".repeat(8 * 1024)})),
    ] {
        let made = bed.tokens.issue(sub, ttl, members(extra)).await;
        assert!(matches!(made, Err(Unissued::Wrong(_))), "{sub:?} for {ttl:?}: {made:?}");
    }
    let longest = issue(&bed.tokens, &"é".repeat(127)).await;
    assert_eq!(verdict(&bed.read(&bed.tokens, &longest).await), "good");
}

#[tokio::test]
async fn a_token_for_one_thing_is_good_for_no_other() {
    let bed = Deployment::new();
    let channel = bed.tokens.meant_for(Purpose::Subscription);
    let (access, subscription) = (issue(&bed.tokens, "ann").await, issue(&channel, "ann").await);
    assert_eq!(kid(&access), kid(&subscription), "one key signs both");
    for (tokens, token, expected) in [
        (&bed.tokens, &access, "good"),
        (&channel, &subscription, "good"),
        (&bed.tokens, &subscription, "bad"),
        (&channel, &access, "bad"),
    ] {
        assert_eq!(verdict(&bed.read(tokens, token).await), expected);
    }
}

#[tokio::test]
async fn a_deployment_takes_no_tokens_of_another() {
    let (bed, other) = (Deployment::new(), Deployment::new());
    let token = issue(&other.tokens, "ann").await;
    assert_eq!(verdict(&bed.read(&bed.tokens, &token).await), "bad");
    assert_ne!(bed.tokens.issuer(), other.tokens.issuer());
    assert!(other.tokens.is_named_by(&token) && !bed.tokens.is_named_by(&token));
    for no_token in ["", "a.b.c", "msk_0123", "e30.e30."] {
        assert!(!bed.tokens.is_named_by(no_token), "{no_token}");
    }
    let beside = bed.beside();
    assert_eq!(beside.issuer(), bed.tokens.issuer(), "processes of one deployment are one issuer");
}

#[tokio::test]
async fn whoever_cannot_use_a_token_hears_what_to_do() {
    let bed = Deployment::new();
    let token = issue(&bed.tokens, "ann").await;
    let late = bed.tokens.verify(&token, i64::MAX).await.expect_err("late");
    let bad = bed.tokens.verify("a.b.c", START_MS).await.expect_err("bad");
    let away = Refusal::Unknown(std::sync::Arc::new(std::io::Error::other("password=hunter2")));
    for (refusal, status, code) in
        [(late, 401, "token_expired"), (bad, 401, "unauthorized"), (away, 503, "unavailable")]
    {
        let problem = Problem::from(refusal);
        assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
        assert!(!problem.detail().contains("hunter2"));
    }
}
