//! What holds wherever objects are.

use bytes::Bytes;
use kernel::{Clock, Entropy, limits};
use objects::{Error, Name, Objects};

use crate::bucket::Fake;

fn name(id: &str) -> Name {
    Name::new("chat", id).expect("a name")
}

async fn holds(objects: &Objects) {
    let (one, other) = (name("fil_one"), name("fil_other"));
    assert_eq!(objects.get(&one, 0..10).await.expect("asked"), None, "nothing is there");
    let bytes: Bytes = (0..100_000u32).map(|n| n as u8).collect::<Vec<_>>().into();
    objects.put(&one, bytes.clone()).await.expect("put");
    objects.put(&other, Bytes::from_static(b"other")).await.expect("put");
    let whole = objects.get(&one, 0..limits::OBJECT_READ_BYTES as u64).await.expect("asked");
    assert_eq!(whole.as_ref(), Some(&bytes));
    let inside = objects.get(&one, 10..20).await.expect("asked").expect("there");
    assert_eq!(inside, bytes.slice(10..20));
    let over = objects.get(&one, 99_990..100_100).await.expect("asked").expect("there");
    assert_eq!(over, bytes.slice(99_990..), "it ends within the range");
    assert_eq!(objects.get(&one, 100_000..100_001).await.expect("asked"), Some(Bytes::new()), "it ends before");
    assert_eq!(objects.get(&one, 5..5).await.expect("asked"), Some(Bytes::new()));

    objects.put(&one, Bytes::from_static(b"anew")).await.expect("put again");
    assert_eq!(objects.get(&one, 0..100).await.expect("asked"), Some(Bytes::from_static(b"anew")));
    objects.put(&one, Bytes::new()).await.expect("put nothing");
    assert_eq!(objects.get(&one, 0..100).await.expect("asked"), Some(Bytes::new()));

    objects.delete(&one).await.expect("deleted");
    objects.delete(&one).await.expect("deleted again");
    assert_eq!(objects.get(&one, 0..10).await.expect("asked"), None);
    assert_eq!(
        objects.get(&other, 0..10).await.expect("asked"),
        Some(Bytes::from_static(b"other")),
        "and nothing else"
    );

    let large = Bytes::from(vec![0; limits::OBJECT_BYTES + 1]);
    assert!(matches!(objects.put(&one, large).await, Err(Error::TooLarge(_))));
    let much = limits::OBJECT_READ_BYTES as u64 + 1;
    assert!(matches!(objects.get(&other, 0..much).await, Err(Error::TooLarge(_))));
}

#[tokio::test]
async fn a_directory_keeps_objects() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("objects");
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let open = || Objects::in_directory(&root, &clock, &entropy).expect("opened");
    holds(&open()).await;
    assert!(open().get(&name("fil_other"), 0..10).await.expect("asked").is_some(), "and so does the next process");
}

#[tokio::test]
async fn a_bucket_keeps_objects() {
    let fake = Fake::open().await;
    holds(&fake.objects(Fake::SECRET)).await;
    assert_eq!(fake.keys(), ["chat/fil_other"], "and only what was put");
}
