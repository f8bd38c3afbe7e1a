//! How many messages a minute one endpoint gets from this process, where its owner wants a bound. Nothing here is durable: a
//! restart forgets at most one minute's worth. How many go at the same time is a limit of the queue.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const MINUTE_MS: i64 = 60_000;

/// For each endpoint that is ahead of its time: when the next message would be due if they came evenly (GCRA's theoretical
/// arrival time), Unix milliseconds.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<String, i64>>);

impl Pace {
    /// Counts a message to an endpoint, or says when to come again. A minute's worth may come at once.
    pub(crate) fn enter(&self, endpoint: &str, per_minute: Option<u32>, now_ms: i64) -> Result<(), i64> {
        let Some(per_minute) = per_minute.filter(|count| *count > 0) else { return Ok(()) };
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        due.retain(|_, due_ms| *due_ms > now_ms);
        let each_ms = (MINUTE_MS / i64::from(per_minute)).max(1);
        let next_ms = due.get(endpoint).copied().unwrap_or(now_ms) + each_ms;
        if next_ms - now_ms > MINUTE_MS {
            return Err(next_ms - MINUTE_MS);
        }
        due.insert(endpoint.to_owned(), next_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_and_they_come_back_one_by_one() {
        let pace = Pace::default();
        let mut times = Vec::new();
        for now_ms in (0..180_000).step_by(100) {
            if pace.enter("a", Some(6), now_ms).is_ok() {
                times.push(now_ms);
            }
        }
        assert_eq!(times[..6], [0, 100, 200, 300, 400, 500]);
        assert!(times[6..].windows(2).all(|pair| pair[1] - pair[0] >= 9_900), "{times:?}");
        assert!(times.len() <= 6 + 18, "{times:?}");
        assert!(pace.enter("b", Some(6), 180_000).is_ok(), "another endpoint is not concerned");
        let told = (0..9).find_map(|_| pace.enter("a", Some(6), 180_000).err()).expect("too early");
        assert!(
            pace.enter("a", Some(6), told - 1).is_err() && pace.enter("a", Some(6), told).is_ok(),
            "the told time is right"
        );
    }
}
