//! Secrets are sealed where they are stored, and their endpoint's address is where nobody reads it by chance.

use crate::support::{Does, Receiver, Site};

#[tokio::test]
async fn no_secret_is_in_the_database_or_in_what_people_see() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500)]).await;
    let (id, secret) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    receiver.next().await;
    site.tried(&id, 1).await;
    let shown = format!("{:?} {:?} {secret:?}", site.row(&id).await, site.messages(&id).await);
    let key = secret.expose().trim_start_matches("whsec_").to_owned();
    assert!(!shown.contains(&key));
    let dir = site.dir.path().to_owned();
    site.store.close().await;
    for file in std::fs::read_dir(dir).expect("a directory") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("bytes");
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "a secret in clear");
    }
}
