//! How often a person may do something, counted by all processes together.

use axum::http::StatusCode;
use bus::Quota;
use host::Ctx;
use kernel::{Problem, ProblemResult};

/// What somebody does, of which one has a share.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    /// Says something.
    Send,
    /// Edits, deletes, reacts, pins, mutes.
    Change,
    /// Says what has come and was read.
    Receive,
    /// Says that it is writing.
    Type,
    /// Makes rooms, and decides who is in them.
    Gather,
    /// Searches.
    Find,
    /// Sends files.
    Upload,
    /// Opens files.
    Open,
    /// Writes addresses that are looked up.
    Link,
    /// Reads lists, rooms and messages.
    Look,
}

impl Doing {
    const fn word(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Change => "change",
            Self::Receive => "receive",
            Self::Type => "type",
            Self::Gather => "gather",
            Self::Find => "find",
            Self::Upload => "upload",
            Self::Open => "open",
            Self::Link => "link",
            Self::Look => "look",
        }
    }

    /// The whole share may be taken at once; then it comes back one by one.
    const fn quota(self) -> Quota {
        let (count, period_ms) = match self {
            Self::Send | Self::Receive => (20, 2_000),
            Self::Change | Self::Type => (20, 4_000),
            Self::Gather => (60, 60_000),
            Self::Find => (10, 5_000),
            Self::Upload => (10, 60_000),
            // A page full of pictures, and a player that looks for its place.
            Self::Open => (400, 20_000),
            Self::Link => (30, 60_000),
            Self::Look => (200, 10_000),
        };
        Quota { count, period_ms }
    }
}

/// Takes one of a person's share. Where the bus is away nobody is refused.
pub(crate) async fn paced(ctx: &Ctx, person: &str, doing: Doing) -> ProblemResult<()> {
    let key = format!("chat:{}:{person}", doing.word());
    let taken = match ctx.bus.take(&key, doing.quota()).await {
        Ok(taken) => taken,
        Err(error) => {
            tracing::debug!(%error, "what a person does could not be counted");
            return Ok(());
        }
    };
    if taken.allowed {
        return Ok(());
    }
    metrics::counter!("chat_paced_total", "doing" => doing.word()).increment(1);
    let detail = "That was much in a short time. Wait as long as Retry-After says.";
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", detail);
    Err(problem.retry_after(taken.next_in_ms.div_ceil(1_000)))
}
