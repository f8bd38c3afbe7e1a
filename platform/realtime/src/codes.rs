//! What a client is told when something ends or is refused (Centrifuge protocol v2 codes; RFC 6455 below 3000).

use http::StatusCode;
use kernel::Problem;

/// Why a connection ends. The ranges tell the client what to do: 3000–3499 come back, 3500–3999 stay away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disconnect {
    pub(crate) code: u16,
    /// At most 123 bytes: it travels in a control frame.
    pub(crate) reason: &'static str,
}

impl Disconnect {
    pub(crate) const CLOSED: Self = Self::of(1000, "");
    /// The client went without a word; never sent.
    pub(crate) const ABNORMAL: Self = Self::of(1006, "");
    pub(crate) const PROTOCOL: Self = Self::of(1002, "protocol error");
    pub(crate) const NOT_UTF8: Self = Self::of(1007, "text is not UTF-8");
    pub(crate) const TOO_BIG: Self = Self::of(1009, "message too big");
    /// It never said `connect`. Centrifuge's code is 3502, from which no client comes back; but under a storm the first words may be lost
    /// on the way and come seconds later.
    pub(crate) const STALE: Self = Self::of(3000, "stale");
    pub(crate) const SHUTDOWN: Self = Self::of(3001, "shutdown");
    pub(crate) const INTERNAL: Self = Self::of(3004, "internal server error");
    /// The right that it was opened with has ended, and was not refreshed.
    pub(crate) const EXPIRED: Self = Self::of(3005, "connection expired");
    /// A subscription of the server's making has ended.
    pub(crate) const SUBSCRIPTION_EXPIRED: Self = Self::of(3006, "subscription expired");
    pub(crate) const SLOW: Self = Self::of(3008, "slow");
    pub(crate) const WRITE_ERROR: Self = Self::of(3009, "write error");
    pub(crate) const INSUFFICIENT_STATE: Self = Self::of(3010, "insufficient state");
    /// A product wants the client to come anew.
    pub(crate) const FORCE_RECONNECT: Self = Self::of(3011, "force reconnect");
    pub(crate) const NO_PONG: Self = Self::of(3012, "no pong");
    /// More commands at once than it may have waiting.
    pub(crate) const TOO_MANY_REQUESTS: Self = Self::of(3013, "too many requests");
    /// What let it in was taken back, the person was not: the client drops its token and its positions and comes again.
    pub(crate) const STATE_INVALIDATED: Self = Self::of(3014, "state invalidated");
    pub(crate) const INVALID_TOKEN: Self = Self::of(3500, "invalid token");
    pub(crate) const BAD_REQUEST: Self = Self::of(3501, "bad request");
    /// Whoever it acted for may not come at all.
    pub(crate) const FORCED: Self = Self::of(3503, "force disconnect");
    /// Its person has as many connections as a person may.
    pub(crate) const CONNECTION_LIMIT: Self = Self::of(3504, "connection limit");
    /// It wants more channels than a connection may have.
    pub(crate) const CHANNEL_LIMIT: Self = Self::of(3505, "channel limit");
    pub(crate) const PERMISSION_DENIED: Self = Self::of(3507, "permission denied");
    pub(crate) const NOT_AVAILABLE: Self = Self::of(3508, "not available");

    const fn of(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// The end of this code, by a product's word: with the reason that it has here, or none.
    pub(crate) fn of_code(code: u16) -> Self {
        let known = [
            Self::SHUTDOWN,
            Self::INTERNAL,
            Self::EXPIRED,
            Self::SUBSCRIPTION_EXPIRED,
            Self::SLOW,
            Self::INSUFFICIENT_STATE,
            Self::FORCE_RECONNECT,
            Self::TOO_MANY_REQUESTS,
            Self::STATE_INVALIDATED,
            Self::INVALID_TOKEN,
            Self::BAD_REQUEST,
            Self::FORCED,
            Self::NOT_AVAILABLE,
        ];
        known.into_iter().find(|why| why.code == code).unwrap_or(Self { code, reason: "" })
    }

    /// Whether clients stay away by themselves.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self.code, 3500..=3999 | 4500..=4999)
    }
}

/// Why a subscription ends: below 2500 for good; above, the client subscribes again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsubscribed {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl Unsubscribed {
    /// A publication was missed: the client subscribes again by itself.
    pub(crate) const INSUFFICIENT_STATE: Self = Self { code: 2500, reason: "insufficient state" };
    pub(crate) const BY_SERVER: Self = Self { code: 2000, reason: "server unsubscribe" };
    /// The guard of the channel no longer lets it in.
    pub(crate) const PERMISSION_DENIED: Self = Self { code: 2100, reason: "permission denied" };
    /// Its token has ended, and was not refreshed: the client subscribes again by itself, with another.
    pub(crate) const EXPIRED: Self = Self { code: 2501, reason: "subscription expired" };
}

/// The error of one reply; the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ReplyError {
    code: u16,
    message: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    temporary: bool,
}

impl ReplyError {
    pub(crate) const INTERNAL: Self = Self { code: 100, message: "internal server error", temporary: true };
    pub(crate) const UNAUTHORIZED: Self = Self::of(101, "unauthorized");
    pub(crate) const UNKNOWN_CHANNEL: Self = Self::of(102, "unknown channel");
    pub(crate) const PERMISSION_DENIED: Self = Self::of(103, "permission denied");
    pub(crate) const ALREADY_SUBSCRIBED: Self = Self::of(105, "already subscribed");
    pub(crate) const LIMIT_EXCEEDED: Self = Self::of(106, "limit exceeded");
    pub(crate) const BAD_REQUEST: Self = Self::of(107, "bad request");
    pub(crate) const NOT_AVAILABLE: Self = Self::of(108, "not available");
    pub(crate) const TOKEN_EXPIRED: Self = Self::of(109, "token expired");
    /// The end that was asked for is past.
    pub(crate) const EXPIRED: Self = Self::of(110, "expired");
    pub(crate) const TOO_MANY_REQUESTS: Self = Self { code: 111, message: "too many requests", temporary: true };
    pub(crate) const UNRECOVERABLE: Self = Self::of(112, "unrecoverable position");

    const fn of(code: u16, message: &'static str) -> Self {
        Self { code, message, temporary: false }
    }

    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    pub(crate) fn message(&self) -> &'static str {
        self.message
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }
}

/// Why a channel does not open for this caller.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No such namespace, or the durable namespace knows no such channel.
    #[error("unknown channel")]
    UnknownChannel,
    /// The namespace is not for this caller.
    #[error("permission denied")]
    Forbidden,
    /// The token that was shown for the channel has ended: its owner gets a new one.
    #[error("the token of the subscription has ended")]
    Expired,
    /// Longer than `limits::CHANNEL_BYTES`.
    #[error("the channel's name is too long")]
    NameTooLong,
    /// The process holds as many connections as it may, or is about to end.
    #[error("no room for another connection")]
    Full {
        /// When to try again, seconds.
        retry_after_s: u32,
    },
    /// The caller has as many connections as a person may.
    #[error("too many connections of one person")]
    TooMany,
    /// As many connections are open from the caller's address as may be.
    #[error("too many connections of one address")]
    TooManyThere,
    /// More arrive within this second than [`kernel::limits::ARRIVALS_PER_S`].
    #[error("too many connections arrive at once")]
    Crowded {
        /// When to try again, seconds.
        retry_after_s: u32,
    },
    /// The history cannot be read now.
    #[error("the channel's history cannot be read")]
    Unavailable(#[source] crate::LoadError),
}

impl From<&Refused> for ReplyError {
    fn from(refused: &Refused) -> Self {
        match refused {
            Refused::UnknownChannel => Self::UNKNOWN_CHANNEL,
            Refused::Forbidden => Self::PERMISSION_DENIED,
            Refused::Expired => Self::TOKEN_EXPIRED,
            Refused::NameTooLong => Self::BAD_REQUEST,
            Refused::Full { .. } | Refused::Crowded { .. } | Refused::TooMany | Refused::TooManyThere => {
                Self::LIMIT_EXCEEDED
            }
            Refused::Unavailable(_) => Self::INTERNAL,
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownChannel => Self::not_found("There is no such channel."),
            Refused::Forbidden => Self::forbidden("This channel is not open to you."),
            Refused::Expired => {
                let detail = "The token for this channel has expired: get a newer one.";
                Self::new(StatusCode::UNAUTHORIZED, "token_expired", detail)
            }
            Refused::NameTooLong => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_channel", "The name of the channel is too long.")
                    .field("channel", format!("at most {} bytes", kernel::limits::CHANNEL_BYTES))
            }
            Refused::TooMany => {
                let detail = "You have as many connections open as a person may. Close one.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", detail)
            }
            Refused::TooManyThere => {
                let detail = "Your address has as many connections open as one may. Close one.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", detail)
            }
            Refused::Full { retry_after_s } => Self::unavailable(retry_after_s, refused),
            // Not a 503: to a proxy in front that says that the process has failed, and it would send everybody to the others.
            Refused::Crowded { retry_after_s } => {
                let detail = "Very many arrive at this moment. Try again.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_arrivals", detail).retry_after(retry_after_s)
            }
            Refused::Unavailable(_) => Self::unavailable(1, refused),
        }
    }
}
