//! How many messages a minute one endpoint gets, where its owner wants a bound: from all processes together, so the count is in
//! its row. How many go at the same time is a limit of the queue.

const MINUTE_MS: i64 = 60_000;

/// Counts one more message: when the next would be due if they came evenly (GCRA's theoretical arrival time, Unix milliseconds),
/// which is the `due_ms` of the next call; or when to come again. A minute's worth may come at once.
pub(crate) fn enter(due_ms: Option<i64>, per_minute: u32, now_ms: i64) -> Result<i64, i64> {
    let each_ms = (MINUTE_MS / i64::from(per_minute.max(1))).max(1);
    // After a clock that went back, or another process's that was ahead, what was due then says nothing.
    let due_ms = due_ms.filter(|due_ms| *due_ms <= now_ms + 2 * MINUTE_MS).unwrap_or(now_ms);
    let next_ms = due_ms.max(now_ms) + each_ms;
    if next_ms - now_ms > MINUTE_MS { Err(next_ms - MINUTE_MS) } else { Ok(next_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_and_they_come_back_one_by_one() {
        let (mut due_ms, mut times) = (None, Vec::new());
        for now_ms in (0..180_000).step_by(100) {
            if let Ok(next_ms) = enter(due_ms, 6, now_ms) {
                due_ms = Some(next_ms);
                times.push(now_ms);
            }
        }
        assert_eq!(times[..6], [0, 100, 200, 300, 400, 500]);
        assert!(times[6..].windows(2).all(|pair| pair[1] - pair[0] >= 9_900), "{times:?}");
        assert!(times.len() <= 6 + 18, "{times:?}");
        let full = Some(180_000 + MINUTE_MS);
        let told = enter(full, 6, 180_000).expect_err("too early");
        assert!(enter(full, 6, told - 1).is_err() && enter(full, 6, told).is_ok(), "the told time is right");
    }

    #[test]
    fn a_clock_that_goes_back_shuts_nobody_out() {
        assert_eq!(enter(Some(10 * MINUTE_MS), 60, 0), Ok(1_000));
        assert_eq!(enter(None, 60_000, 5), Ok(6), "one a millisecond is the most");
    }
}
