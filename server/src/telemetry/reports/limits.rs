//! How much is reported: what the server asks for, and no more of the same than helps. Pure.

use std::collections::HashMap;

/// Reports a minute, of everything.
const ALL: u32 = 60;
/// Reports a minute of the same failure: the first few say what there is to say.
const SAME: u32 = 5;
/// Failures told apart within a minute; `ALL` bounds it too.
const MINUTE_MS: i64 = 60_000;
/// Asked to wait without being told how long. The protocol's own default.
const USUAL_S: i64 = 60;

/// What may be sent now.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    minute: i64,
    all: u32,
    same: HashMap<u64, u32>,
    not_before_ms: i64,
}

impl Allowance {
    /// Whether one more failure of this fingerprint is reported, and counts it.
    pub(crate) fn admit(&mut self, fingerprint: u64, now_ms: i64) -> bool {
        if now_ms / MINUTE_MS != self.minute {
            (self.minute, self.all) = (now_ms / MINUTE_MS, 0);
            self.same.clear();
        }
        if self.must_wait(now_ms) || self.all >= ALL {
            return false;
        }
        let same = self.same.entry(fingerprint).or_default();
        if *same >= SAME {
            return false;
        }
        *same += 1;
        self.all += 1;
        true
    }

    /// Whether the server asked for silence until later.
    pub(crate) fn must_wait(&self, now_ms: i64) -> bool {
        now_ms < self.not_before_ms
    }

    /// Takes in an answer: `X-Sentry-Rate-Limits` (`60:error;transaction:key, 2700:default:organization`: seconds, then
    /// categories, none for all), else `Retry-After` of a 429.
    pub(crate) fn answered(&mut self, limits: Option<&str>, throttled: bool, retry_at_ms: Option<i64>, now_ms: i64) {
        let ours = |limit: &str| {
            let mut parts = limit.trim().split(':');
            let seconds: f64 =
                parts.next()?.trim().parse().ok().filter(|seconds: &f64| (0.0..1e9).contains(seconds))?;
            let categories = parts.next().unwrap_or_default();
            let for_us =
                categories.is_empty() || categories.split(';').any(|it| matches!(it.trim(), "error" | "default"));
            for_us.then_some(now_ms + (seconds * 1000.0) as i64)
        };
        let until = match limits {
            Some(limits) => limits.split(',').filter_map(ours).max(),
            None if throttled => Some(retry_at_ms.unwrap_or(now_ms + USUAL_S * 1000)),
            None => None,
        };
        self.not_before_ms = self.not_before_ms.max(until.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_is_said_five_times_a_minute() {
        let mut allowance = Allowance::default();
        assert_eq!((0..20).filter(|_| allowance.admit(1, 0)).count(), 5);
        assert!(allowance.admit(2, 0));
        assert!(allowance.admit(1, 60_000));
        let mut many = Allowance::default();
        assert_eq!((0..1000).filter(|i| many.admit(*i, 0)).count(), 60);
        assert!(many.same.len() <= 1000);
    }

    #[test]
    fn the_server_says_when_it_has_enough() {
        let until = |limits: Option<&str>, throttled, retry_at_ms| {
            let mut allowance = Allowance::default();
            allowance.answered(limits, throttled, retry_at_ms, 1_000);
            allowance.not_before_ms
        };
        assert_eq!(until(Some("60:error;transaction:key, 2700:transaction:organization"), false, None), 61_000);
        assert_eq!(until(Some("60:transaction:key"), true, Some(9_000)), 0, "not for us");
        assert_eq!(until(Some("60::organization"), false, None), 61_000);
        assert_eq!(until(None, true, Some(9_000)), 9_000);
        assert_eq!(until(None, true, None), 61_000);
        assert_eq!(until(None, false, None), 0);
        assert_eq!(until(Some("nonsense"), false, None), 0);
        let mut allowance = Allowance::default();
        allowance.answered(Some("60:error:key"), false, None, 0);
        assert_eq!((allowance.admit(1, 59_999), allowance.admit(1, 60_000)), (false, true));
    }
}
