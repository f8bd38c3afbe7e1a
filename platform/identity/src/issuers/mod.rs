//! Tokens of others: issuers that an operator names, and nobody else.
//!
//! Which issuer a token is from, it says itself; from then on it is held against that one alone: its keys, its ways to sign, its
//! audience. So a key of one issuer says nothing in the name of another.

mod ask;
mod settings;
mod state;

use std::sync::Arc;

use kernel::{Clock, limits};
use outbound::{Outbound, Policy};
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use self::ask::Trouble;
pub(crate) use self::settings::Place;
use self::settings::{Address, Source};
use self::state::{Asked, Step};
use crate::tokens::{Algorithm, Claims, Doubt, Expected, Jws, Key, Refusal};

pub use self::settings::{Settings, Wrong};

/// What a token may say to be (`typ`), if it says so at all. Logout tokens, proofs and security events have kinds of their own.
const KINDS: [&str; 2] = ["jwt", "at+jwt"];

/// The issuers whose tokens are taken. Clones are handles to the same keys.
#[derive(Clone)]
pub struct Issuers(Arc<Parts>);

struct Parts {
    outbound: Outbound,
    /// Whose addresses their keys are at.
    policy: Policy,
    clock: Clock,
    known: Vec<Arc<Issuer>>,
}

struct Issuer {
    name: Arc<str>,
    audience: String,
    parties: Vec<String>,
    source: Source,
    algorithms: Vec<Algorithm>,
    view: Mutex<View>,
    /// One asks, the others wait for its answer.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct View {
    asked: Asked,
    keys: Arc<[Key]>,
    /// Why the last question got no answer.
    trouble: Option<Arc<Trouble>>,
}

impl Issuers {
    /// Those of the settings. Nothing is asked before a token needs it.
    ///
    /// # Errors
    /// [`Wrong`] for settings that cannot be: an issuer twice, more than [`limits::ISSUERS`], or what its field says.
    pub fn new(settings: &[Settings], outbound: Outbound, clock: Clock) -> Result<Self, Wrong> {
        Self::at(settings, outbound, clock, Policy::Public)
    }

    /// As [`Issuers::new`], of issuers that may be inside the operator's own network: their keys are on hosts that the operator names, and
    /// nothing that strangers send has them asked for.
    pub(crate) fn of_operator(settings: &[Settings], outbound: Outbound, clock: Clock) -> Result<Self, Wrong> {
        Self::at(settings, outbound, clock, Policy::Operator)
    }

    fn at(settings: &[Settings], outbound: Outbound, clock: Clock, policy: Policy) -> Result<Self, Wrong> {
        let mut known: Vec<Arc<Issuer>> = Vec::new();
        for it in settings {
            let wrong = |what| Err(Wrong { issuer: it.issuer.clone(), what });
            if known.len() == limits::ISSUERS {
                return wrong("there are too many issuers");
            }
            if known.iter().any(|issuer| *issuer.name == *it.issuer) {
                return wrong("an issuer is named once");
            }
            let (source, algorithms) = it.check()?;
            known.push(Arc::new(Issuer {
                name: it.issuer.as_str().into(),
                audience: it.audience.clone(),
                parties: it.authorized_parties.clone(),
                source,
                algorithms,
                view: Mutex::default(),
                asking: Arc::default(),
            }));
        }
        Ok(Self(Arc::new(Parts { outbound, policy, clock, known })))
    }

    /// Whether any issuer is set.
    pub fn is_empty(&self) -> bool {
        self.0.known.is_empty()
    }

    /// Whether tokens of this one are taken.
    pub(crate) fn know(&self, issuer: &str) -> bool {
        self.0.known.iter().any(|known| *known.name == *issuer)
    }

    /// What a token says, and the issuer that made it, if it is one of ours and the token is good now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify(&self, token: &str) -> Result<(Arc<str>, Claims), Refusal> {
        let jws = Jws::read(token).map_err(Refusal::Bad)?;
        if jws.has_kind() && !KINDS.iter().any(|kind| jws.is(kind)) {
            return Err(Refusal::Bad("it was made for something else"));
        }
        let said = jws.claims().ok_or(Refusal::Bad("its payload is no JSON object, or names a member twice"))?;
        let name = said.get("iss").and_then(|name| name.as_str()).ok_or(Refusal::Bad("it does not say who made it"))?;
        let issuer = self.0.known.iter().find(|issuer| *issuer.name == *name);
        let issuer = issuer.ok_or(Refusal::Bad("it is of no issuer of ours"))?;
        let mut signed = jws.signed_by(&self.keys(issuer, false).await?);
        if signed == Err(Doubt::NoKey) {
            signed = jws.signed_by(&self.keys(issuer, true).await?);
        }
        match (signed, &issuer.view.lock().trouble) {
            // It may have been signed by a key that the issuer could not tell us of.
            (Err(Doubt::NoKey), Some(trouble)) => return Err(Refusal::Unknown(trouble.clone())),
            (signed, _) => signed?,
        }
        let expected = Expected { issuer: &issuer.name, audience: &issuer.audience, parties: &issuer.parties };
        let claims = Claims::judge(said, &expected, self.0.clock.now_ms())?;
        Ok((issuer.name.clone(), claims))
    }

    /// The keys that an issuer is believed by, asked for where it is time to.
    async fn keys(&self, issuer: &Arc<Issuer>, missing: bool) -> Result<Arc<[Key]>, Refusal> {
        let address = match &issuer.source {
            Source::Shared(keys) => return Ok(keys.clone()),
            Source::Asked(address) => address,
        };
        let (step, tries) = {
            let asked = &issuer.view.lock().asked;
            let under_way = issuer.asking.try_lock().is_err();
            (asked.step(self.0.clock.now_ms(), missing, under_way), asked.tries)
        };
        match step {
            Step::Use => {}
            Step::Beside => {
                // Whoever holds the lock is asking already.
                if let Ok(turn) = issuer.asking.clone().try_lock_owned() {
                    drop(self.ask(issuer, address, tries, turn));
                }
            }
            Step::Wait => drop(issuer.asking.lock().await),
            Step::Ask => {
                let turn = issuer.asking.clone().lock_owned().await;
                if let Some(asking) = self.ask(issuer, address, tries, turn) {
                    asking.await.map_err(|error| Refusal::Unknown(Arc::new(error)))?;
                }
            }
        }
        let view = issuer.view.lock();
        if view.asked.is_believed(self.0.clock.now_ms()) {
            return Ok(view.keys.clone());
        }
        let trouble = view.trouble.clone().unwrap_or_else(|| Arc::new(Trouble::Late));
        Err(Refusal::Unknown(trouble))
    }

    /// Asks on a task of its own, so that a caller who goes away takes no answer from those who wait. `None` when it was asked since
    /// `tries`.
    fn ask(
        &self,
        issuer: &Arc<Issuer>,
        address: &Address,
        tries: u64,
        turn: OwnedMutexGuard<()>,
    ) -> Option<JoinHandle<()>> {
        {
            let mut view = issuer.view.lock();
            if view.asked.tries != tries {
                return None;
            }
            view.asked.ask(self.0.clock.now_ms());
        }
        let (parts, issuer, address) = (self.0.clone(), issuer.clone(), address.clone());
        Some(tokio::spawn(async move {
            let _turn = turn;
            let answer = ask::keys((&parts.outbound, parts.policy), &issuer.name, &address, &issuer.algorithms).await;
            let mut view = issuer.view.lock();
            match answer {
                Ok((keys, kept_ms)) => {
                    view.asked.answer(parts.clock.now_ms(), kept_ms);
                    (view.keys, view.trouble) = (keys.into(), None);
                }
                Err(trouble) => {
                    let error = kernel::problem::chain(&trouble);
                    tracing::warn!(issuer = &*issuer.name, error, "an issuer's keys could not be read");
                    view.asked.fail();
                    view.trouble = Some(Arc::new(trouble));
                }
            }
        }))
    }
}
