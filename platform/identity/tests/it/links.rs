//! One-time links: once, for fifteen minutes, by a button.

use identity::LINK_TTL_MS;
use kernel::{Clock, Entropy, SealKey};
use store::StoreError;

use crate::support::{Bed, send};

#[tokio::test]
async fn a_link_works_once() {
    let bed = Bed::new();
    let link = bed.link().await;
    let answer = bed.enter(&link).await;
    assert_eq!((answer.status.as_u16(), answer.headers["location"].to_str().expect("text")), (303, "/console"));
    assert_eq!(bed.status_of(&answer.session()).await, 200);
    for _ in 0..3 {
        let again = bed.enter(&link).await;
        assert_eq!(again.status, 410);
        assert!(again.text.contains("mainspring admin-link"), "{}", again.text);
        assert!(!again.headers.contains_key("set-cookie") && !again.text.contains(&link));
    }
}

#[tokio::test]
async fn a_link_works_for_fifteen_minutes_and_not_after() {
    let bed = Bed::new();
    assert_eq!(LINK_TTL_MS, 15 * 60 * 1000);
    let (in_time, too_late) = (bed.link().await, bed.link().await);
    bed.clock.advance(LINK_TTL_MS);
    assert_eq!(bed.enter(&in_time).await.status, 303);
    bed.clock.advance(1);
    assert_eq!(bed.enter(&too_late).await.status, 410);
    bed.clock.advance(-1);
    assert_eq!(bed.enter(&too_late).await.status, 303, "a refusal uses nothing up");
}

#[tokio::test]
async fn looking_at_a_link_does_not_use_it_up() {
    let bed = Bed::new();
    let link = bed.link().await;
    for method in ["GET", "HEAD", "GET"] {
        let page = bed.send(method, &format!("/console/enter/{link}"), &[]).await;
        assert_eq!(page.status, 200);
        assert!(!page.headers.contains_key("set-cookie"));
        assert_eq!(page.headers["cache-control"], "no-store");
        assert!(!page.text.contains(&link), "the page need not repeat it");
        assert!(method == "HEAD" || page.text.contains("<form method=\"post\">"));
    }
    assert_eq!(bed.enter(&link).await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_that_open_one_link_at_once_get_one_session() {
    let bed = Bed::new();
    let path = format!("/console/enter/{}", bed.link().await);
    let mut browsers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (router, identity, path) = (bed.router(), bed.identity.clone(), path.clone());
        browsers.spawn(async move { send(router, &identity, "POST", &path, &[]).await.status.as_u16() });
    }
    let mut statuses = browsers.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 303);
    assert!(statuses[1..].iter().all(|status| *status == 410), "{statuses:?}");
    let count: Result<(i64,), StoreError> =
        bed.store.read(async |tx| tx.one("SELECT COUNT(*) FROM sessions", &[]).await).await;
    assert_eq!(count.expect("counted").0, 1);
}

#[tokio::test]
async fn what_is_no_link_opens_nothing() {
    let bed = Bed::new();
    let link = bed.link().await;
    let upper = link.to_uppercase();
    for token in
        [&link[..63], &format!("{link}0"), &upper, "x", "%00", "%27%20OR%201%3D1", &"0".repeat(64), &"f".repeat(8_000)]
    {
        let status = bed.enter(token).await.status.as_u16();
        assert_eq!(status, 410, "{token}");
    }
    assert_eq!(bed.send("POST", "/console/enter/", &[]).await.status, 404);
    assert_eq!(bed.enter(&link).await.status, 303, "and the real one still does");
}

#[tokio::test]
async fn links_are_all_different_and_old_ones_go() {
    let bed = Bed::new();
    let mut links = std::collections::HashSet::new();
    for _ in 0..50 {
        let link = bed.link().await;
        assert_eq!(link.len(), 64, "256 bits");
        links.insert(link);
    }
    assert_eq!(links.len(), 50);
    bed.clock.advance(LINK_TTL_MS + 1);
    bed.link().await;
    let count: Result<(i64,), StoreError> =
        bed.store.read(async |tx| tx.one("SELECT COUNT(*) FROM admin_links", &[]).await).await;
    assert_eq!(count.expect("counted").0, 1);
}

#[tokio::test]
async fn a_closed_store_signs_nobody_in() {
    let bed = Bed::new();
    let (link, session) = (bed.link().await, bed.sign_in().await);
    bed.store.close().await;
    let answer = bed.enter(&link).await;
    assert_eq!((answer.status.as_u16(), answer.headers["retry-after"].to_str().expect("text")), (503, "5"));
    assert!(!answer.headers.contains_key("set-cookie"));
    assert_eq!(bed.status_of(&session).await, 503, "who cannot be checked is nobody, and no stranger either");
}

#[tokio::test]
async fn only_digests_are_on_disk() {
    if testkit::on_postgres() {
        return; // Its files are not ours to read.
    }
    let bed = Bed::new();
    let (unused, used) = (bed.link().await, bed.link().await);
    let session = bed.enter(&used).await.session();
    let path = |name: &str| bed.dir.path().join(name);
    let mut files: Vec<Vec<u8>> = Vec::new();
    for name in ["mainspring.db", "mainspring.db-wal"] {
        files.push(std::fs::read(path(name)).expect("read while it is open"));
    }
    bed.store.close().await;
    files.push(std::fs::read(path("mainspring.db")).expect("read after it was closed"));
    let holds = |needle: &[u8]| files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle));
    assert!(holds(b"admin_links"), "the search finds what is there");
    for token in [unused, used, session] {
        assert!(!holds(token.as_bytes()), "as text");
        let raw: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&token[at..at + 2], 16).expect("digits")).collect();
        assert!(!holds(&raw), "as bytes");
    }
}

#[test]
fn a_token_does_not_print() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let bed = Bed::new();
        let link = bed.identity.make_link().await.expect("made");
        assert_eq!(format!("{link:?}"), "[secret]");
        let twin =
            identity::Identity::new(bed.store.clone(), Clock::system(), Entropy::system(), SealKey::new([7; 32]));
        assert!(!twin.has_sessions().await.expect("read"));
        bed.sign_in().await;
        assert!(twin.has_sessions().await.expect("read"));
    });
}
