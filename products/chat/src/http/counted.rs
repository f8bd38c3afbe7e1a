//! What takes long to count, counted once for all who look.

use std::sync::Arc;

use kernel::{Clock, ProblemResult};
use tokio::sync::Mutex;

/// A count holds for so long, milliseconds: a page that looks asks every ten seconds, and each time sees a new one.
const FRESH_MS: i64 = 9_000;
/// And for so many times as long as counting took: where there is much to count, most of the time nothing is.
const REST: i64 = 20;
/// But no longer than this, milliseconds, however slow it was once.
const REST_MS: i64 = 60_000;

/// What this process counted last, and until when it holds. Whoever asks while it is counted waits for the same count.
#[derive(Clone)]
pub(super) struct Counted<T>(Arc<Mutex<Option<(i64, T)>>>);

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Counted<T> {
    /// The count, made anew where it is too old. One that failed is kept by nobody.
    pub(super) async fn fresh(
        &self,
        clock: &Clock,
        count: impl AsyncFnOnce(i64) -> ProblemResult<T>,
    ) -> ProblemResult<T> {
        let mut kept = self.0.lock().await;
        let now_ms = clock.now_ms();
        if let Some((_, counted)) = kept.as_ref().filter(|(until_ms, _)| now_ms < *until_ms) {
            return Ok(counted.clone());
        }
        let counted = count(now_ms).await?;
        let done_ms = clock.now_ms();
        *kept = Some((done_ms + (REST * (done_ms - now_ms)).clamp(FRESH_MS, REST_MS), counted.clone()));
        Ok(counted)
    }
}
