//! Where the sources' secrets come from.

use kernel::{Clock, Entropy, SealKey};
use store::Store;
use webhooks::{Sources, SourcesError};

use crate::support::{START_MS, open};

const KEY: [u8; 32] = [7; 32];

async fn secrets(store: &Store, key: [u8; 32], environment: Option<&str>) -> Result<Sources, SourcesError> {
    let environment = environment.map(str::to_owned);
    let read = |name: &str| environment.clone().filter(|_| name == "GITHUB_WEBHOOK_SECRET");
    Sources::open(store, &SealKey::new(key), &Clock::manual(START_MS), &Entropy::system(), read).await
}

fn github(sources: &Sources) -> String {
    sources.secret("github").expect("a secret").expose().to_owned()
}

#[tokio::test]
async fn a_secret_is_made_once_and_is_the_same_after_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &Clock::manual(START_MS));
    let made = github(&secrets(&store, KEY, None).await.expect("made"));
    assert_eq!(made.len(), 48, "192 random bits");
    assert_eq!(github(&secrets(&store, KEY, None).await.expect("read")), made);
    store.close().await;
    drop(store);
    let store = open(dir.path(), &Clock::manual(START_MS));
    assert_eq!(github(&secrets(&store, KEY, None).await.expect("read")), made);
    store.close().await;
    if !testkit::on_postgres() {
        let bytes = std::fs::read(dir.path().join("mainspring.db")).expect("read");
        assert!(!bytes.windows(48).any(|window| window == made.as_bytes()), "it is sealed where it is stored");
    }

    let other = tempfile::tempdir().expect("a directory");
    let store = open(other.path(), &Clock::manual(START_MS));
    assert_ne!(github(&secrets(&store, KEY, None).await.expect("made")), made, "each installation has its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_that_open_at_once_agree() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &Clock::manual(START_MS));
    let mut openers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        openers.spawn(async move { github(&secrets(&store, KEY, None).await.expect("opened")) });
    }
    let all = openers.join_all().await;
    assert!(all.iter().all(|secret| *secret == all[0]));
}

#[tokio::test]
async fn another_key_is_refused_with_advice_and_breaks_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &Clock::manual(START_MS));
    let made = github(&secrets(&store, KEY, None).await.expect("made"));
    let refused = secrets(&store, [8; 32], None).await.err().expect("refused");
    assert!(matches!(&refused, SourcesError::Sealed(source) if source == "github"));
    assert!(refused.to_string().contains("restore the key file"), "{refused}");
    assert_eq!(github(&secrets(&store, KEY, None).await.expect("read")), made);
    // Who gives the secret by the environment does not need the stored one.
    assert_eq!(github(&secrets(&store, [8; 32], Some("sixteen letters!")).await.expect("given")), "sixteen letters!");
}

#[tokio::test]
async fn the_environment_wins_and_is_not_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &Clock::manual(START_MS));
    let made = github(&secrets(&store, KEY, None).await.expect("made"));
    assert_eq!(
        github(&secrets(&store, KEY, Some("given by the environment")).await.expect("given")),
        "given by the environment"
    );
    assert_eq!(github(&secrets(&store, KEY, Some("")).await.expect("read")), made, "an empty one is none");
    for short in ["x", "fifteen letters"] {
        let refused = secrets(&store, KEY, Some(short)).await.err().expect("refused");
        assert!(matches!(refused, SourcesError::Unfit("GITHUB_WEBHOOK_SECRET", _)));
        assert!(!format!("{refused} {refused:?}").contains(short) || short == "x", "{refused}");
    }
    assert!(secrets(&store, KEY, None).await.expect("read").secret("nobody").is_none());
}
