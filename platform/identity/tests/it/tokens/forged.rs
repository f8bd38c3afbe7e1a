//! Tokens that nobody made, or that somebody changed.

use identity::tokens::Tokens;
use kernel::SealKey;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::{Deployment, START_MS, encode, issue, kid, part, verdict};

fn key_of(keys: &Value, kid: &str) -> Vec<u8> {
    let keys = keys["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["kid"] == kid).expect("published");
    base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, key["x"].as_str().expect("a key"))
        .expect("base64url")
}

async fn refused(tokens: &Tokens, token: &str, what: &str) {
    assert_eq!(verdict(&tokens.verify(token, START_MS).await), "bad", "{what}: {token}");
}

#[tokio::test]
async fn a_token_with_one_bit_flipped_is_refused() {
    let bed = Deployment::new();
    let token = issue(&bed.tokens, "ann").await;
    let mut tried = 0;
    for at in 0..token.len() * 8 {
        let mut bytes = token.as_bytes().to_vec();
        bytes[at / 8] ^= 1 << (at % 8);
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        refused(&bed.tokens, &changed, "flipped").await;
        tried += 1;
    }
    assert!(tried > token.len() * 6);
    assert_eq!(verdict(&bed.read(&bed.tokens, &token).await), "good");
}

#[tokio::test]
async fn a_token_cut_anywhere_is_refused() {
    let bed = Deployment::new();
    let token = issue(&bed.tokens, "ann").await;
    for at in 0..token.len() {
        refused(&bed.tokens, &token[..at], "cut").await;
        refused(&bed.tokens, &token[at + 1..], "without its beginning").await;
    }
}

#[tokio::test]
async fn nobody_signs_in_our_name() {
    let bed = Deployment::new();
    let token = issue(&bed.tokens, "ann").await;
    let keys: Value = serde_json::from_str(&super::published::body(&bed.tokens).await).expect("JSON");
    let name = kid(&token);
    let public = key_of(&keys, &name);
    let attacker = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a pair");
    let mut said = part(&token, 1);
    said["sub"] = json!("root");
    let own = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(attacker.public_key()), "kid": name});
    for (what, header) in [
        ("our key's name", json!({"alg": "EdDSA", "typ": "at+jwt", "kid": name})),
        ("no name", json!({"alg": "EdDSA", "typ": "at+jwt"})),
        ("a key of its own", json!({"alg": "EdDSA", "typ": "at+jwt", "kid": name, "jwk": own})),
        (
            "an address of its own",
            json!({"alg": "EdDSA", "typ": "at+jwt", "jku": "https://attacker.example/", "kid": "x"}),
        ),
        ("none", json!({"alg": "none", "typ": "at+jwt", "kid": name})),
        ("nOnE", json!({"alg": "nOnE", "typ": "at+jwt"})),
    ] {
        let text = format!("{}.{}", encode(header.to_string()), encode(said.to_string()));
        refused(&bed.tokens, &format!("{text}.{}", encode(attacker.sign(text.as_bytes()))), what).await;
        refused(&bed.tokens, &format!("{text}."), what).await;
    }
    for secret in [public.as_slice(), encode(&public).as_bytes(), keys.to_string().as_bytes(), b""] {
        for (algorithm, hash) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            let header = json!({"alg": algorithm, "typ": "at+jwt", "kid": name});
            let text = format!("{}.{}", encode(header.to_string()), encode(said.to_string()));
            let tag = hmac::sign(&hmac::Key::new(hash, secret), text.as_bytes());
            refused(&bed.tokens, &format!("{text}.{}", encode(tag)), "our public key for a secret").await;
        }
    }
}

#[tokio::test]
async fn parts_of_good_tokens_make_no_token() {
    let bed = Deployment::new();
    let (ann, root) = (issue(&bed.tokens, "ann").await, issue(&bed.tokens, "root").await);
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (ann, root) = (parts(&ann), parts(&root));
    refused(&bed.tokens, &format!("{}.{}.{}", ann[0], root[1], ann[2]), "another payload").await;
    refused(&bed.tokens, &format!("{}.{}.{}", root[0], ann[1], root[2]), "another signature").await;
    refused(&bed.tokens, &format!("{}.{}.{}.{}", ann[0], ann[1], ann[2], ann[2]), "four parts").await;
}

/// Our own key, taken out of the store by somebody who has the seal key as well.
async fn our_key(bed: &Deployment) -> Ed25519KeyPair {
    let sql = "SELECT kid, sealed FROM token_keys WHERE signs_from_ms IS NOT NULL AND signed_until_ms IS NULL";
    let row: Result<(String, Vec<u8>), store::StoreError> =
        bed.store.read(async move |tx| tx.one(sql, &[]).await).await;
    let (name, sealed) = row.expect("a key");
    let seed = SealKey::new(super::SEAL).open(&format!("token_keys:{name}"), &sealed).expect("opened");
    let seed = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, seed.expose());
    Ed25519KeyPair::from_seed_unchecked(&seed.expect("base64url")).expect("a pair")
}

#[tokio::test]
async fn what_our_own_key_signs_is_judged_all_the_same() {
    let bed = Deployment::new();
    let token = issue(&bed.tokens, "ann").await;
    let pair = our_key(&bed).await;
    let sign = |header: &str, said: &str| {
        let text = format!("{}.{}", encode(header), encode(said));
        format!("{text}.{}", encode(pair.sign(text.as_bytes())))
    };
    let (header, said) = (part(&token, 0), part(&token, 1));
    let good = sign(&header.to_string(), &said.to_string());
    assert_eq!(verdict(&bed.read(&bed.tokens, &good).await), "good");
    for (member, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("subscription+jwt")),
        ("typ", json!(null)),
        ("alg", json!("Ed25519")),
        ("alg", json!("none")),
        ("crit", json!([])),
        ("kid", json!("")),
    ] {
        let mut header = header.clone();
        header[member] = value.clone();
        refused(&bed.tokens, &sign(&header.to_string(), &said.to_string()), &format!("{member} is {value}")).await;
    }
    for member in ["typ", "kid", "alg"] {
        let mut header = header.clone();
        header.as_object_mut().expect("an object").remove(member);
        refused(&bed.tokens, &sign(&header.to_string(), &said.to_string()), &format!("without {member}")).await;
    }
    for (member, value) in [
        ("iss", json!("urn:mainspring:another")),
        ("aud", json!("mainspring:subscription")),
        ("sub", json!("")),
        ("nbf", json!(START_MS / 1000 + 31)),
        ("iat", json!(START_MS / 1000 + 31)),
        ("exp", json!("tomorrow")),
    ] {
        let mut said = said.clone();
        said[member] = value.clone();
        refused(&bed.tokens, &sign(&header.to_string(), &said.to_string()), &format!("{member} is {value}")).await;
    }
    let twice = said.to_string().replacen('{', r#"{"sub":"root","#, 1);
    refused(&bed.tokens, &sign(&header.to_string(), &twice), "two subjects").await;
}

#[tokio::test]
async fn who_can_write_into_the_table_cannot_have_a_token_believed() {
    let bed = Deployment::new();
    let (token, stranger) = (issue(&bed.tokens, "ann").await, bed.sealing_with([9; 32]));
    assert_eq!(verdict(&bed.read(&stranger, &token).await), "bad", "keys that do not open are not believed");
    assert!(stranger.issue("root", std::time::Duration::from_mins(1), serde_json::Map::new()).await.is_err());
    // The attacker has a whole deployment, with keys of its own, and puts them into this table.
    let other = Deployment::new();
    let forged = issue(&other.sealing_with([9; 32]), "root").await;
    let sql = "SELECT kid, sealed FROM token_keys WHERE signs_from_ms IS NOT NULL";
    let row: Result<(String, Vec<u8>), store::StoreError> =
        other.store.read(async move |tx| tx.one(sql, &[]).await).await;
    let (name, sealed) = row.expect("a key");
    let put: Result<u64, store::StoreError> = bed
        .store
        .write(async move |tx| {
            let sql = "INSERT INTO token_keys (kid, sealed, made_at_ms, signs_from_ms, signed_until_ms) VALUES ($1, $2, 0, 1, $3)";
            tx.execute(sql, store::params![&name, &sealed, START_MS]).await
        })
        .await;
    assert_eq!(put.expect("put"), 1);
    let fresh = bed.beside();
    assert_eq!(verdict(&bed.read(&fresh, &forged).await), "bad");
    assert!(!super::published::body(&fresh).await.contains(&kid(&forged)));
    assert_eq!(verdict(&bed.read(&fresh, &token).await), "good");
    // A sealed key that was moved to the row of another is no key either.
    bed.change("UPDATE token_keys SET sealed = (SELECT sealed FROM token_keys WHERE signs_from_ms IS NULL) WHERE signs_from_ms > 1").await;
    assert_eq!(verdict(&bed.read(&bed.beside(), &token).await), "bad");
}
