//! Issuers that are away, slow, wrong or hostile.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use identity::issuers::Issuers;
use kernel::Clock;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::issuer::{Issuer, Signer, client, issuers};
use super::{MINUTE_MS, START_MS, verdict};

const HOUR_MS: i64 = 60 * MINUTE_MS;

async fn said(issuers: &Issuers, token: &str) -> &'static str {
    verdict(&issuers.verify(token).await)
}

#[tokio::test]
async fn a_new_key_is_found_and_forged_names_do_not_become_questions() {
    let (old, new) = (Signer::ed25519(1), Signer::ed25519(2));
    let issuer = Issuer::with(&[old.jwk("old")]).await;
    let (issuers, clock) = issuers(&[issuer.settings()]);
    assert_eq!(said(&issuers, &old.token(&issuer.url(), "old")).await, "good");
    issuer.publishes(&[old.jwk("old"), new.jwk("new")]);
    let token = new.token(&issuer.url(), "new");
    clock.advance(29_999);
    assert_eq!(said(&issuers, &token).await, "bad", "asked a moment ago");
    assert_eq!(issuer.asked().len(), 2);
    clock.advance(1);
    let all = join_all((0..20).map(|_| issuers.verify(&token))).await;
    assert!(all.iter().all(|read| verdict(read) == "good"), "one question, and all who wait hear its answer");
    assert_eq!(issuer.asked().len(), 4);
    for round in 0..4 {
        for forged in 0..25 {
            let token = old.token(&issuer.url(), &format!("{round}/{forged}"));
            assert_eq!(said(&issuers, &token).await, "bad");
        }
        clock.advance(10_000);
    }
    assert_eq!(issuer.asked().len(), 6, "a hundred forged names in 40 s are one question more");
    issuer.publishes(&[new.jwk("new")]);
    clock.advance(HOUR_MS);
    assert_eq!(said(&issuers, &token).await, "good");
    assert_eq!(said(&issuers, &old.token(&issuer.url(), "old")).await, "bad", "a key that is gone is gone");
}

#[tokio::test]
async fn an_issuer_that_is_away_is_believed_for_a_day() {
    let signer = Signer::ed25519(1);
    let issuer = Issuer::with(&[signer.jwk("a")]).await;
    let (issuers, clock) = issuers(&[issuer.settings()]);
    let token = signer.token(&issuer.url(), "a");
    assert_eq!(said(&issuers, &token).await, "good");
    issuer.answers_configuration(500, "", b"");
    clock.advance(HOUR_MS);
    for _ in 0..10 {
        assert_eq!(said(&issuers, &token).await, "good");
    }
    assert_eq!(issuer.asked().len(), 3, "it is not asked for every token");
    let unknown = said(&issuers, &signer.token(&issuer.url(), "b")).await;
    assert_eq!(unknown, "unknown", "perhaps it has a key of that name by now");
    clock.advance(24 * HOUR_MS - 1);
    assert_eq!(said(&issuers, &token).await, "good");
    clock.advance(1);
    assert_eq!(said(&issuers, &token).await, "unknown");
    issuer.answers_configuration(200, "", configuration(&issuer.url(), &format!("{}/keys", issuer.url())).as_bytes());
    clock.advance(5_000);
    assert_eq!(said(&issuers, &token).await, "good", "it is back");
}

fn configuration(issuer: &str, keys: &str) -> String {
    json!({"issuer": issuer, "jwks_uri": keys}).to_string()
}

#[tokio::test]
async fn what_is_no_answer_is_no_answer() {
    let signer = Signer::ed25519(1);
    let elsewhere = Issuer::with(&[signer.jwk("a")]).await;
    let redirect = format!("location: {}/keys\r\n", elsewhere.url());
    let large = [b"{\"keys\":[]}".to_vec(), vec![b' '; 10 * 1024 * 1024]].concat();
    let private = json!({"keys": [signer.jwk("a"), {"kty": "oct", "k": "AA"}], "keys ": 1}).to_string();
    for (status, headers, body) in [
        (500, "", &b"{\"keys\":[]}"[..]),
        (204, "", b""),
        (302, redirect.as_str(), b""),
        (307, redirect.as_str(), b"{\"keys\":[]}"),
        (200, "", &large),
        (200, "", b"<html>"),
        (200, "", b"{}"),
        (200, "", b"[]"),
        (200, "", b"{\"keys\":[],\"keys\":[]}"),
        (200, "content-encoding: gzip\r\n", b"{\"keys\":[]}"),
        (404, "", private.as_bytes()),
    ] {
        let issuer = Issuer::with(&[]).await;
        issuer.answers_keys(status, headers, body);
        let (issuers, _) = issuers(&[issuer.settings()]);
        let token = signer.token(&issuer.url(), "a");
        assert_eq!(said(&issuers, &token).await, "unknown", "{status} {headers}");
        assert_eq!(said(&issuers, &token).await, "unknown");
        assert_eq!(issuer.asked().len(), 2, "it has a moment to come back");
    }
    assert!(elsewhere.asked().is_empty(), "no redirect is followed");
}

#[tokio::test]
async fn a_configuration_is_the_issuers_own_and_leads_nowhere_else() {
    let signer = Signer::ed25519(1);
    let elsewhere = Issuer::with(&[signer.jwk("a")]).await;
    let issuer = Issuer::with(&[signer.jwk("a")]).await;
    let (here, keys) = (issuer.url(), format!("{}/keys", issuer.url()));
    let port = here.rsplit(':').next().expect("a port").to_owned();
    for (document, expected) in [
        (configuration(&here, &keys), "good"),
        (configuration(&elsewhere.url(), &keys), "unknown"),
        (configuration(&format!("{here}/"), &keys), "unknown"),
        (configuration(&here, &format!("{}/keys", elsewhere.url())), "unknown"),
        (configuration(&here, &format!("http://localhost:{port}/keys")), "unknown"),
        (configuration(&here, &format!("http://127.0.0.1:{port}@{}/keys", &elsewhere.url()[7..])), "unknown"),
        (configuration(&here, "http://169.254.169.254/latest/meta-data"), "unknown"),
        (configuration(&here, "http://issuer.example/keys"), "unknown"),
        (configuration(&here, "file:///etc/passwd"), "unknown"),
        (configuration(&here, "/keys"), "unknown"),
        (json!({"issuer": here}).to_string(), "unknown"),
        (format!("{{\"issuer\":\"{here}\",\"jwks_uri\":\"{keys}\",\"jwks_uri\":\"{keys}\"}}"), "unknown"),
        ("null".to_owned(), "unknown"),
    ] {
        issuer.answers_configuration(200, "", document.as_bytes());
        let (issuers, _) = issuers(&[issuer.settings()]);
        assert_eq!(said(&issuers, &signer.token(&here, "a")).await, expected, "{document}");
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn this_machine_is_not_asked_unless_the_operator_allows_it() {
    let signer = Signer::ed25519(1);
    let issuer = Issuer::with(&[signer.jwk("a")]).await;
    for (allow, expected) in [(&[][..], "unknown"), (&["10.0.0.0/8"], "unknown"), (&["127.0.0.0/8"], "good")] {
        let issuers = Issuers::new(&[issuer.settings()], client(allow), Clock::manual(START_MS)).expect("settings");
        assert_eq!(said(&issuers, &signer.token(&issuer.url(), "a")).await, expected, "{allow:?}");
    }
    assert_eq!(issuer.asked().len(), 2);
}

#[tokio::test]
async fn nobody_waits_for_a_slow_issuer_while_its_keys_are_good() {
    let signer = Signer::ed25519(1);
    let issuer = Issuer::with(&[signer.jwk("a")]).await;
    let (issuers, clock) = issuers(&[issuer.settings()]);
    let token = signer.token(&issuer.url(), "a");
    assert_eq!(said(&issuers, &token).await, "good");
    issuer.falls_silent(true);
    clock.advance(HOUR_MS / 5 * 4);
    for _ in 0..5 {
        // It would answer never: whoever waited for it would wait until it is given up.
        let read = tokio::time::timeout(Duration::from_millis(2_500), issuers.verify(&token)).await;
        assert_eq!(verdict(&read.expect("at once")), "good");
    }
    issuer.was_asked(3).await;
    assert_eq!(issuer.asked().len(), 3, "asked once, beside");
    issuer.falls_silent(false);
    issuer.was_asked(4).await;
}

#[tokio::test]
async fn an_issuer_that_never_answers_is_given_up_for_all_who_wait() {
    let signer = Signer::ed25519(1);
    let issuer = Issuer::with(&[signer.jwk("a")]).await;
    let (issuers, clock) = issuers(&[issuer.settings()]);
    issuer.falls_silent(true);
    let token = signer.token(&issuer.url(), "a");
    let all = join_all((0..10).map(|_| issuers.verify(&token))).await;
    assert!(all.iter().all(|read| verdict(read) == "unknown"));
    assert_eq!(issuer.asked().len(), 1);
    issuer.falls_silent(false);
    clock.advance(5_000);
    assert_eq!(said(&issuers, &token).await, "good");
}

#[tokio::test]
async fn whoever_asked_may_leave_and_the_others_hear_the_answer() {
    let signer = Signer::ed25519(1);
    let issuer = Issuer::with(&[signer.jwk("a")]).await;
    let (issuers, _) = issuers(&[issuer.settings()]);
    issuer.falls_silent(true);
    let token = signer.token(&issuer.url(), "a");
    let leaves = tokio::spawn({
        let (issuers, token) = (issuers.clone(), token.clone());
        async move { issuers.verify(&token).await.is_ok() }
    });
    issuer.was_asked(1).await;
    leaves.abort();
    assert!(leaves.await.expect_err("left").is_cancelled());
    let waits = tokio::spawn({
        let (issuers, token) = (issuers.clone(), token.clone());
        async move { issuers.verify(&token).await }
    });
    issuer.falls_silent(false);
    assert_eq!(verdict(&waits.await.expect("waited")), "good");
    assert_eq!(issuer.asked().len(), 2, "one question, of two documents");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_come_at_the_same_moment_ask_once() {
    let signer = Signer::ed25519(1);
    for round in 0..20 {
        let issuer = Issuer::with(&[signer.jwk("a")]).await;
        let (issuers, _) = issuers(&[issuer.settings()]);
        let start = Arc::new(Barrier::new(16));
        let all = (0..16).map(|_| {
            let (issuers, start, token) = (issuers.clone(), start.clone(), signer.token(&issuer.url(), "a"));
            tokio::spawn(async move {
                start.wait().await;
                issuers.verify(&token).await
            })
        });
        for read in join_all(all).await {
            assert_eq!(verdict(&read.expect("read")), "good", "round {round}");
        }
        assert_eq!(issuer.asked().len(), 2, "round {round}");
    }
}

#[tokio::test]
async fn an_issuer_has_a_hundred_keys_at_most_and_those_that_do_not_fit_are_passed_over() {
    let signer = Signer::ed25519(1);
    let filler: Vec<Value> = (0..150).map(|at| Signer::ed25519(200).jwk(&format!("filler {at}"))).collect();
    for (place, expected) in [(99, "good"), (100, "bad")] {
        let mut keys = filler.clone();
        keys[place] = signer.jwk("a");
        let issuer = Issuer::with(&keys).await;
        let (issuers, _) = issuers(&[issuer.settings()]);
        assert_eq!(said(&issuers, &signer.token(&issuer.url(), "a")).await, expected, "at {place}");
    }
    for (name, value) in
        [("use", json!("enc")), ("alg", json!("RS256")), ("key_ops", json!(["sign"])), ("d", json!("AA"))]
    {
        let mut key = signer.jwk("a");
        key[name] = value;
        let issuer = Issuer::with(&[key]).await;
        let (issuers, _) = issuers(&[issuer.settings()]);
        assert_eq!(said(&issuers, &signer.token(&issuer.url(), "a")).await, "bad", "{name}");
    }
}

#[tokio::test]
async fn how_long_keys_are_kept_has_bounds_whatever_the_issuer_says() {
    let signer = Signer::ed25519(1);
    for (said_s, fresh_ms, old_ms) in [
        ("cache-control: max-age=1\r\n", 4 * MINUTE_MS - 1, 5 * MINUTE_MS),
        ("cache-control: no-store\r\n", 4 * MINUTE_MS - 1, 5 * MINUTE_MS),
        ("cache-control: max-age=31536000\r\n", 19 * HOUR_MS, 24 * HOUR_MS),
        ("", 48 * MINUTE_MS - 1, HOUR_MS),
    ] {
        let issuer = Issuer::with(&[]).await;
        issuer.answers_keys(200, said_s, json!({"keys": [signer.jwk("a")]}).to_string().as_bytes());
        let (issuers, clock) = issuers(&[issuer.settings()]);
        let token = signer.token(&issuer.url(), "a");
        assert_eq!(said(&issuers, &token).await, "good");
        clock.advance(fresh_ms);
        assert_eq!(said(&issuers, &token).await, "good");
        assert_eq!(issuer.asked().len(), 2, "{said_s:?}: fresh");
        clock.advance(old_ms - fresh_ms);
        assert_eq!(said(&issuers, &token).await, "good");
        assert_eq!(issuer.asked().len(), 4, "{said_s:?}: asked for again");
    }
}
