//! Tokens of other issuers: each is held against its own keys, and against nothing else.

use futures_util::future::join_all;
use identity::issuers::{Issuers, Settings};
use identity::tokens::{Algorithm, Refusal};
use kernel::Clock;
use serde_json::json;

use super::issuer::{Issuer, Signer, claims, client, issuers, settings, shared, sharing};
use super::verdict;

const SECRET: &str = "a secret of more than 32 bytes, for tests";

async fn refused(issuers: &Issuers, token: &str, what: &str) {
    let read = issuers.verify(token).await;
    assert!(matches!(read, Err(Refusal::Bad(_))), "{what}: {read:?}");
}

#[tokio::test]
async fn keys_are_discovered_once_for_all_who_need_them() {
    let signers = [Signer::ed25519(1), Signer::rsa("RS256"), Signer::rsa("PS256"), Signer::p256()];
    let keys: Vec<_> = signers.iter().enumerate().map(|(at, signer)| signer.jwk(&at.to_string())).collect();
    let issuer = Issuer::with(&keys).await;
    let (issuers, _) = issuers(&[issuer.settings()]);
    let tokens: Vec<_> = (0..40).map(|at| signers[at % 4].token(&issuer.url(), &(at % 4).to_string())).collect();
    for read in join_all(tokens.iter().map(|token| issuers.verify(token))).await {
        let (name, claims) = read.expect("good");
        assert_eq!((&*name, claims.subject.as_str()), (issuer.url().as_str(), "ann"));
        assert_eq!(claims.rest["role"], json!("reader"));
    }
    assert_eq!(issuer.asked(), ["/.well-known/openid-configuration", "/keys"]);
}

#[tokio::test]
async fn an_issuer_with_an_address_for_its_keys_is_asked_there() {
    let (issuer, signer) = (Issuer::with(&[Signer::ed25519(1).jwk("a")]).await, Signer::ed25519(1));
    let named = Settings { jwks_url: Some(format!("{}/certs", issuer.url())), ..settings("accounts.example") };
    let (issuers, _) = issuers(&[named]);
    assert_eq!(verdict(&issuers.verify(&signer.token("accounts.example", "a")).await), "good");
    assert_eq!(issuer.asked(), ["/certs"]);
}

#[tokio::test]
async fn a_key_of_one_issuer_says_nothing_in_the_name_of_another() {
    let (one, other) = (Signer::ed25519(1), Signer::ed25519(2));
    let (here, there) = (Issuer::with(&[one.jwk("a")]).await, Issuer::with(&[other.jwk("a"), other.jwk("b")]).await);
    let audience = Settings { audience: "elsewhere".to_owned(), ..there.settings() };
    let (issuers, _) = issuers(&[here.settings(), audience, sharing("backend", SECRET)]);
    assert_eq!(verdict(&issuers.verify(&one.token(&here.url(), "a")).await), "good");
    refused(&issuers, &other.token(&here.url(), "a"), "a key of the same name").await;
    refused(&issuers, &other.token(&here.url(), "b"), "the name of another's key").await;
    refused(&issuers, &other.token(&there.url(), "b"), "the audience of the first").await;
    refused(&issuers, &one.token(&there.url(), "a"), "the first's key for the other").await;
    refused(&issuers, &other.token("backend", "a"), "a public key for who shares a secret").await;
    refused(&issuers, &shared(SECRET.as_bytes(), &claims(&here.url())), "a secret for who publishes keys").await;
    let mut elsewhere = claims(&there.url());
    elsewhere["aud"] = json!("elsewhere");
    let header = json!({"alg": "EdDSA", "kid": "a"});
    assert_eq!(verdict(&issuers.verify(&other.sign(&header, &elsewhere)).await), "good");
    elsewhere["iss"] = json!([here.url(), there.url()]);
    refused(&issuers, &other.sign(&header, &elsewhere), "two issuers").await;
}

#[tokio::test]
async fn nobody_is_asked_for_a_token_of_a_stranger() {
    let (issuer, signer) = (Issuer::with(&[]).await, Signer::ed25519(1));
    let (issuers, _) = issuers(&[issuer.settings()]);
    for stranger in ["https://stranger.example", "", &format!("{}/", issuer.url()), &issuer.url().to_uppercase()] {
        refused(&issuers, &signer.token(stranger, "a"), stranger).await;
    }
    for token in ["", "a.b.c", "..", "e30.e30.", "eyJhbGciOiJub25lIn0.e30."] {
        refused(&issuers, token, token).await;
    }
    assert!(issuer.asked().is_empty());
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    for signer in [Signer::ed25519(1), Signer::rsa("RS256"), Signer::p256()] {
        let jwk = signer.jwk("a");
        let issuer = Issuer::with(std::slice::from_ref(&jwk)).await;
        let (issuers, _) = issuers(&[issuer.settings()]);
        let mut secrets = vec![jwk.to_string().into_bytes()];
        for member in ["x", "y", "n"] {
            let Some(text) = jwk[member].as_str() else { continue };
            secrets.push(text.as_bytes().to_vec());
            let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
            secrets.push(bytes.expect("base64url"));
        }
        for secret in &secrets {
            refused(&issuers, &shared(secret, &claims(&issuer.url())), "its public key for a secret").await;
        }
    }
}

#[tokio::test]
async fn a_shared_secret_is_enough_for_who_has_one() {
    let (issuers, clock) = issuers(&[sharing("backend", SECRET)]);
    let token = shared(SECRET.as_bytes(), &claims("backend"));
    assert_eq!(verdict(&issuers.verify(&token).await), "good");
    refused(&issuers, &shared(b"another secret of more than 32 bytes", &claims("backend")), "another secret").await;
    refused(&issuers, &shared(b"", &claims("backend")), "no secret").await;
    let changed = token.replace('.', ".e");
    refused(&issuers, &changed, "changed").await;
    clock.advance(31 * 86_400_000);
    assert_eq!(verdict(&issuers.verify(&token).await), "expired");
}

#[tokio::test]
async fn only_the_ways_to_sign_that_the_settings_name_are_taken() {
    let (rs, ps) = (Signer::rsa("RS256"), Signer::rsa("PS256"));
    let issuer = Issuer::with(&[rs.jwk("a")]).await;
    let only = Settings { algorithms: vec![Algorithm::Ps256], ..issuer.settings() };
    let (issuers, _) = issuers(&[only]);
    assert_eq!(verdict(&issuers.verify(&ps.token(&issuer.url(), "a")).await), "good");
    refused(&issuers, &rs.token(&issuer.url(), "a"), "a way that is not named").await;
}

#[tokio::test]
async fn what_is_no_access_token_is_refused() {
    let signer = Signer::ed25519(1);
    let issuer = Issuer::with(&[signer.jwk("a")]).await;
    let (issuers, _) = issuers(&[issuer.settings()]);
    let said = claims(&issuer.url());
    for kind in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JWE", "", "jwt "] {
        refused(&issuers, &signer.sign(&json!({"alg": "EdDSA", "kid": "a", "typ": kind}), &said), kind).await;
    }
    for header in [
        json!({"alg": "EdDSA", "kid": "a"}),
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "kid": "a", "typ": "at+jwt"}),
        json!({"alg": "EdDSA", "kid": "a", "typ": "application/AT+JWT"}),
    ] {
        assert_eq!(verdict(&issuers.verify(&signer.sign(&header, &said)).await), "good", "{header}");
    }
    for (name, value) in [("aud", json!("them")), ("sub", json!("")), ("nbf", json!(i32::MAX)), ("exp", json!(null))] {
        let mut said = said.clone();
        said[name] = value;
        refused(&issuers, &signer.sign(&json!({"alg": "EdDSA", "kid": "a"}), &said), name).await;
    }
    for crit in [json!(["b64"]), json!([])] {
        let header = json!({"alg": "EdDSA", "kid": "a", "crit": crit, "b64": false});
        refused(&issuers, &signer.sign(&header, &said), "crit").await;
    }
    let attacker = Signer::ed25519(9);
    let header = json!({"alg": "EdDSA", "kid": "a", "jwk": attacker.jwk("a"), "jku": "https://attacker.example"});
    refused(&issuers, &attacker.sign(&header, &said), "a key that the token brings along").await;
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let clock = Clock::manual(0);
    let made = |settings: &[Settings]| Issuers::new(settings, client(&[]), clock.clone());
    assert!(made(&[]).expect("none").is_empty());
    let (one, other) = (settings("https://one.example"), settings("https://other.example"));
    assert!(made(&[one.clone(), other]).is_ok());
    assert!(made(&[one.clone(), one]).is_err(), "one issuer twice");
    let many: Vec<_> = (0..33).map(|at| settings(&format!("https://{at}.example"))).collect();
    assert!(made(&many[..32]).is_ok() && made(&many).is_err());
    let wrong = made(&[sharing("backend", "hunter2")]).err().expect("too short");
    assert!(!format!("{wrong} {wrong:?}").contains("hunter2"));
    assert!(!format!("{:?}", sharing("backend", "hunter2")).contains("hunter2"));
}
