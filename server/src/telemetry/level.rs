//! What is logged, changed while it runs, for a while.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use identity::Admin;
use kernel::{Clock, Problem, ProblemResult};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::reload;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::telemetry::lines::Wanted;

/// The longest time that a level may stay changed, minutes: what is forgotten must come back by itself.
const MINUTES: u32 = 24 * 60;
/// A filter is a few words.
const FILTER_BYTES: usize = 1024;

type Set = dyn Fn(Targets) -> bool + Send + Sync;

/// The level of this process. Clones are handles.
#[derive(Clone)]
pub(crate) struct LogLevel(Arc<Inner>);

struct Inner {
    set: Box<Set>,
    clock: Clock,
    configured: String,
    changed: Mutex<Option<(String, i64)>>,
    woken: Notify,
}

/// What is logged now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LevelNow {
    /// In force, as tracing filters: `info`, `info,jobs=debug`.
    pub(crate) filter: String,
    /// What the settings say, and what it returns to.
    pub(crate) configured: String,
    /// When it returns, Unix milliseconds; null when it is not changed.
    pub(crate) until_ms: Option<i64>,
}

impl LogLevel {
    pub(crate) fn new<S: 'static>(handle: reload::Handle<Wanted, S>, configured: &str, clock: Clock) -> Self {
        let set = Box::new(move |targets| handle.modify(|wanted| *wanted = Wanted(targets)).is_ok());
        let (changed, woken) = (Mutex::new(None), Notify::new());
        Self(Arc::new(Inner { set, clock, configured: configured.to_owned(), changed, woken }))
    }

    pub(crate) fn now(&self) -> LevelNow {
        let changed = self.0.changed.lock().clone();
        let configured = self.0.configured.clone();
        let filter = changed.as_ref().map_or_else(|| configured.clone(), |(filter, _)| filter.clone());
        LevelNow { filter, configured, until_ms: changed.map(|(_, until_ms)| until_ms) }
    }

    /// Logs what `filter` says, for so many minutes; 0 returns at once to what the settings say.
    ///
    /// # Errors
    /// In words, when the filter is none or the time too long.
    pub(crate) fn change(&self, filter: &str, for_minutes: u32) -> Result<LevelNow, &'static str> {
        if for_minutes > MINUTES {
            return Err("for_minutes is at most 1440");
        }
        let targets =
            parse(filter).ok_or("filter is a level (error, warn, info, debug, trace), or target=level pairs")?;
        if for_minutes == 0 {
            self.back();
        } else if (self.0.set)(targets) {
            let until_ms = self.0.clock.now_ms() + i64::from(for_minutes) * 60_000;
            *self.0.changed.lock() = Some((filter.to_owned(), until_ms));
            tracing::warn!(filter, for_minutes, "what is logged was changed");
        }
        self.0.woken.notify_one();
        Ok(self.now())
    }

    fn back(&self) {
        // It was parsed when the settings were read.
        let targets = parse(&self.0.configured).unwrap_or_default();
        if self.0.changed.lock().take().is_some() && (self.0.set)(targets) {
            tracing::warn!(filter = self.0.configured, "what is logged is again what the settings say");
        }
    }

    /// Returns to the settings when the time is over, until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            let until_ms = self.0.changed.lock().as_ref().map(|(_, until_ms)| *until_ms);
            let left_ms = until_ms.map_or(i64::MAX, |until_ms| until_ms - self.0.clock.now_ms());
            if left_ms <= 0 {
                self.back();
                continue;
            }
            // The wall clock may be set meanwhile: look again each minute.
            let wait = Duration::from_millis(left_ms.min(60_000) as u64);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.0.woken.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// A level, or `target=level` pairs, or both. `Targets` itself takes a mistyped level for a target of which everything is
/// wanted.
pub(crate) fn parse(filter: &str) -> Option<Targets> {
    // The library takes an empty level for `error`.
    let is_level = |part: &str| !part.trim().is_empty() && part.trim().parse::<LevelFilter>().is_ok();
    let well = filter.split(',').all(|part| is_level(part.split_once('=').map_or(part, |(_, level)| level)));
    if well && filter.len() <= FILTER_BYTES { filter.parse().ok() } else { None }
}

pub(crate) fn routes(level: LogLevel) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(show, change)).with_state(level)
}

/// What is logged now.
#[utoipa::path(get, path = "/api/v1/ops/log-level", tag = "ops", responses((status = 200, body = LevelNow), (status = 401)))]
async fn show(_: Admin, State(level): State<LogLevel>) -> Json<LevelNow> {
    Json(level.now())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LogLevelChange)]
struct Change {
    /// What is logged, as tracing filters: `debug`, `info,jobs=debug`.
    filter: String,
    /// For how long; 0 returns at once to what the settings say. A day at most.
    for_minutes: u32,
}

/// Changes what is logged, for a while.
#[utoipa::path(put, path = "/api/v1/ops/log-level", tag = "ops", request_body = Change,
    responses((status = 200, body = LevelNow), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422)))]
async fn change(
    _: Admin,
    State(level): State<LogLevel>,
    Json(Change { filter, for_minutes }): Json<Change>,
) -> ProblemResult<Json<LevelNow>> {
    let changed = level.change(&filter, for_minutes);
    changed.map(Json).map_err(|why| Problem::bad_request("invalid_log_level", format!("{why}.")))
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Registry;

    use super::*;

    fn level(clock: &Clock) -> (reload::Layer<Wanted, Registry>, LogLevel) {
        let (layer, handle) = reload::Layer::new(Wanted("info".parse().expect("a filter")));
        (layer, LogLevel::new(handle, "info", clock.clone()))
    }

    #[tokio::test]
    async fn a_change_ends_by_itself() {
        let clock = Clock::manual(0);
        let (_layer, level) = level(&clock);
        let now = level.change("debug,hyper=off", 5).expect("changed");
        assert_eq!((now.filter.as_str(), now.until_ms), ("debug,hyper=off", Some(300_000)));
        let stop = CancellationToken::new();
        let running = tokio::spawn(level.clone().run(stop.clone()));
        clock.advance(300_000);
        level.0.woken.notify_one();
        while level.now().until_ms.is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(level.now().filter, "info");
        stop.cancel();
        running.await.expect("it ends");
    }

    #[test]
    fn nonsense_and_forever_are_refused() {
        let (_layer, level) = level(&Clock::manual(0));
        for (filter, minutes) in [("", 5), ("loud", 5), ("debug", 1441), ("a=b=c", 5)] {
            assert!(level.change(filter, minutes).is_err(), "{filter} for {minutes}");
        }
        assert_eq!(level.now().until_ms, None);
        level.change("trace", 1).expect("changed");
        assert_eq!(level.change("trace", 0).expect("back").filter, "info");
    }
}
