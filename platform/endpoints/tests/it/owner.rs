//! Secrets: their signatures, and how they are changed over.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use sha2::Sha256;

use crate::support::{Does, Got, HOUR, Receiver, Site};

/// Which of a message's signatures a receiver with this secret believes.
fn believed(got: &Got, secret: &Secret) -> Option<usize> {
    let key = STANDARD.decode(secret.expose().strip_prefix("whsec_").expect("a prefix")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{}.{}.", got.header("webhook-id"), got.header("webhook-timestamp")).as_bytes());
    mac.update(&got.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    got.header("webhook-signature").split(' ').position(|signature| signature == expected)
}

#[tokio::test]
async fn old_and_new_secret_sign_side_by_side_until_the_old_one_ends() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    let (id, first) = site.endpoint(&receiver.url()).await;
    let mut send = async || {
        site.append("shop.order", "{}").await;
        receiver.next().await
    };
    assert_eq!(believed(&send().await, &first), Some(0));

    let (second, until_ms) = site.endpoints.rotate(&id, HOUR).await.expect("rotated");
    assert_eq!(until_ms, site.clock.now_ms() + HOUR);
    let both = send().await;
    assert_eq!((believed(&both, &second), believed(&both, &first)), (Some(0), Some(1)));

    let (third, _) = site.endpoints.rotate(&id, 10 * HOUR).await.expect("rotated");
    let three = send().await;
    assert_eq!([&third, &second, &first].map(|secret| believed(&three, secret)), [Some(0), Some(1), Some(2)]);

    site.advance(HOUR);
    let two = send().await;
    assert_eq!(
        [&third, &second, &first].map(|secret| believed(&two, secret)),
        [Some(0), Some(1), None],
        "a later rotation prolongs nothing"
    );

    let (fourth, _) = site.endpoints.rotate(&id, 0).await.expect("rotated");
    let one = send().await;
    assert_eq!([&fourth, &third, &second].map(|secret| believed(&one, secret)), [Some(0), None, None]);
}

#[tokio::test]
async fn an_attempt_is_signed_at_its_own_time_over_the_same_bytes() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500), Does::Answers(200)]).await;
    let (id, secret) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    let first = receiver.next().await;
    site.tried(&id, 1).await;
    site.advance(6_000);
    let second = receiver.next().await;
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body, "the same bytes");
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"), "signed at its own time");
    assert!(believed(&first, &secret).is_some() && believed(&second, &secret).is_some());
}
