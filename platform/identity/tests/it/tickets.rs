//! Tokens that open one channel: whose they are, and that they are good for nothing else.

use std::time::Duration;

use identity::people::Actor;
use identity::tokens::{Claims, Refusal, Unissued};
use identity::{Caller, Role};
use serde_json::{Map, Value, json};

use crate::bearer::{ISSUER, of_issuer, signed, token_of, trusting};
use crate::support::Bed;
use crate::tokens::members;

const MINUTE: Duration = Duration::from_secs(60);

async fn verdict(bed: &Bed, token: &str) -> String {
    match bed.identity.by_subscription_token(token).await {
        Ok(Claims { subject, rest, .. }) => format!("{subject} {}", rest["channel"]),
        Err(Refusal::Expired) => "expired".to_owned(),
        Err(Refusal::Bad(_)) => "bad".to_owned(),
        Err(Refusal::Unknown(_)) => "unknown".to_owned(),
    }
}

#[tokio::test]
async fn ours_opens_a_channel_and_is_no_key_to_anything_else() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await.to_string();
    let more = members(json!({ "client": "c", "expire_at": 0, "info": { "a": 1 } }));
    let made = bed.identity.subscription_token(&ada, "news:a", MINUTE, None, more.clone()).await.expect("made");
    let claims = bed.identity.by_subscription_token(made.expose()).await.expect("good");
    assert_eq!(claims.subject, ada);
    let said: Map<String, Value> = claims.rest.into_iter().filter(|(name, _)| name != "channel").collect();
    assert_eq!(said, more);
    assert!(matches!(bed.identity.by_token(made.expose()).await, Err(Refusal::Bad(_))), "nobody comes in by it");

    let access = token_of(&bed, &bed.browser_of("Ada").await).await;
    assert_eq!(verdict(&bed, &access).await, "bad", "and who comes in by another opens no channel by it");
    let (head, tail) = made.expose().rsplit_once('.').expect("a signature");
    let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
    assert_eq!(verdict(&bed, &forged).await, "bad");
    bed.clock.advance(60_000);
    assert_eq!(verdict(&bed, made.expose()).await, "expired", "without leeway");
    for (channel, more) in
        [("", json!({})), ("a", json!({ "channel": "b" })), ("a", json!({ "exp": 1 })), ("a", json!({ "key": 1 }))]
    {
        let wrong = bed.identity.subscription_token(&ada, channel, MINUTE, None, members(more)).await;
        assert!(matches!(wrong, Err(Unissued::Wrong(_))), "{channel}");
    }
}

#[tokio::test]
async fn an_issuers_is_for_somebody_who_has_come_before() {
    let mut bed = Bed::new();
    trusting(&mut bed);
    let ticket = |bed: &Bed| of_issuer(bed, "auth0|7", json!({ "channel": "news:a" }));
    assert_eq!(verdict(&bed, &ticket(&bed)).await, "bad", "nobody becomes a person by it");
    assert!(matches!(bed.identity.by_token(&ticket(&bed)).await, Err(Refusal::Bad(_))), "in no way");
    let (pass, _) = bed.identity.by_token(&of_issuer(&bed, "auth0|7", json!({}))).await.expect("good");
    let Caller::Person { id, .. } = pass.caller else { panic!("{pass:?}") };
    assert_eq!(verdict(&bed, &ticket(&bed)).await, format!("{id} \"news:a\""));
    for more in [json!({}), json!({ "channel": 7 }), json!({ "channel": null }), json!({ "channel": ["news:a"] })] {
        assert_eq!(verdict(&bed, &of_issuer(&bed, "auth0|7", more.clone())).await, "bad", "{more}");
    }
    let said =
        json!({ "iss": ISSUER, "aud": "mainspring", "sub": "auth0|7", "exp": 9_999_999_999_i64, "channel": "a" });
    assert_eq!(verdict(&bed, &signed("another secret of thirty-two bytes", &said)).await, "bad");

    let old = ticket(&bed);
    bed.identity.ban(Actor::Admin, id, None, "").await.expect("banned");
    assert_eq!(verdict(&bed, &old).await, "bad");
    bed.identity.unban(Actor::Admin, id).await.expect("done");
    assert_eq!(verdict(&bed, &old).await, "expired", "what was given out before is worth nothing");
}
