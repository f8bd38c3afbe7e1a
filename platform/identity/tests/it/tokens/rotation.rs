//! Keys that change while several processes sign and read.

use std::time::Duration;

use futures_util::future::join_all;
use identity::tokens::Unissued;
use serde_json::Map;

use super::published::names;
use super::{Deployment, MINUTE_MS, START_MS, issue, kid, verdict};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn processes_that_start_together_make_one_pair_of_keys() {
    let bed = Deployment::new();
    let fleet: Vec<_> = (0..6).map(|_| bed.beside()).collect();
    let made = join_all(fleet.iter().map(|tokens| issue(tokens, "ann"))).await;
    assert!(made.iter().all(|token| kid(token) == kid(&made[0])), "all sign with one key");
    assert_eq!(bed.count().await, 2);
    for (at, tokens) in fleet.iter().enumerate() {
        let other = &made[(at + 1) % made.len()];
        assert_eq!(verdict(&bed.read(tokens, other).await), "good");
    }
}

#[tokio::test]
async fn a_key_is_known_everywhere_before_it_signs_and_until_its_tokens_have_ended() {
    let bed = Deployment::new();
    let (here, there) = (&bed.tokens, bed.beside());
    let first = issue(here, "ann").await;
    assert!(!here.rotate().await.expect("asked"), "nobody else may know the next key yet");
    bed.clock.advance(6 * MINUTE_MS);
    let known = names(&there).await;
    let rotated = join_all([here.rotate(), there.rotate(), here.rotate(), there.rotate()]).await;
    let rotated = rotated.into_iter().filter(|rotated| *rotated.as_ref().expect("asked")).count();
    assert_eq!(rotated, 1, "of several calls one rotates");
    let second = issue(here, "ann").await;
    assert_ne!(kid(&first), kid(&second));
    assert!(known.contains(&kid(&second)), "who read the keys before knows the key that signs now");
    for (tokens, token) in [(here, &first), (&there, &second), (&there, &first), (here, &second)] {
        assert_eq!(verdict(&bed.read(tokens, token).await), "good");
    }
    assert_eq!(names(here).await.len(), 3);
    bed.clock.advance(18 * MINUTE_MS);
    let left = names(here).await;
    assert!(left.len() == 2 && !left.contains(&kid(&first)), "the old key is gone: {left:?}");
    assert_eq!(bed.count().await, 2);
    assert_eq!(verdict(&here.verify(&first, START_MS).await), "bad", "and what it signed with it");
    assert_eq!(verdict(&there.verify(&first, START_MS).await), "bad", "everywhere");
}

#[tokio::test]
async fn a_process_that_has_not_looked_yet_signs_with_the_old_key_and_is_believed() {
    let bed = Deployment::new();
    let (here, there) = (&bed.tokens, bed.beside());
    bed.clock.advance(1);
    issue(here, "ann").await;
    bed.clock.advance(6 * MINUTE_MS);
    let old = kid(&issue(&there, "ann").await);
    assert!(here.rotate().await.expect("rotated"));
    bed.clock.advance(MINUTE_MS - 1);
    let late = issue(&there, "ann").await;
    assert_eq!(kid(&late), old, "it looks once a minute");
    bed.clock.advance(14 * MINUTE_MS);
    assert_eq!(verdict(&bed.read(here, &late).await), "good", "its tokens are good to their end");
    assert_ne!(kid(&issue(&there, "ann").await), old);
}

#[tokio::test]
async fn a_key_signs_for_thirty_days() {
    let bed = Deployment::new();
    let first = kid(&issue(&bed.tokens, "ann").await);
    bed.clock.advance(30 * DAY_MS - 1);
    assert_eq!(kid(&issue(&bed.tokens, "ann").await), first);
    bed.clock.advance(MINUTE_MS);
    let fleet: Vec<_> = (0..4).map(|_| bed.beside()).collect();
    let made = join_all(fleet.iter().map(|tokens| issue(tokens, "ann"))).await;
    assert!(made.iter().all(|token| kid(token) != first && kid(token) == kid(&made[0])), "rotated once");
    assert_eq!(bed.count().await, 3);
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_looked_for_now_and_then() {
    let bed = Deployment::new();
    let (here, there) = (&bed.tokens, bed.beside());
    issue(&there, "ann").await;
    // Somebody has emptied the table; a process that starts makes new keys, which no other has heard of.
    bed.change("DELETE FROM token_keys").await;
    let token = issue(here, "ann").await;
    assert_eq!(verdict(&bed.read(&there, &token).await), "bad", "it has looked a moment ago");
    bed.clock.advance(4_999);
    assert_eq!(verdict(&bed.read(&there, &token).await), "bad");
    bed.clock.advance(1);
    assert_eq!(verdict(&bed.read(&there, &token).await), "good");
}

#[tokio::test]
async fn without_the_store_what_is_known_is_good_and_what_is_not_is_not_judged() {
    let (bed, other) = (Deployment::new(), Deployment::new());
    let token = issue(&bed.tokens, "ann").await;
    let unknown = issue(&other.tokens, "ann").await;
    bed.store.close().await;
    assert_eq!(verdict(&bed.read(&bed.tokens, &token).await), "good");
    bed.clock.advance(5_000);
    assert_eq!(verdict(&bed.read(&bed.tokens, &unknown).await), "unknown", "it may be of a key that could not be read");
    let made = issue(&bed.tokens, "ann").await;
    assert_eq!(verdict(&bed.read(&bed.tokens, &made).await), "good", "for a minute it signs on");
    bed.clock.advance(14 * MINUTE_MS);
    assert_eq!(verdict(&bed.read(&bed.tokens, &token).await), "good");
    assert_eq!(verdict(&bed.read(&bed.tokens, "a.b.c").await), "bad", "what is no token needs no key");
    let made = bed.tokens.issue("ann", Duration::from_mins(1), Map::new()).await;
    assert!(matches!(made, Err(Unissued::Store(_))), "another may sign by now: {made:?}");
    bed.clock.advance(MINUTE_MS);
    assert_eq!(verdict(&bed.read(&bed.tokens, &token).await), "unknown", "who knows what has happened since");
}

#[tokio::test]
async fn a_clock_that_was_set_back_takes_nobody_out() {
    let bed = Deployment::new();
    bed.clock.advance(DAY_MS);
    issue(&bed.tokens, "ann").await;
    bed.clock.advance(-DAY_MS);
    let token = issue(&bed.tokens, "ann").await;
    assert_eq!(verdict(&bed.read(&bed.tokens, &token).await), "good");
    assert_eq!(verdict(&bed.read(&bed.beside(), &token).await), "good");
    assert_eq!(bed.count().await, 2);
}
