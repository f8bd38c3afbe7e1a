//! A doorman with a list: sessions in the header `x-user`, tokens that say whose they are and until when; the bearers `bad` and `old`
//! are just that.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use kernel::{Clock, Secret};
use parking_lot::Mutex;
use realtime::doorman::{Shown, Standing, Unknown};
use realtime::{Caller, Doorman};
use tokio::sync::Semaphore;

pub(crate) struct Register {
    clock: Clock,
    banned: Mutex<HashSet<String>>,
    ended: Mutex<HashSet<String>>,
    pub(crate) away: AtomicBool,
    /// Each look-up says that it has its answer, and takes a permit before it gives it: a test can hold it there.
    pub(crate) looked: Semaphore,
    pub(crate) gate: Semaphore,
}

impl Register {
    pub(crate) fn new(clock: &Clock) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            banned: Mutex::default(),
            ended: Mutex::default(),
            away: AtomicBool::new(false),
            looked: Semaphore::new(0),
            gate: Semaphore::new(1_000),
        })
    }

    pub(crate) fn ban(&self, user: &str) {
        self.banned.lock().insert(user.to_owned());
    }

    /// Ends a session (`session ann`) or a token.
    pub(crate) fn end(&self, pass: &str) {
        self.ended.lock().insert(pass.to_owned());
    }

    pub(crate) fn go_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// From now on a look-up waits for [`Register::give`].
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(1_000);
    }

    pub(crate) fn give(&self) {
        self.gate.add_permits(1_000);
    }

    pub(crate) async fn has_looked(&self) {
        crate::support::in_time(self.looked.acquire()).await.expect("open").forget();
    }

    async fn held<T>(&self, answer: T) -> T {
        self.looked.add_permits(1);
        self.gate.acquire().await.expect("open").forget();
        answer
    }

    fn caller(&self, user: &str, pass: &str) -> Option<Caller> {
        let good = !self.banned.lock().contains(user) && !self.ended.lock().contains(pass);
        good.then(|| Caller { user: user.to_owned(), pass: Some(Secret::new(pass)), ..Caller::default() })
    }

    fn at_the_door(&self, headers: &HeaderMap) -> Result<Caller, Unknown> {
        match headers.get("authorization").map(http::HeaderValue::as_bytes) {
            Some(b"Bearer bad") => return Err(Unknown::Bad),
            Some(b"Bearer old") => return Err(Unknown::Expired),
            _ => {}
        }
        let Some(user) = headers.get("x-user").and_then(|user| user.to_str().ok()) else {
            return Ok(Caller::default());
        };
        if self.away.load(Ordering::SeqCst) {
            return Err(Unknown::Away);
        }
        let (user, until) = user.split_once('@').unwrap_or((user, ""));
        let caller = self.caller(user, &format!("session {user}")).unwrap_or_default();
        Ok(Caller { until_ms: until.parse().ok(), ..caller })
    }

    /// `ann`, `ann@{until_ms}`, and `ann@{until_ms}/anything`, so that there are several.
    fn by_token(&self, token: &str) -> Shown {
        if self.away.load(Ordering::SeqCst) {
            return Shown::Unknown;
        }
        let (user, rest) = token.split_once('@').unwrap_or((token, ""));
        let until = rest.split('/').next().unwrap_or_default();
        let until_ms = until.parse().ok();
        match self.caller(user, token) {
            _ if user == "forged" => Shown::Bad,
            Some(_) if until_ms.is_some_and(|until_ms: i64| until_ms <= self.clock.now_ms()) => Shown::Expired,
            Some(caller) => {
                let info = (user == "ann").then(|| bytes::Bytes::from_static(b"{\"name\":\"Ann\"}"));
                Shown::Good(Caller { until_ms, info, admin: rest.ends_with("/admin"), ..caller })
            }
            None if self.banned.lock().contains(user) => Shown::Bad,
            None => Shown::Expired,
        }
    }

    fn still(&self, caller: &Caller) -> Standing {
        let pass = caller.pass.as_ref().map_or("", Secret::expose);
        if self.away.load(Ordering::SeqCst) {
            Standing::Unknown
        } else if self.banned.lock().contains(&caller.user) {
            Standing::Never
        } else if self.ended.lock().contains(pass) {
            Standing::Again
        } else {
            Standing::Good
        }
    }
}

impl Doorman for Register {
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        self.held(self.at_the_door(headers)).boxed()
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        self.held(self.by_token(token)).boxed()
    }

    fn still<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Standing> {
        async move { self.still(caller) }.boxed()
    }
}
