//! What an issuer is asked for when somebody signs in: where it does what, and what a code is worth. The addresses are the operator's:
//! on the issuer's own host, or in the settings.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use kernel::{Secret, limits};
use outbound::{Outbound, Policy, Request};
use serde_json::{Map, Value};

use super::Provider;
use super::attempt::Attempt;
use crate::issuers::Place;
use crate::tokens::object;

/// Why the issuer was no help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the issuer does not answer")]
    Away(#[from] outbound::Error),
    #[error("the issuer answers {0}{1}")]
    Status(StatusCode, &'static str),
    #[error("the issuer says nothing that can be used: {0}")]
    Document(&'static str),
}

/// Where an issuer does what (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// Where browsers go.
    pub(crate) authorization: String,
    /// Where codes are exchanged.
    token: String,
    /// Whether it says with each answer whose it is (RFC 9207).
    pub(crate) says_who: bool,
    /// Whether it takes our secret in the body alone.
    in_body: bool,
}

/// Why a code was not exchanged, of what is said of that (RFC 6749, section 5.2): words of the standard, and nothing else of the answer.
const REASONS: [&str; 6] = [
    ": invalid_request",
    ": invalid_client",
    ": invalid_grant",
    ": unauthorized_client",
    ": unsupported_grant_type",
    ": invalid_scope",
];

/// Asks an issuer where it does what.
pub(crate) async fn endpoints(outbound: &Outbound, provider: &Provider) -> Result<Endpoints, Trouble> {
    let url = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
    let request = Request::new("sign_in", Policy::Operator, Method::GET, url);
    let answer = outbound.send(bounded(request)).await?;
    if answer.status != StatusCode::OK {
        return Err(Trouble::Status(answer.status, ""));
    }
    let document = object(&answer.body).ok_or(Trouble::Document("its configuration is no JSON object"))?;
    read(&document, &provider.issuer, provider.token_url.as_deref()).map_err(Trouble::Document)
}

fn read(document: &Map<String, Value>, issuer: &str, token_url: Option<&str>) -> Result<Endpoints, &'static str> {
    let says = |name: &str| document.get(name).and_then(Value::as_str);
    if says("issuer") != Some(issuer) {
        return Err("its configuration is another issuer's");
    }
    let authorization = says("authorization_endpoint").ok_or("its configuration has no authorization_endpoint")?;
    Place::of(authorization).ok_or("its authorization_endpoint is no https:// address")?;
    let token = match token_url {
        Some(url) => url,
        None => {
            let url = says("token_endpoint").ok_or("its configuration has no token_endpoint")?;
            if Place::of(url).is_none() || Place::of(url) != Place::of(issuer) {
                return Err("its token_endpoint is on another host: if it should be, set token_url");
            }
            url
        }
    };
    let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let takes = |way: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == way));
    Ok(Endpoints {
        authorization: authorization.to_owned(),
        token: token.to_owned(),
        says_who: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        in_body: takes("client_secret_post") && !takes("client_secret_basic"),
    })
}

/// Exchanges a code for the identity token that it is worth.
pub(crate) async fn exchange(
    outbound: &Outbound,
    (provider, endpoints): (&Provider, &Endpoints),
    (attempt, code): (&Attempt, &Secret),
    redirect: &str,
) -> Result<Secret, Trouble> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect),
        ("code_verifier", &attempt.verifier),
    ];
    let basic = provider.client_secret.as_ref().filter(|_| !endpoints.in_body);
    if basic.is_none() {
        form.push(("client_id", &provider.client_id));
        form.extend(provider.client_secret.as_ref().map(|secret| ("client_secret", secret.expose())));
    }
    let unfit = |_| Trouble::Document("what it is asked cannot be written");
    let body = serde_urlencoded::to_string(form).map_err(unfit)?;
    let mut request = Request::new("sign_in", Policy::Operator, Method::POST, &endpoints.token)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .body(body);
    if let Some(secret) = basic {
        request = request.header(AUTHORIZATION, authorization(&provider.client_id, secret)?);
    }
    let answer = outbound.send(bounded(request)).await?;
    let said = object(&answer.body).unwrap_or_default();
    if answer.status != StatusCode::OK {
        let error = said.get("error").and_then(Value::as_str).unwrap_or_default();
        let reason = REASONS.into_iter().find(|reason| reason.strip_prefix(": ") == Some(error));
        return Err(Trouble::Status(answer.status, reason.unwrap_or_default()));
    }
    let token = said.get("id_token").and_then(Value::as_str);
    token.map(Secret::new).ok_or(Trouble::Document("it gives no identity token"))
}

/// Id and secret are each form-encoded before they are joined (RFC 6749, section 2.3.1).
fn authorization(id: &str, secret: &Secret) -> Result<HeaderValue, Trouble> {
    let unfit = |_| Trouble::Document("client_id or client_secret cannot be written");
    // What is written so begins with the `=` of a nameless field.
    let encoded = |text: &str| serde_urlencoded::to_string([("", text)]).map_err(unfit);
    let (id, secret) = (encoded(id)?, encoded(secret.expose())?);
    let pair = STANDARD.encode(format!("{}:{}", &id[1..], &secret[1..]));
    let mut value = HeaderValue::try_from(format!("Basic {pair}"))
        .map_err(|_| Trouble::Document("client_id or client_secret cannot be written"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn bounded(request: Request) -> Request {
    request.at_most(limits::ISSUER_DOCUMENT_BYTES).timeout(Duration::from_millis(limits::ISSUER_ASK_MS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(change: &Value) -> Map<String, Value> {
        let mut document = json!({
            "issuer": "https://login.example/a",
            "authorization_endpoint": "https://login.example/authorize",
            "token_endpoint": "https://login.example/token",
        });
        let members = document.as_object_mut().expect("an object");
        members.extend(change.as_object().expect("an object").clone());
        members.clone()
    }

    fn found(change: &Value, token_url: Option<&str>) -> Result<Endpoints, &'static str> {
        read(&says(change), "https://login.example/a", token_url)
    }

    #[test]
    fn a_code_goes_to_the_issuers_own_host_or_where_the_operator_says() {
        assert_eq!(found(&json!({}), None).expect("good").token, "https://login.example/token");
        let elsewhere = json!({"token_endpoint": "https://other.example/token"});
        assert!(found(&elsewhere, None).is_err());
        let named = found(&elsewhere, Some("https://third.example/token")).expect("good");
        assert_eq!(named.token, "https://third.example/token");
        for wrong in [
            json!({"issuer": "https://login.example/b"}),
            json!({"issuer": null}),
            json!({"authorization_endpoint": "http://login.example/authorize"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"authorization_endpoint": 7}),
            json!({"token_endpoint": "http://login.example/token"}),
            json!({"token_endpoint": "https://login.example:444/token"}),
            json!({"token_endpoint": null}),
        ] {
            assert!(found(&wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_in_the_header_unless_the_body_alone_will_do() {
        for (methods, in_body) in [
            (json!(null), false),
            (json!(["client_secret_basic", "client_secret_post"]), false),
            (json!(["client_secret_post"]), true),
            (json!(["private_key_jwt"]), false),
        ] {
            let document = json!({"token_endpoint_auth_methods_supported": methods});
            assert_eq!(found(&document, None).expect("good").in_body, in_body, "{document}");
        }
        let value = authorization("us:1", &Secret::new("a b/ü")).expect("written");
        let expected = format!("Basic {}", STANDARD.encode("us%3A1:a+b%2F%C3%BC"));
        assert_eq!(value.to_str().expect("text"), expected);
        assert!(value.is_sensitive());
    }
}
