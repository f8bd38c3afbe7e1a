//! Signing in on our pages by an issuer: the authorization code flow of OpenID Connect, with PKCE, `state` and `nonce`.
//!
//! What the browser brings back is worth something only in the browser that began, once, within ten minutes, and from the issuer that it
//! was sent to. Whoever the identity token speaks of is a person by issuer and subject alone, never by an address.

mod ask;
mod attempt;
mod come;
pub(crate) mod http;
mod settings;

use std::sync::Arc;

use ::http::StatusCode;
use kernel::{Clock, Entropy, Problem, ProblemResult, Secret, limits};
use outbound::Outbound;
use serde_json::Value;
use tokio::sync::Mutex;

use self::ask::{Endpoints, Trouble};
use self::attempt::Attempt;
use crate::issuers::{Issuers, Place};
use crate::tokens::{Claims, Jws, Refusal};

pub(crate) use self::come::USED;
pub use self::settings::{Settings, Who, Wrong};

/// The code of a problem that is the issuer's, and no failure of ours.
pub(crate) const AWAY: &str = "issuer_away";

/// The issuers by which people sign in. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Providers(Arc<Parts>);

struct Parts {
    /// Where people reach us.
    base_url: String,
    outbound: Outbound,
    clock: Clock,
    known: Vec<Provider>,
}

/// One of them.
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    scope: String,
    who: Who,
    domains: Vec<String>,
    token_url: Option<String>,
    /// This issuer alone, with us as the audience.
    believed: Issuers,
    /// One asks, the others wait for the answer.
    last: Mutex<Option<Last>>,
}

/// What an issuer said last of where it does what, and until when it is not asked again.
struct Last {
    said: Result<Arc<Endpoints>, Arc<Trouble>>,
    until_ms: i64,
}

/// What a browser brings back.
pub(crate) struct Answer<'a> {
    pub(crate) code: Option<&'a Secret>,
    /// Whose it says it is (RFC 9207).
    pub(crate) issuer: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
}

impl Providers {
    /// Those of the settings, for people who reach us at `base_url`. Nothing is asked before somebody signs in.
    ///
    /// # Errors
    /// [`Wrong`] for settings that cannot be: a name twice, more than [`limits::ISSUERS`], or what its field says.
    pub fn new(settings: &[Settings], base_url: &str, outbound: Outbound, clock: Clock) -> Result<Self, Wrong> {
        let mut known: Vec<Provider> = Vec::new();
        for it in settings {
            let wrong = |what: String| Wrong { name: it.name.clone(), what };
            if known.len() == limits::ISSUERS || known.iter().any(|known| known.name == it.name) {
                return Err(wrong("each has a name of its own, and there are not too many".to_owned()));
            }
            let checked = it.check()?;
            let believed = Issuers::of_operator(&[checked], outbound.clone(), clock.clone());
            let host = Place::of(&it.issuer).map(|place| place.host().to_owned()).unwrap_or_default();
            known.push(Provider {
                name: it.name.clone(),
                label: if it.label.is_empty() { host } else { it.label.clone() },
                issuer: it.issuer.clone(),
                client_id: it.client_id.clone(),
                client_secret: it.client_secret.clone(),
                scope: it.scopes.join(" "),
                who: it.who,
                domains: it.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
                token_url: it.token_url.clone(),
                believed: believed.map_err(|error| wrong(error.what.to_owned()))?,
                last: Mutex::default(),
            });
        }
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self(Arc::new(Parts { base_url, outbound, clock, known })))
    }

    pub(crate) fn all(&self) -> &[Provider] {
        &self.0.known
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Provider> {
        self.0.known.iter().find(|known| known.name == name)
    }

    /// Where the issuer sends the browser back to. Each issuer has an address of its own: an answer of one is never read as another's.
    fn redirect(&self, provider: &Provider) -> String {
        format!("{}/sign-in/with/{}/callback", self.0.base_url, provider.name)
    }

    async fn endpoints(&self, provider: &Provider) -> Result<Arc<Endpoints>, Arc<Trouble>> {
        let mut last = provider.last.lock().await;
        let now_ms = self.0.clock.now_ms();
        if let Some(last) = last.as_ref().filter(|last| now_ms < last.until_ms) {
            return last.said.clone();
        }
        let said = ask::endpoints(&self.0.outbound, provider).await.map(Arc::new).map_err(Arc::new);
        let kept_ms = if said.is_ok() { limits::ISSUER_KEPT_MS.0 } else { limits::ISSUER_RETRY_MS };
        // What it said before holds on while it does not answer.
        let said = said.or_else(|trouble| match last.take() {
            Some(Last { said: Ok(before), .. }) => Ok(before),
            _ => Err(trouble),
        });
        *last = Some(Last { said: said.clone(), until_ms: now_ms.saturating_add(kept_ms) });
        said
    }

    /// Whether people come to us by TLS: whatever a proxy says of it, those who come back from an issuer do.
    pub(crate) fn are_reached_by_tls(&self) -> bool {
        self.0.base_url.starts_with("https://")
    }

    /// Whether it can be said where the issuer does what.
    pub(crate) async fn answers(&self, provider: &Provider) -> ProblemResult<()> {
        self.endpoints(provider).await.map(drop).map_err(|trouble| away(provider, &trouble))
    }

    /// A new attempt, and where the browser goes for it.
    pub(crate) async fn begin(
        &self,
        provider: &Provider,
        entropy: &Entropy,
        asked: (&str, &str),
    ) -> ProblemResult<(Attempt, String)> {
        let endpoints = self.endpoints(provider).await.map_err(|trouble| away(provider, &trouble))?;
        let attempt = Attempt::new(entropy, &provider.name, asked, self.0.clock.now_ms());
        let (redirect, challenge) = (self.redirect(provider), attempt.challenge());
        let asks = [
            ("response_type", "code"),
            ("client_id", &provider.client_id),
            ("redirect_uri", &redirect),
            ("scope", &provider.scope),
            ("state", &attempt.state),
            ("nonce", &attempt.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let asks = serde_urlencoded::to_string(asks).map_err(Problem::internal)?;
        let sign = if endpoints.authorization.contains('?') { '&' } else { '?' };
        Ok((attempt, format!("{}{sign}{asks}", endpoints.authorization)))
    }

    /// What the issuer says of whoever came back, for this attempt alone.
    pub(crate) async fn finish(
        &self,
        provider: &Provider,
        attempt: &Attempt,
        answer: &Answer<'_>,
    ) -> ProblemResult<Claims> {
        let endpoints = self.endpoints(provider).await.map_err(|trouble| away(provider, &trouble))?;
        // Another issuer may have been sent to, and have sent on to this one, to be told its code.
        let other = answer.issuer.map_or(endpoints.says_who, |issuer| issuer != provider.issuer);
        if other {
            return Err(unproved(provider, "the answer is another issuer's"));
        }
        if let Some(error) = answer.error {
            return Err(declined(provider, error));
        }
        let code = answer.code.filter(|code| (1..=limits::SIGN_IN_CODE_BYTES).contains(&code.expose().len()));
        let code = code.ok_or_else(|| unproved(provider, "the answer has no code"))?;
        let redirect = self.redirect(provider);
        let token = ask::exchange(&self.0.outbound, (provider, &endpoints), (attempt, code), &redirect).await;
        let token = token.map_err(|trouble| away(provider, &trouble))?;
        let claims = match provider.believed.verify(token.expose()).await {
            Ok((_, claims)) => claims,
            Err(Refusal::Unknown(trouble)) => return Err(away(provider, &*trouble)),
            Err(Refusal::Expired) => return Err(unproved(provider, "the identity token has ended")),
            Err(Refusal::Bad(why)) => return Err(unproved(provider, why)),
        };
        let is_access = Jws::read(token.expose()).is_ok_and(|jws| jws.is("at+jwt"));
        if is_access {
            return Err(unproved(provider, "it is an access token"));
        }
        provider.is_for(attempt, &claims).map_err(|why| unproved(provider, why))?;
        provider.is_of_domain(&claims)?;
        Ok(claims)
    }
}

impl Provider {
    /// What an identity token says beside what every token does (OpenID Connect Core 1.0, section 3.1.3.7).
    fn is_for(&self, attempt: &Attempt, claims: &Claims) -> Result<(), &'static str> {
        if claims.rest.get("nonce").and_then(Value::as_str) != Some(&attempt.nonce) {
            return Err("it was made for another sign-in");
        }
        match claims.rest.get("azp") {
            Some(party) if party.as_str() == Some(&self.client_id) => {}
            Some(_) => return Err("it was given to somebody else"),
            None if claims.audience.len() > 1 => return Err("it does not say to whom it was given"),
            None => {}
        }
        claims.issued_at_ms.map(drop).ok_or("it does not say when it was made")
    }

    fn is_of_domain(&self, claims: &Claims) -> ProblemResult<()> {
        if self.who != Who::Domains {
            return Ok(());
        }
        let shown = claims.rest.get("email_verified") == Some(&Value::Bool(true));
        let email = claims.rest.get("email").and_then(Value::as_str).and_then(crate::people::model::email);
        let domain = email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
        if shown && domain.is_some_and(|domain| self.domains.iter().any(|known| known == domain)) {
            return Ok(());
        }
        let words = format!(
            "Only people with an address of certain organisations may sign in with {}, and it must say that the address is theirs.",
            self.label
        );
        Err(Problem::forbidden(words))
    }
}

/// The words name no part of what was asked or answered.
fn away(provider: &Provider, trouble: &dyn std::error::Error) -> Problem {
    let error = kernel::problem::chain(trouble);
    tracing::warn!(issuer = provider.name, error, "an issuer could not be asked for a sign-in");
    let words = format!("{} does not answer as it should. Try again a little later.", provider.label);
    Problem::new(StatusCode::BAD_GATEWAY, AWAY, words)
}

fn unproved(provider: &Provider, why: &str) -> Problem {
    tracing::warn!(issuer = provider.name, why, "a sign-in was refused");
    let words = format!("What came back from {} does not prove who you are. Begin again.", provider.label);
    Problem::new(StatusCode::FORBIDDEN, "sign_in_unproved", words)
}

/// What the issuer says itself is not repeated: whoever makes a link can have it say anything.
fn declined(provider: &Provider, error: &str) -> Problem {
    let words = match error {
        "access_denied" => {
            format!("{} did not let you in, or you did not want it to. Nothing has changed.", provider.label)
        }
        "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
            format!("{} wants you to sign in there first. Begin again.", provider.label)
        }
        "temporarily_unavailable" | "server_error" => {
            format!("{} cannot do this at the moment. Try again a little later.", provider.label)
        }
        _ => format!("{} refuses what we ask of it. Tell an administrator of this server.", provider.label),
    };
    Problem::forbidden(words)
}
