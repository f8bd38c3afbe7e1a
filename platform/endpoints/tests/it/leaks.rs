//! Secrets are sealed where they are stored, and their endpoint's address is where nobody reads it by chance.

use endpoints::{NewEndpoint, Signature};

use crate::api::get;
use crate::support::{Does, Receiver, Site, asking};

#[tokio::test]
async fn no_secret_is_in_the_database_or_in_what_people_see() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500)]).await;
    let (id, secret) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    receiver.next().await;
    site.tried(&id, 1).await;
    let shown = format!("{:?} {:?} {secret:?}", site.row(&id).await, site.messages(&id).await);
    let asked = NewEndpoint { signature: Signature::Public, ..asking(&receiver.url(), &["shop.*"]) };
    let (pair, private) = site.endpoints.create(asked).await.expect("created");
    let seen = get(&site, &format!("/api/v1/endpoints/{}", pair.id)).await.to_string();
    assert!(seen.contains("whpk_") && !seen.contains("whsk_"), "{seen}");
    let keys = [&secret, &private].map(|it| it.expose().split_once('_').expect("a prefix").1[..40].to_owned());
    assert!(keys.iter().all(|key| !shown.contains(key) && !seen.contains(key)));
    let dir = site.dir.path().to_owned();
    site.store.close().await;
    for file in std::fs::read_dir(dir).expect("a directory") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("bytes");
        let holds = |key: &String| bytes.windows(key.len()).any(|window| window == key.as_bytes());
        assert!(!keys.iter().any(holds), "a secret in clear");
    }
}
