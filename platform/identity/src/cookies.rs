//! What browsers keep for us. Over TLS the names begin with `__Host-`: no other host, not even a neighbour under the same domain, can
//! have a browser send us one of those (RFC 6265bis, section 4.1.3.2). Over plain HTTP browsers take no such cookie.

use axum::http::{HeaderMap, HeaderValue, header};
use kernel::{Problem, ProblemResult};

use crate::Identity;

/// The session.
pub(crate) const SESSION: &str = "mainspring_session";
/// What a browser that signed in keeps, so that nobody else's guesses lock it out.
pub(crate) const DEVICE: &str = "mainspring_device";
/// How long it keeps it, seconds.
pub(crate) const DEVICE_S: i64 = 365 * 86_400;
/// A sign-in with an issuer that is under way.
pub(crate) const ATTEMPT: &str = "mainspring_signing_in";
/// What binds a cookie to the host that set it.
const HOST: &str = "__Host-";

/// What a browser shows under this name, in either form.
pub(crate) fn shown<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    bound(headers, name).or_else(|| plain(headers, name))
}

/// All that it shows under this name: a browser that changed from one form to the other may have both.
pub(crate) fn all_shown<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    [bound(headers, name), plain(headers, name)].into_iter().flatten()
}

/// What only this host can have set.
pub(crate) fn bound<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    pairs(headers).find_map(|pair| pair.strip_prefix(HOST)?.strip_prefix(name)?.strip_prefix('='))
}

pub(crate) fn plain<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    pairs(headers).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).map(str::trim)
}

/// Has the browser keep a secret, for us alone, and forget what it had under the other form of the name.
pub(crate) fn keep(
    out: &mut HeaderMap,
    asked: &HeaderMap,
    (name, value, max_age_s): (&str, &str, i64),
    secure: bool,
) -> ProblemResult<()> {
    out.append(header::SET_COOKIE, cookie(name, value, max_age_s, secure)?);
    if secure && plain(asked, name).is_some() {
        out.append(header::SET_COOKIE, cookie(name, "", 0, false)?);
    }
    Ok(())
}

/// Has the browser forget it, under either form of the name that it may have.
pub(crate) fn forget(out: &mut HeaderMap, asked: &HeaderMap, name: &str, secure: bool) -> ProblemResult<()> {
    if secure || bound(asked, name).is_some() {
        out.append(header::SET_COOKIE, cookie(name, "", 0, true)?);
    }
    if !secure || plain(asked, name).is_some() {
        out.append(header::SET_COOKIE, cookie(name, "", 0, false)?);
    }
    Ok(())
}

fn cookie(name: &str, value: &str, max_age_s: i64, secure: bool) -> ProblemResult<HeaderValue> {
    let (host, secure) = if secure { (HOST, "; Secure") } else { ("", "") };
    let cookie = format!("{host}{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}");
    let mut cookie = HeaderValue::try_from(cookie).map_err(Problem::internal)?;
    cookie.set_sensitive(!value.is_empty());
    Ok(cookie)
}

/// Whether the browser speaks TLS to whatever stands before us: of several proxies the first one talked to it.
pub fn is_https(headers: &HeaderMap) -> bool {
    let proto = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok()).unwrap_or_default();
    proto.split(',').next().is_some_and(|first| first.trim().eq_ignore_ascii_case("https"))
}

impl Identity {
    /// Whether a browser keeps what is for TLS alone: the proxy says so that ends TLS, or it asked for the address at which the operator
    /// says that people reach us by https. On plain loopback such a cookie would be dropped by some browsers.
    pub(crate) fn is_secure(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let public = self.secure_host.as_deref();
        is_https(headers) || public.is_some() && host.map(str::to_ascii_lowercase).as_deref() == public
    }
}
