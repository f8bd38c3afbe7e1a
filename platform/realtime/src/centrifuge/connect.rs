//! How a client begins, and how it stays when the right it came with ends: `connect` and `refresh`.

use std::sync::Arc;

use kernel::limits;

use super::client::{Admission, Client};
use super::command::{Connect, WithToken};
use super::reply::{Connected, Refreshed, Term};
use crate::Caller;
use crate::codes::{Disconnect, ReplyError};
use crate::doorman::{Shown, Unknown};
use crate::members::Member;

impl Client {
    /// A good token overrides what the headers said. A `connect` that fails leaves nothing to say: the client comes again.
    pub(super) async fn connect(self: &Arc<Self>, id: u32, connect: &Connect) -> Result<(), Disconnect> {
        let rights = self.core.rights();
        if !connect.token.is_empty() {
            match self.core.doorman.by_token(&connect.token).await {
                Shown::Good(caller) if self.ttl(&caller) != Some(0) => self.act_for(caller),
                Shown::Good(_) | Shown::Expired => return self.turn_away(id, ReplyError::TOKEN_EXPIRED),
                Shown::Bad => return Err(Disconnect::INVALID_TOKEN),
                Shown::Unknown => return self.turn_away(id, ReplyError::INTERNAL),
            }
            self.core.entered(&Member::Socket(self.clone()), Some(rights)).await;
        } else if let Admission::Unknown(why) = self.admission() {
            return match why {
                Unknown::Away => self.turn_away(id, ReplyError::INTERNAL),
                Unknown::Expired => self.turn_away(id, ReplyError::TOKEN_EXPIRED),
                Unknown::Bad => Err(Disconnect::INVALID_TOKEN),
            };
        }
        self.core.takes_share(&Member::Socket(self.clone())).await?;
        let given = match self.join_given(&connect.subs).await {
            Ok(given) => given,
            Err(error) => return self.turn_away(id, error),
        };
        let ping = if self.has_native_ping() { 0 } else { u64::from(limits::REALTIME_PING_S) };
        let connected = Connected {
            client: self.name(),
            ping,
            pong: !self.has_native_ping() && !self.wire.is_one_way(),
            time: self.core.clock.now_ms(),
            term: self.term(),
            session: self.session_name(),
            node: if self.session.is_some() { &self.core.node } else { "" },
            subs: given.iter().map(|joined| (&*joined.channel, joined.result())).collect(),
        };
        self.answer(id, "connect", &connected);
        // From here on it can be told more.
        self.settle_connect(true);
        self.core.members.is_in(self.id);
        self.hear_given(&given);
        Ok(())
    }

    /// A later end for a client that came by a token. It stays who it is.
    pub(super) async fn refresh(self: &Arc<Self>, id: u32, refresh: &WithToken) -> Result<(), Disconnect> {
        let Admission::ByToken(before) = self.admission() else { return Err(Disconnect::BAD_REQUEST) };
        if refresh.token.is_empty() {
            return Err(Disconnect::BAD_REQUEST);
        }
        let rights = self.core.rights();
        match self.core.doorman.by_token(&refresh.token).await {
            Shown::Good(caller) if caller.user != before.user => return Err(Disconnect::INVALID_TOKEN),
            // What the other right opened may not stay open.
            Shown::Good(caller) if (caller.admin, &caller.claimed) != (before.admin, &before.claimed) => {
                return Err(Disconnect::STATE_INVALIDATED);
            }
            Shown::Good(caller) if self.ttl(&caller) != Some(0) => self.act_for(caller),
            Shown::Good(_) | Shown::Expired => return Err(Disconnect::EXPIRED),
            Shown::Bad => return Err(Disconnect::INVALID_TOKEN),
            Shown::Unknown => {
                self.refuse(id, ReplyError::INTERNAL);
                return Ok(());
            }
        }
        self.core.entered(&Member::Socket(self.clone()), Some(rights)).await;
        self.answer(id, "refresh", &Refreshed { term: self.term() });
        Ok(())
    }

    /// A later or an earlier end, by a product's word, for a client that came by a token.
    pub(crate) fn lasts_until(self: &Arc<Self>, until_ms: Option<i64>) {
        if let Admission::ByToken(caller) = self.admission() {
            self.act_for(Caller { until_ms, ..caller.as_ref().clone() });
        }
    }

    fn turn_away(&self, id: u32, error: ReplyError) -> Result<(), Disconnect> {
        if self.wire.is_one_way() {
            return Err(error.into());
        }
        self.settle_connect(false);
        self.refuse(id, error);
        Ok(())
    }

    fn act_for(self: &Arc<Self>, caller: Caller) {
        self.admit(Admission::ByToken(Arc::new(caller)));
        self.core.members.known_anew(&Member::Socket(self.clone()));
    }

    /// Only who can refresh is told of an end: a client without a way to get a token gives up when it hears of one.
    fn term(&self) -> Term {
        match self.admission() {
            Admission::ByToken(caller) => match self.ttl(&caller) {
                Some(ttl) => Term { expires: true, ttl },
                None => Term::default(),
            },
            Admission::AtTheDoor(_) | Admission::Unknown(_) => Term::default(),
        }
    }

    fn ttl(&self, caller: &Caller) -> Option<u64> {
        self.left_s(caller.until_ms)
    }

    /// Seconds until something ends by itself, begun ones counted; 0 where it has ended.
    pub(super) fn left_s(&self, until_ms: Option<i64>) -> Option<u64> {
        let left_ms = until_ms?.saturating_sub(self.core.clock.now_ms());
        Some(u64::try_from(left_ms).unwrap_or(0).div_ceil(1000))
    }
}
