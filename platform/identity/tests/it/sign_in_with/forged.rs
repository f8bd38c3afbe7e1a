//! What others have a browser bring, and what an issuer's word is not good for.

use futures_util::future::join_all;
use kernel::limits;
use serde_json::{Value, json};

use super::{House, is_refused, location, provider};

#[tokio::test]
async fn an_answer_is_good_once() {
    let house = House::new().await;
    let begun = house.begin().await;
    let answers = join_all((0..6).map(|_| house.finish(&begun))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 303 || is_refused(answer)));
    assert!(is_refused(&house.finish(&begun).await));
    assert_eq!(house.corp.exchanged(), 1, "the code was shown to the issuer once");
    // What was used is forgotten when it could not be good any more, and no sooner.
    house.bed.clock.advance(limits::SIGN_IN_ATTEMPT_MS);
    assert!(is_refused(&house.finish(&begun).await));
    house.begin().await;
    house.bed.clock.advance(3 * limits::SIGN_IN_ATTEMPT_MS);
    assert!(is_refused(&house.finish(&begun).await));
    assert_eq!(house.corp.exchanged(), 1);
}

#[tokio::test]
async fn an_answer_is_good_for_ten_minutes() {
    let house = House::new().await;
    let (one, two) = (house.begin().await, house.begin().await);
    house.bed.clock.advance(limits::SIGN_IN_ATTEMPT_MS);
    assert_eq!(house.finish(&one).await.status, 303);
    house.bed.clock.advance(1);
    assert!(is_refused(&house.finish(&two).await));
}

/// Login CSRF: somebody begins in their own browser, and has another one finish it.
#[tokio::test]
async fn an_answer_is_good_in_the_browser_that_began() {
    let house = House::new().await;
    let (mine, theirs) = (house.begin().await, house.begin().await);
    let (code, state) = (theirs.consent.code.as_str(), theirs.consent.state.as_str());
    let query = [("code", code), ("state", state)];
    let (last, changed) = mine.cookies.split_at(mine.cookies.len() - 2);
    let broken = format!("{last}{}", if changed == "AA" { "BB" } else { "AA" });
    for cookies in ["", mine.cookies.as_str(), &broken, "mainspring_signing_in=", "mainspring_signing_in=AAAA"] {
        assert!(is_refused(&house.back(cookies, &query).await), "{cookies}");
    }
    for state in ["", "x", &state[1..], &"0".repeat(64)] {
        assert!(is_refused(&house.back(&theirs.cookies, &[("code", code), ("state", state)]).await), "{state}");
    }
    for query in [vec![], vec![("code", code)], vec![("state", state), ("state", state), ("code", code)]] {
        assert!(is_refused(&house.back(&theirs.cookies, &query).await), "{query:?}");
    }
    assert_eq!(house.corp.exchanged(), 0);
    // None of it took the sign-in from its owner.
    assert_eq!(house.back(&theirs.cookies, &query).await.status, 303);
}

#[tokio::test]
async fn a_code_without_its_verifier_is_worth_nothing() {
    let house = House::new().await;
    let (mine, theirs) = (house.begin().await, house.begin().await);
    // A stolen code, in the thief's own sign-in.
    let injected = [("code", theirs.consent.code.as_str()), ("state", &mine.consent.state)];
    let answer = house.back(&mine.cookies, &injected).await;
    assert_eq!(answer.status, 502, "the issuer refuses it");
    assert!(!answer.text.contains(&theirs.consent.code) && house.everybody().await.is_empty());
    for code in ["", &"a".repeat(limits::SIGN_IN_CODE_BYTES + 1)] {
        let begun = house.begin().await;
        assert!(is_refused(&house.back(&begun.cookies, &[("code", code), ("state", &begun.consent.state)]).await));
    }
    assert_eq!(house.corp.exchanged(), 1);
}

#[tokio::test]
async fn an_identity_token_is_for_us_and_for_this_sign_in() {
    let house = House::new().await;
    let now_s = crate::support::START_MS / 1_000;
    for wrong in [
        json!({"nonce": "of another"}),
        json!({"nonce": null}),
        json!({"nonce": ["a"]}),
        json!({"aud": "another client"}),
        json!({"aud": null}),
        json!({"aud": ["mainspring", "another client"]}),
        json!({"aud": ["mainspring", "another client"], "azp": "another client"}),
        json!({"azp": "another client"}),
        json!({"azp": 7}),
        json!({"iss": "https://other.example"}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"exp": now_s - 31}),
        json!({"exp": null}),
        json!({"iat": now_s + 31}),
        json!({"iat": null}),
        json!({"nbf": now_s + 31}),
    ] {
        house.corp.knows(&wrong);
        let answer = house.finish(&house.begin().await).await;
        assert!(is_refused(&answer), "{wrong}: {} {}", answer.status, answer.text);
    }
    assert!(house.everybody().await.is_empty());
    house.corp.knows(&json!({"aud": ["mainspring", "another client"], "azp": "mainspring"}));
    assert_eq!(house.finish(&house.begin().await).await.status, 303);
}

#[tokio::test]
async fn a_key_of_another_issuer_signs_nothing_here() {
    let mut house = House::new().await;
    // It says to be the other one, publishes that one's keys, and signs with its own.
    let other = provider(2).await;
    house.corp.knows(&json!({"iss": other.url()}));
    assert!(is_refused(&house.finish(&house.begin().await).await));
    house.corp.knows(&json!({}));
    let settings = json!({
        "name": "corp", "issuer": house.corp.url(), "client_id": "mainspring", "who": "anybody",
        "client_secret": testkit::provider::CLIENT.1, "jwks_url": format!("{}/keys", other.url()),
    });
    house.signs_in_with(&[settings]);
    let answer = house.finish(&house.begin().await).await;
    assert!(is_refused(&answer), "{}", answer.text);
}

/// Mix-up: the browser was sent to one issuer, and comes back as from another.
#[tokio::test]
async fn an_answer_of_one_issuer_is_none_of_anothers() {
    let (house, other) = House::beside().await;
    let begun = house.begin().await;
    let query: Vec<_> = vec![("code", begun.consent.code.as_str()), ("state", begun.consent.state.as_str())];
    assert!(is_refused(&house.back_to("other", &begun.cookies, &query).await), "it was begun with corp");
    assert_eq!((house.corp.exchanged(), other.exchanged()), (0, 0), "the code was told to nobody");
    let with = |issuer: &'static str| [query.clone(), vec![("iss", issuer)]].concat();
    assert!(is_refused(&house.back(&begun.cookies, &with("https://other.example")).await));
    assert_eq!(house.corp.exchanged(), 0);

    // The same name of two issuers is two people.
    let at_other = house.begin_at("/sign-in/with/other", &other).await;
    let query = [("code", at_other.consent.code.as_str()), ("state", &at_other.consent.state), ("iss", other.url())];
    let come = house.back_to("other", &at_other.cookies, &query).await;
    assert_eq!(come.status, 303, "{}", come.text);
    let ids: [Value; 2] =
        [house.me(&come.cookies()).await["id"].clone(), house.me(&house.sign_in().await).await["id"].clone()];
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn an_issuer_that_says_who_it_is_says_it_each_time() {
    let house = House::new().await;
    house.corp.documents("authorization_response_iss_parameter_supported", json!(true));
    let begun = house.begin().await;
    assert!(is_refused(&house.finish(&begun).await));
    let begun = house.begin().await;
    let back = [("code", begun.consent.code.as_str()), ("state", &begun.consent.state), ("iss", house.corp.url())];
    assert_eq!(house.back(&begun.cookies, &back).await.status, 303);
}

#[tokio::test]
async fn a_session_that_somebody_planted_is_not_the_one_that_begins() {
    let house = House::new().await;
    house.bed.person("Eve", identity::Role::Member).await;
    let planted = house.bed.browser_of("Eve").await;
    let begun = house.begin().await;
    let cookies = format!("{}; {planted}", begun.cookies);
    let come = house.back(&cookies, &[("code", &begun.consent.code), ("state", &begun.consent.state)]).await;
    assert_eq!((come.status.as_u16(), location(&come)), (303, "/"));
    assert_ne!(house.me(&come.cookies()).await["name"], "Eve");
    assert_eq!(house.me(&planted).await["name"], "Eve", "and Eve has nothing of it");
}
