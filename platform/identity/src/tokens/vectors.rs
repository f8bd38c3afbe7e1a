//! The examples of the standards, and what was ever done to readers of tokens.

use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::algorithm::Algorithm;
use super::jwk::Key;
use super::jws::{Doubt, Jws};
use super::strict;

/// RFC 7515, appendix A: the payload of A.1 to A.3.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A1_SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const A2_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-\
                          yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-\
                          KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-\
                          DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_\
                            lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBM\
                            Hlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUT\
                            I8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A3_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// RFC 8037, appendix A: its payload is a sentence.
const A4: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
                  hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const A4_PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const A4_PRIVATE: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

fn jwk(jwk: &Value) -> Key {
    Key::from_jwk(jwk.as_object().expect("an object"), &Algorithm::ALL).expect("a key")
}

fn rsa() -> Key {
    jwk(&json!({"kty": "RSA", "n": A2_MODULUS, "e": "AQAB"}))
}

fn p256() -> Key {
    let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    jwk(&json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}))
}

fn ed25519() -> Key {
    jwk(&json!({"kty": "OKP", "crv": "Ed25519", "x": A4_PUBLIC}))
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&strict::bytes(A4_PRIVATE).expect("a seed")).expect("a pair")
}

/// A token of RFC 8037's key with this header.
fn signed(header: &Value, payload: &[u8]) -> String {
    raw(header.to_string().as_bytes(), payload)
}

fn raw(header: &[u8], payload: &[u8]) -> String {
    let text = format!("{}.{}", strict::text(header), strict::text(payload));
    format!("{text}.{}", strict::text(pair().sign(text.as_bytes())))
}

fn check(token: &str, keys: &[Key]) -> Result<(), Doubt> {
    Jws::read(token).map_err(Doubt::Bad)?.signed_by(keys)
}

/// `{"alg":"…"}` and the signature of an example.
fn example(header: &str, signature: &str) -> String {
    format!("{}.{JOE}.{signature}", strict::text(header))
}

#[test]
fn the_examples_of_the_standards_hold() {
    let secret = Key::secret(&strict::bytes(A1_SECRET).expect("bytes"), &[Algorithm::Hs256]).expect("long enough");
    let hs256 = example("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", A1_SIGNATURE);
    let (rs256, es256) = (example(r#"{"alg":"RS256"}"#, A2_SIGNATURE), example(r#"{"alg":"ES256"}"#, A3_SIGNATURE));
    for (token, key) in [(hs256.as_str(), secret), (&rs256, rsa()), (&es256, p256()), (A4, ed25519())] {
        assert_eq!(check(token, &[key]), Ok(()), "{token}");
    }
    let read = Jws::read(A4).expect("read");
    assert_eq!(read.payload(), b"Example of Ed25519 signing");
    assert_eq!(read.claims(), None, "a sentence says nothing");
    assert_eq!(raw(br#"{"alg":"EdDSA"}"#, b"Example of Ed25519 signing"), A4, "signing is the reverse");
    assert_eq!(strict::text(pair().public_key()), A4_PUBLIC);
}

#[test]
fn one_key_is_found_among_many_by_what_it_is() {
    let keys = [rsa(), p256(), ed25519()];
    for token in
        [example(r#"{"alg":"RS256"}"#, A2_SIGNATURE), example(r#"{"alg":"ES256"}"#, A3_SIGNATURE), A4.to_owned()]
    {
        assert_eq!(check(&token, &keys), Ok(()));
    }
    assert_eq!(check(A4, &[ed25519(), ed25519()]), Err(Doubt::Bad("it does not say which key signed it")));
    assert_eq!(check(A4, &[]), Err(Doubt::NoKey));
    assert_eq!(check(A4, &[rsa()]), Err(Doubt::NoKey));
}

#[test]
fn a_name_leads_to_its_key_and_to_no_other() {
    let named = |kid: &str| jwk(&json!({"kty": "OKP", "crv": "Ed25519", "x": A4_PUBLIC, "kid": kid}));
    let other = jwk(&json!({"kty": "OKP", "crv": "Ed25519", "x": strict::text([9; 32]), "kid": "other"}));
    let token = |kid: &str| signed(&json!({"alg": "EdDSA", "kid": kid}), b"{}");
    assert_eq!(check(&token("a"), &[named("a"), other.clone()]), Ok(()));
    assert_eq!(check(&token("b"), &[named("a"), other.clone()]), Err(Doubt::NoKey));
    assert_eq!(check(&token("other"), &[named("a"), other]), Err(Doubt::Bad("its signature is wrong")));
    assert_eq!(check(&token("a"), &[ed25519()]), Err(Doubt::NoKey), "a key without a name is not called so");
    assert_eq!(check(&signed(&json!({"alg": "EdDSA"}), b"{}"), &[named("a")]), Ok(()), "the only one that fits");
    let wrong = jwk(&json!({"kty": "RSA", "n": A2_MODULUS, "e": "AQAB", "kid": "a"}));
    assert_eq!(check(&token("a"), &[wrong]), Err(Doubt::Bad("its algorithm is not its key's")));
}

#[test]
fn no_spelling_of_none_passes() {
    for name in ["none", "None", "NONE", "nOnE", "none ", "", "null"] {
        for end in [String::new(), strict::text([0; 64]), A4.rsplit('.').next().expect("an end").to_owned()] {
            let token = format!("{}.{JOE}.{end}", strict::text(json!({"alg": name}).to_string()));
            for keys in [&[][..], &[ed25519()], &[rsa(), p256()]] {
                assert_eq!(check(&token, keys), Err(Doubt::Bad("its algorithm is none of ours")), "{name:?}");
            }
        }
    }
    for header in [json!({}), json!({"alg": null}), json!({"alg": ["EdDSA"]}), json!({"Alg": "EdDSA"})] {
        assert!(matches!(check(&signed(&header, b"{}"), &[ed25519()]), Err(Doubt::Bad(_))), "{header}");
    }
    for end in ["", "."] {
        let token = A4.rsplit_once('.').expect("an end").0.to_owned() + end;
        assert!(matches!(check(&token, &[ed25519()]), Err(Doubt::Bad(_))), "{token}");
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // What an attacker knows of a key, in every form that a library might have taken for its bytes.
    let public = strict::bytes(A4_PUBLIC).expect("bytes");
    let modulus = strict::bytes(A2_MODULUS).expect("bytes");
    let texts = [A4_PUBLIC.as_bytes(), A2_MODULUS.as_bytes(), &public, &modulus];
    for (algorithm, hash) in
        [("HS256", ring::hmac::HMAC_SHA256), ("HS384", ring::hmac::HMAC_SHA384), ("HS512", ring::hmac::HMAC_SHA512)]
    {
        let text = format!("{}.{JOE}", strict::text(json!({"alg": algorithm}).to_string()));
        for secret in texts {
            let tag = ring::hmac::sign(&ring::hmac::Key::new(hash, secret), text.as_bytes());
            let token = format!("{text}.{}", strict::text(tag));
            assert_eq!(check(&token, &[rsa(), p256(), ed25519()]), Err(Doubt::NoKey), "{algorithm}");
        }
    }
}

#[test]
fn a_signature_does_not_pass_for_one_of_another_algorithm() {
    for algorithm in Algorithm::ALL {
        let header = json!({"alg": algorithm.name()}).to_string();
        for (signature, key, own) in [(A2_SIGNATURE, rsa(), Algorithm::Rs256), (A3_SIGNATURE, p256(), Algorithm::Es256)]
        {
            let token = format!("{}.{JOE}.{signature}", strict::text(&header));
            assert_eq!(check(&token, &[key]).is_ok(), algorithm == own, "{algorithm:?} for {own:?}");
        }
    }
    // A key that says its algorithm takes no other of its family.
    let fixed = jwk(&json!({"kty": "RSA", "n": A2_MODULUS, "e": "AQAB", "alg": "PS256"}));
    assert_eq!(check(&example(r#"{"alg":"RS256"}"#, A2_SIGNATURE), &[fixed]), Err(Doubt::NoKey));
}

#[test]
fn a_header_brings_no_keys_and_demands_nothing() {
    // The attacker's own key, in every place where a header may have one; the signature is theirs, and right.
    let own = json!({"kty": "OKP", "crv": "Ed25519", "x": A4_PUBLIC, "kid": "a"});
    let other = jwk(&json!({"kty": "OKP", "crv": "Ed25519", "x": strict::text([9; 32]), "kid": "a"}));
    for (name, value) in [
        ("jwk", own),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("x5u", json!("https://attacker.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("a' OR '1'='1")),
    ] {
        let mut header = json!({"alg": "EdDSA", "kid": "a"});
        header[name] = value;
        let token = signed(&header, b"{}");
        let refused = check(&token, std::slice::from_ref(&other));
        assert!(matches!(refused, Err(Doubt::NoKey | Doubt::Bad("its signature is wrong"))), "{header}: {refused:?}");
    }
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!(null), json!("exp")] {
        let token = signed(&json!({"alg": "EdDSA", "crit": crit, "b64": false, "exp": 1}), b"{}");
        assert_eq!(
            check(&token, &[ed25519()]),
            Err(Doubt::Bad("its header has an extension that must be understood")),
            "{crit}"
        );
    }
    let extra = signed(&json!({"alg": "EdDSA", "jku": 7, "x5t": "a", "more": {"a": 1}}), b"{}");
    assert_eq!(check(&extra, &[ed25519()]), Ok(()), "what is not understood is not looked at");
}

#[test]
fn a_token_is_written_in_one_way() {
    let good = signed(&json!({"alg": "EdDSA"}), br#"{"sub":"ann"}"#);
    assert_eq!(check(&good, &[ed25519()]), Ok(()));
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let last = signature.chars().last().expect("a character");
    let other_bits = signature[..signature.len() - 1].to_owned() + if last == 'A' { "B" } else { "h" };
    for token in [
        format!("{good}="),
        format!("{good}=="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}.{other_bits}"),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!("{header}..{signature}"),
        good.replace('.', ".\n"),
        good.replace('.', "%2E"),
        String::new(),
        "..".to_owned(),
    ] {
        assert!(matches!(check(&token, &[ed25519()]), Err(Doubt::Bad(_))), "{token:?}");
    }
    for header in [
        r#"{"alg":"EdDSA","alg":"EdDSA"}"#,
        r#"{"alg":"none","alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","kid":"a","kid":"b"}"#,
        r#"["EdDSA"]"#,
        r#""EdDSA""#,
        r#"{"alg":"EdDSA"}{}"#,
        r#"{"alg":"EdDSA","kid":7}"#,
        r#"{"alg":"EdDSA","typ":7}"#,
        "",
    ] {
        assert!(matches!(check(&raw(header.as_bytes(), b"{}"), &[ed25519()]), Err(Doubt::Bad(_))), "{header}");
    }
}

#[test]
fn a_token_has_a_bound() {
    let longest = |bytes: usize| signed(&json!({"alg": "EdDSA"}), &vec![b' '; bytes]);
    let fits = (0..).find(|bytes| longest(6_000 + bytes).len() > kernel::limits::TOKEN_BYTES).expect("some") - 1;
    assert_eq!(check(&longest(6_000 + fits), &[ed25519()]), Ok(()));
    assert_eq!(check(&longest(6_001 + fits), &[ed25519()]), Err(Doubt::Bad("it is too long")));
}

#[test]
fn a_kind_is_read_as_media_types_are() {
    for (kind, is) in [
        (json!("at+jwt"), true),
        (json!("AT+JWT"), true),
        (json!("application/at+jwt"), true),
        (json!("Application/AT+jwt"), true),
        (json!("JWT"), false),
        (json!("at+jwt "), false),
        (json!("application/application/at+jwt"), false),
        (json!(""), false),
    ] {
        let token = signed(&json!({"alg": "EdDSA", "typ": kind}), b"{}");
        assert_eq!(Jws::read(&token).expect("read").is("at+jwt"), is, "{kind}");
    }
    assert!(!Jws::read(A4).expect("read").has_kind());
}

#[test]
fn a_token_with_one_bit_flipped_is_refused() {
    let rs256 = example(r#"{"alg":"RS256"}"#, A2_SIGNATURE);
    let es256 = example(r#"{"alg":"ES256"}"#, A3_SIGNATURE);
    let keys = [rsa(), p256(), ed25519()];
    for token in [rs256.as_str(), &es256, A4] {
        let mut tried = 0;
        for at in 0..token.len() * 8 {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at / 8] ^= 1 << (at % 8);
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(check(&changed, &keys).is_err(), "bit {at} of {token}");
            tried += 1;
        }
        assert!(tried > token.len() * 6, "most flips leave text");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = check(&text, &[ed25519()]);
    }

    #[test]
    fn any_parts_are_read_or_refused(header in "\\PC{0,60}", payload in "\\PC{0,60}", end in "[A-Za-z0-9_-]{0,100}") {
        let token = format!("{}.{}.{end}", strict::text(header), strict::text(payload));
        proptest::prop_assert!(check(&token, &[ed25519(), rsa()]).is_err());
    }

    #[test]
    fn what_is_signed_is_what_is_read(payload in "\\PC{0,200}", kid in "[a-z]{0,10}") {
        let token = signed(&json!({"alg": "EdDSA", "more": kid}), payload.as_bytes());
        proptest::prop_assert_eq!(check(&token, &[ed25519()]), Ok(()));
        let read = Jws::read(&token).expect("read");
        proptest::prop_assert_eq!(read.payload(), payload.as_bytes());
    }
}
