//! Requests of realtime connections that poll, or send their commands apart: whose they are only their handler sees, and it says so
//! before it does anything. Many clients at one address have their answers and pings, and use up nothing of what new ones need.

use std::sync::{Arc, OnceLock};

use axum::http::Method;
use identity::Caller;
use kernel::Problem;
use kernel::problem::share::{Share, Spend, Spending};

use crate::rate::Standing;
use crate::{Client, Guard};

/// Where such requests come in, beside those that open a session.
fn is_told_later(route: &str) -> bool {
    matches!(route, "/emulation" | "/socket.io/" | "/socket.io")
}

/// What one request spends.
pub(crate) struct Account {
    guard: Guard,
    method: Method,
    route: String,
    who: (Caller, Option<Client>),
    standing: OnceLock<Standing>,
}

impl Account {
    /// None where it can be said at once what the request spends.
    pub(crate) fn open(
        guard: &Guard,
        method: &Method,
        route: &str,
        who: (Caller, Option<Client>),
    ) -> Option<Arc<Self>> {
        let (guard, method, standing) = (guard.clone(), method.clone(), OnceLock::new());
        is_told_later(route).then(|| Arc::new(Self { guard, method, route: route.to_owned(), who, standing }))
    }

    /// For the handler.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share::new(self.clone())
    }

    /// How it was counted. What nobody spoke for is everybody's, and refused like that where there is nothing left.
    pub(crate) async fn settle(&self) -> (Standing, Option<Problem>) {
        if let Some(standing) = self.standing.get() {
            return (*standing, None);
        }
        let standing = self.guard.count(&self.method, &self.route, self.who).await;
        (standing, standing.refusal())
    }
}

impl Spend for Account {
    fn spend<'a>(&'a self, session: Option<&'a str>) -> Spending<'a> {
        Box::pin(async move {
            let standing = match session {
                Some(session) => self.guard.count_session(session, self.who.1).await,
                None => self.guard.count(&self.method, &self.route, self.who).await,
            };
            let _ = self.standing.set(standing);
            standing.refusal().map_or(Ok(()), Err)
        })
    }
}
