//! What a product declares about its channels: `{namespace}:{rest}`.

use std::error::Error;
use std::sync::Arc;

use bus::{Keep, Stored};
use futures_util::future::BoxFuture;

use crate::Caller;
use crate::slow::{Manner, Slow};

/// Who may subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Callers whom the doorman calls admins.
    Admin,
}

/// What tokens that say so themselves open: those of subscriptions, and `channels`, `subs` and `caps` of a connection's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByToken {
    /// Nothing.
    Nothing,
    /// What the guard would not as well.
    Also,
    /// All that opens at all.
    Alone,
}

/// The channels that begin with `{name}:`.
#[derive(Clone)]
pub struct Namespace {
    /// What stands before the colon.
    pub name: &'static str,
    /// Who may subscribe and read.
    pub access: Access,
    /// Publications kept a channel; 0 for none, and then no recovery.
    pub history_size: usize,
    /// How long each is kept, milliseconds; `u64::MAX` for as long as it fits.
    pub history_ttl_ms: u64,
    /// The table behind the channels, for positions that survive a restart.
    pub durable: Option<Arc<dyn Load>>,
    /// Who is let in, channel by channel.
    pub guard: Option<Arc<dyn Guard>>,
    /// Subscribers may ask who is there.
    pub presence: bool,
    /// How many are there is known to the server.
    pub(crate) counted: bool,
    /// Subscribers that want it are told who comes and goes.
    pub join_leave: bool,
    /// Subscribers may publish.
    pub allow_publish_for_subscriber: bool,
    /// Subscribers that want it are told what a publication changed of the one before.
    pub allow_delta: bool,
    pub(crate) by_token: ByToken,
    /// Programs with an API key may use it.
    pub(crate) api: bool,
    /// What the witness hears of its channels.
    pub tells: Tells,
    /// How publications reach those who take them slowly.
    pub(crate) manner: Manner,
}

/// What the witness ([`crate::witness::Witness`]) hears of the channels of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tells {
    /// Whether anybody is in a channel.
    pub occupancy: bool,
    /// Who subscribes and unsubscribes.
    pub subscriptions: bool,
}

impl Namespace {
    /// Channels for everybody, without history.
    pub fn public(name: &'static str) -> Self {
        Self {
            name,
            access: Access::Public,
            history_size: 0,
            history_ttl_ms: 0,
            durable: None,
            guard: None,
            presence: false,
            counted: false,
            join_leave: false,
            allow_publish_for_subscriber: false,
            by_token: ByToken::Nothing,
            tells: Tells::default(),
            allow_delta: false,
            manner: Manner::default(),
            api: false,
        }
    }

    /// Channels for admins, without history.
    pub fn admin(name: &'static str) -> Self {
        Self { access: Access::Admin, ..Self::public(name) }
    }

    /// Keeps the last `size` publications of each channel for `ttl_ms`; subscribers recover from them.
    #[must_use]
    pub fn history(self, size: usize, ttl_ms: u64) -> Self {
        Self { history_size: size, history_ttl_ms: ttl_ms, ..self }
    }

    /// Takes streams from a table. Give it a [`Namespace::history`] as well.
    #[must_use]
    pub fn durable(self, load: Arc<dyn Load>) -> Self {
        Self { durable: Some(load), ..self }
    }

    /// Asks before anybody reads a channel. Whoever is not let in is answered as on a channel that nothing was ever
    /// published on, and stays there: a guarded channel does not show that it exists.
    #[must_use]
    pub fn guarded(self, guard: Arc<dyn Guard>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// Lets subscribers ask who is in a channel, and how many.
    #[must_use]
    pub fn presence(self) -> Self {
        Self { presence: true, ..self }
    }

    /// Has it known how many are in a channel, to the server alone ([`Hub::presence_stats`](crate::Hub::presence_stats)): no subscriber
    /// may ask, or is told.
    #[must_use]
    pub fn counted(self) -> Self {
        Self { counted: true, ..self }
    }

    /// Tells subscribers that want it (`join_leave` of their request) who comes to a channel and goes.
    #[must_use]
    pub fn join_leave(self) -> Self {
        Self { join_leave: true, ..self }
    }

    /// Lets whoever is subscribed to a channel publish on it. A durable channel is its product's alone.
    #[must_use]
    pub fn allow_publish_for_subscriber(self) -> Self {
        Self { allow_publish_for_subscriber: true, ..self }
    }

    /// Opens channels also to whom a verified token names them, without asking the guard: a subscription's own token, or what a
    /// connection's gives (`channels`, `subs`, `caps`). Such a subscription lasts as long as its token says. Whoever signs tokens
    /// decides then: the server itself, and every issuer that it trusts.
    #[must_use]
    pub fn opened_by_tokens(self) -> Self {
        Self { by_token: ByToken::Also, ..self }
    }

    /// As [`Namespace::opened_by_tokens`], and without such a token a channel opens to nobody, as one whose name begins with `$` in
    /// Centrifugo.
    #[must_use]
    pub fn opened_by_tokens_alone(self) -> Self {
        Self { by_token: ByToken::Alone, ..self }
    }

    /// Lets programs with an API key publish, look and subscribe people here: see [`Hub::api_routes`](crate::Hub::api_routes).
    #[must_use]
    pub fn open_to_api(self) -> Self {
        Self { api: true, ..self }
    }

    /// Whether a token opens what it names.
    pub(crate) fn heeds_tokens(&self) -> bool {
        self.by_token != ByToken::Nothing
    }

    /// Has a subscriber that is too slow read the history instead: what waits for it of the channel is given up, and it is told to
    /// subscribe anew (2500). For channels with a history. Without this its connection is closed (3008).
    #[must_use]
    pub fn slow_recover(self) -> Self {
        self.slowly(Slow::Recover)
    }

    /// Has a subscriber that is too slow get the latest instead: what waits for it of the channel is replaced, of the publications whose
    /// data (a JSON object) have the same member `by`, or of all. One for which even that is too much is closed (3008).
    #[must_use]
    pub fn slow_conflate(self, by: Option<&'static str>) -> Self {
        self.slowly(Slow::Conflate(by))
    }

    /// Has a subscriber that is too slow miss what does not fit into its queue.
    #[must_use]
    pub fn slow_drop(self) -> Self {
        self.slowly(Slow::Drop)
    }

    fn slowly(self, slow: Slow) -> Self {
        Self { manner: Manner { slow, ..self.manner }, ..self }
    }

    /// Lets publications wait so long at most, and go together: fewer writes where many come, and each so much later.
    #[must_use]
    pub fn write_delay_ms(self, delay_ms: u32) -> Self {
        Self { manner: Manner { delay_ms, ..self.manner }, ..self }
    }

    /// Whether both treat subscribers that are too slow the same, and let publications wait as long.
    #[must_use]
    pub fn is_as_slow_as(&self, other: &Self) -> bool {
        self.manner == other.manner
    }

    /// Has it told when somebody is in a channel for whom nobody was, and the other way round.
    #[must_use]
    pub fn tell_occupancy(self) -> Self {
        Self { tells: Tells { occupancy: true, ..self.tells }, ..self }
    }

    /// Has every subscription told, and its end.
    #[must_use]
    pub fn tell_subscriptions(self) -> Self {
        Self { tells: Tells { subscriptions: true, ..self.tells }, ..self }
    }

    /// Gives subscribers that want it (`delta` of their request) what each publication changed of the one before, where that is shorter:
    /// for states that change little from one to the next. Only with a [`Namespace::history`], by which they know that they missed none.
    #[must_use]
    pub fn allow_delta(self) -> Self {
        Self { allow_delta: true, ..self }
    }

    /// Whether the bus is told who is there.
    pub(crate) fn shows_clients(&self) -> bool {
        self.presence || self.join_leave || self.counted
    }

    pub(crate) fn keep(&self) -> Keep {
        Keep { size: self.history_size, ttl_ms: self.history_ttl_ms }
    }
}

/// Decides who may read a channel.
pub trait Guard: Send + Sync {
    /// Whether this caller may read the channel (whole name, with the namespace) now, by who it is or by the token that it
    /// brought. Asked when a channel is opened, and again for each subscriber by [`Hub::recheck`](crate::Hub::recheck).
    /// A guard that fails lets nobody in.
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>>;

    /// Whether this caller may publish on the channel, subscribed or not: nobody, unless the product says so. Asked for each
    /// publication.
    fn may_publish<'a>(
        &'a self,
        _channel: &'a str,
        _caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        Box::pin(std::future::ready(Ok(false)))
    }
}

/// A durable stream as its table has it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Stored with the stream; must change when offsets start again.
    pub epoch: String,
    /// The last offset that was given; 0 before the first.
    pub top: u64,
    /// The last publications in ascending order, without holes, up to `top`: `history_size` of them are enough.
    pub publications: Vec<Stored>,
}

/// Why a table did not answer.
pub(crate) type LoadError = Arc<dyn Error + Send + Sync>;

/// Reads a durable stream from its table.
pub trait Load: Send + Sync {
    /// The stream of this channel (whole name, with the namespace), or `None` when there is no such channel.
    ///
    /// Called when a channel is first needed, once at a time for each, and again whenever publications are missing.
    fn load<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Option<Loaded>, Box<dyn Error + Send + Sync>>>;
}
