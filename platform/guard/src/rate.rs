//! How much of us a client may have.

use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use bus::{Quota, Taken};
use identity::Caller;
use kernel::{Problem, limits};

use crate::client::counted_as;
use identity::people::RETURN;

use crate::{Client, Guard, is_guess};

const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The policies whose shares belong to API keys and to people; those of all others belong to addresses.
const KEY: &str = "key";
const PERSON: &str = "person";
/// The policy whose shares belong to realtime connections. It is no setting: it keeps a client in bounds that it can be heard in.
const SESSION: &str = "session";
const SESSIONS: Quota = Quota { count: limits::SESSION_REQUESTS_PER_MIN, period_ms: 60_000 };

/// The quotas in force; `None` counts nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Using a sign-in link, an invitation or a password.
    pub sign_in: Option<Quota>,
    /// `/api`, for each address.
    pub api: Option<Quota>,
    /// `/api`, for each API key, from wherever it is used.
    pub key: Option<Quota>,
    /// `/api`, for each person who is signed in, from wherever they are.
    pub person: Option<Quota>,
    /// Webhooks.
    pub ingress: Option<Quota>,
    /// Pages, realtime connections, everything else that anybody may open.
    pub public: Option<Quota>,
}

/// A policy whose text is no quota.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} = {1:?} is no rate: write how many in how long, such as \"600/1m\" (s, m, h, d), or \"off\"")]
pub struct PolicyError(&'static str, String);

impl Policies {
    /// Reads the six settings, in the order of the fields.
    ///
    /// # Errors
    /// [`PolicyError`] for the first that is none.
    pub fn parse([sign_in, api, key, person, ingress, public]: [&str; 6]) -> Result<Self, PolicyError> {
        let read = |field, text: &str| quota(text).ok_or_else(|| PolicyError(field, text.to_owned()));
        Ok(Self {
            sign_in: read("sign_in", sign_in)?,
            api: read("api", api)?,
            key: read("key", key)?,
            person: read("person", person)?,
            ingress: read("ingress", ingress)?,
            public: read("public", public)?,
        })
    }

    fn of(&self, method: &Method, route: &str, caller: Caller) -> Option<(&'static str, Quota)> {
        let (name, quota) = match route {
            "/livez" | "/readyz" | "/startupz" | "/healthz" | "/metrics" => return None,
            route if route.starts_with("/assets/") => return None,
            route if (!method.is_safe() || route == RETURN) && is_guess(route) => ("sign-in", self.sign_in),
            route if route.starts_with("/in/") => ("ingress", self.ingress),
            route if route.starts_with("/api/") && matches!(caller, Caller::Key { .. }) => (KEY, self.key),
            route if route.starts_with("/api/") && matches!(caller, Caller::Person { .. }) => (PERSON, self.person),
            route if route.starts_with("/api/") => ("api", self.api),
            _ => ("public", self.public),
        };
        quota.map(|quota| (name, quota))
    }
}

/// `Some(None)` for "off"; `None` for a text that is no quota.
fn quota(text: &str) -> Option<Option<Quota>> {
    if text == "off" {
        return Some(None);
    }
    let (count, period) = text.trim().split_once('/')?;
    let unit_at = period.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = period.split_at(unit_at);
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let number = if number.is_empty() { 1 } else { u32::from_str(number).ok()? };
    let (count, period_ms) = (u32::from_str(count.trim()).ok()?, number.checked_mul(unit_ms)?);
    (count > 0 && period_ms > 0).then_some(Some(Quota { count, period_ms }))
}

/// Where the client of a request stands.
#[derive(Clone, Copy)]
pub(crate) struct Standing(Option<(&'static str, Quota, Option<Taken>)>);

impl Guard {
    /// Counts a request. One that nobody counts stands nowhere; where the bus is away, everybody is let through.
    pub(crate) async fn count(&self, method: &Method, route: &str, who: (Caller, Option<Client>)) -> Standing {
        let (caller, client) = who;
        let Some((policy, quota)) = self.0.policies.of(method, route, caller) else { return Standing(None) };
        let client = client.filter(|client| !client.0.is_loopback());
        // Keys and people are counted on this machine as well: their share is about what they do, and not about from where.
        let counted = if matches!(policy, KEY | PERSON) {
            Some(caller.to_string())
        } else {
            client.map(|client| counted_as(client.0))
        };
        self.take(policy, quota, counted).await
    }

    /// Counts a request of an open realtime connection, by its public name. Where addresses are not counted, nor are these.
    pub(crate) async fn count_session(&self, session: &str, client: Option<Client>) -> Standing {
        if self.0.policies.public.is_none() {
            return Standing(None);
        }
        let counted = client.is_some_and(|client| !client.0.is_loopback()).then(|| session.to_owned());
        self.take(SESSION, SESSIONS, counted).await
    }

    async fn take(&self, policy: &'static str, quota: Quota, counted: Option<String>) -> Standing {
        let Some(counted) = counted else { return Standing(Some((policy, quota, None))) };
        match self.0.bus.take(&format!("rate:{policy}:{counted}"), quota).await {
            Ok(taken) => Standing(Some((policy, quota, Some(taken)))),
            Err(error) => {
                tracing::debug!(%error, "a request could not be counted");
                Standing(Some((policy, quota, None)))
            }
        }
    }
}

impl Standing {
    /// The answer to a client who has had its share.
    pub(crate) fn refusal(&self) -> Option<Problem> {
        let (policy, quota, Some(taken)) = self.0? else { return None };
        if taken.allowed {
            return None;
        }
        metrics::counter!("ratelimit_rejected_total", "policy" => policy).increment(1);
        let whose = match policy {
            KEY => "API key",
            PERSON => "account",
            SESSION => "connection",
            _ => "address",
        };
        let detail = format!(
            "This {whose} has used up its {} requests in {} s ({policy}). Wait as long as Retry-After says.",
            quota.count,
            quota.period_ms.div_ceil(1_000)
        );
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", detail);
        Some(problem.retry_after(taken.next_in_ms.div_ceil(1_000)))
    }

    /// Says it in the answer's header.
    pub(crate) fn say(&self, headers: &mut HeaderMap) {
        let Some((policy, quota, taken)) = self.0 else { return };
        let seconds = quota.period_ms.div_ceil(1_000);
        let mut set = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        };
        set(POLICY, format!("\"{policy}\";q={};w={seconds}", quota.count));
        if let Some(taken) = taken {
            let resets_s = if taken.allowed { taken.whole_in_ms } else { taken.next_in_ms }.div_ceil(1_000);
            set(STANDING, format!("\"{policy}\";r={};t={resets_s}", taken.remaining));
        }
    }
}

#[cfg(test)]
mod tests {
    use identity::{By, Role};

    use super::*;

    const ID: &str = "usr_01arz3ndektsv4rrffq69g5fav";

    #[test]
    fn a_rate_is_so_many_in_so_long() {
        let read = |text| quota(text).map(|quota| quota.map(|quota| (quota.count, quota.period_ms)));
        assert_eq!(read("600/1m"), Some(Some((600, 60_000))));
        assert_eq!(read("5/10s"), Some(Some((5, 10_000))));
        assert_eq!(read("1/d"), Some(Some((1, 86_400_000))));
        assert_eq!(read("off"), Some(None));
        for wrong in ["", "600", "600/m1", "0/1m", "1/0s", "-1/1s", "1/1y", "1/99999999d", "/1m", "1/é"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let refused = Policies::parse(["1/s", "1/s", "many", "1/s", "1/s", "1/s"]).expect_err("refused");
        assert!(refused.to_string().starts_with("key = \"many\" is no rate"), "{refused}");
    }

    #[test]
    fn every_route_has_the_policy_that_fits() {
        let policies = Policies::parse(["1/s", "2/s", "off", "off", "3/s", "4/s"]).expect("rates");
        let of = |method, route| policies.of(&method, route, Caller::Admin).map(|(name, _)| name);
        assert_eq!(of(Method::POST, "/console/enter/{token}"), Some("sign-in"));
        assert_eq!(of(Method::GET, "/console/enter/{token}"), Some("public"));
        assert_eq!(of(Method::POST, "/api/v1/session"), Some("sign-in"), "whoever is signed in guesses no more");
        assert_eq!(of(Method::GET, "/api/v1/session"), Some("api"));
        assert_eq!(of(Method::POST, "/join"), Some("sign-in"));
        assert_eq!(of(Method::PATCH, "/api/v1/me"), Some("sign-in"));
        assert_eq!(of(Method::POST, "/api/v1/me/token"), Some("api"), "every few minutes, in every tab");
        assert_eq!(of(Method::POST, "/in/{source}"), Some("ingress"));
        assert_eq!(of(Method::GET, "/api/v1/jobs"), Some("api"));
        assert_eq!(of(Method::GET, "/radio/{owner}/{repo}"), Some("public"));
        assert_eq!(of(Method::GET, ""), Some("public"), "an address where there is nothing");
        assert_eq!(of(Method::GET, "/livez"), None);
        assert_eq!(of(Method::GET, "/assets/{*path}"), None);
        let key = Caller::Key { id: 1, scopes: 0 };
        let of = |policies: Policies, route| policies.of(&Method::POST, route, key).map(|(name, _)| name);
        assert_eq!(of(policies, "/api/v1/jobs"), None, "off is off, and not the share of an address");
        let policies = Policies { key: policies.api, ..policies };
        assert_eq!((of(policies, "/api/v1/jobs"), of(policies, "/api/publish")), (Some("key"), Some("key")));
        let person = Caller::Person { id: ID.parse().expect("an id"), role: Role::Member, by: By::Token };
        let of_person = |policies: Policies, route| policies.of(&Method::POST, route, person).map(|(name, _)| name);
        assert_eq!(of_person(policies, "/api/v1/jobs"), None);
        let policies = Policies { person: policies.api, ..policies };
        assert_eq!(of_person(policies, "/api/v1/jobs"), Some("person"));
        assert_eq!(of(policies, "/in/{source}"), Some("ingress"), "elsewhere a key is no more than an address");
    }
}
