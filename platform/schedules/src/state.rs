//! What a schedule does when it is looked at: pure, so that a simulation can play every order of looks, crashes and clocks.
//!
//! ```text
//!        mark                             now
//!  ───────┼────┬────┬────┬────┬──┬───┬─────┼───┬──►
//!     dealt with ╰─── missed ────╯ ╰ on time ╯  next
//! ```
//!
//! A look deals with every tick between the mark and now, and moves the mark to the last of them; mark, firings and jobs
//! commit together. So a crash before the commit leaves the ticks to the next look, one after it leaves nothing, a clock
//! that jumps back finds them dealt with, and one that jumps forward finds them missed.

use kernel::limits;
use serde::{Deserialize, Serialize};

use crate::calendar::{Mark, Tick, Timing};

/// What becomes of ticks that nobody was there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// They are not made up.
    Skip,
    /// One firing makes up for all of them: the last of them, unless a tick that is on time does.
    #[default]
    One,
    /// Each fires, oldest first, within a window and up to a bound: of more, the newest.
    All,
}

/// What becomes of a tick while the job of the former one is unfinished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Its job is enqueued beside it.
    #[default]
    Allow,
    /// It is left out.
    Skip,
    /// Its job waits until that one has ended: one at a time, in order.
    Queue,
}

/// The missed-tick policy with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) missed: Missed,
    /// For [`Missed::All`]: how far back, milliseconds.
    pub(crate) window_ms: i64,
    /// For [`Missed::All`]: how many at most.
    pub(crate) most: u32,
}

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The ticks to fire, oldest first.
    pub(crate) fire: Vec<Tick>,
    /// How many ticks the policy left out; counting stops at [`COUNTED`].
    pub(crate) left_out: u32,
    /// The last of those.
    pub(crate) left_out_last_ms: Option<i64>,
    /// Where the schedule is now.
    pub(crate) mark: Mark,
    /// When to look again.
    pub(crate) next_ms: Option<i64>,
}

/// Ticks that were left out are counted up to here.
pub(crate) const COUNTED: u32 = 1_000;

/// Deals with the ticks up to now.
pub(crate) fn look(timing: &Timing, policy: Policy, mark: Mark, now_ms: i64) -> Look {
    let Some(newest) = timing.latest(mark, now_ms) else {
        let next_ms = timing.next(mark).map(|tick| tick.at_ms);
        return Look { fire: Vec::new(), left_out: 0, left_out_last_ms: None, mark, next_ms };
    };
    // A tick is on time when it is seen within the grace; with a second between ticks at least, those are few.
    let late_until_ms = now_ms.saturating_sub(limits::SCHEDULE_GRACE_MS + 1);
    let mut fire = Vec::new();
    let mut at = Mark { at_ms: mark.at_ms.max(late_until_ms), ..mark };
    while let Some(tick) = timing.next(at).filter(|tick| tick.at_ms <= now_ms) {
        fire.push(tick);
        at = tick.into();
    }
    let mut made_up = match policy.missed {
        Missed::Skip => Vec::new(),
        Missed::One if !fire.is_empty() => Vec::new(),
        Missed::One => vec![newest],
        Missed::All => {
            let from_ms = mark.at_ms.max(now_ms.saturating_sub(policy.window_ms + 1));
            newest_first(timing, Mark { at_ms: from_ms, ..mark }, late_until_ms, policy.most)
        }
    };
    made_up.reverse();
    let (left_out, left_out_last_ms) = left_out(timing, mark, late_until_ms, &made_up);
    made_up.append(&mut fire);
    let mark = Mark::from(newest);
    Look { fire: made_up, left_out, left_out_last_ms, mark, next_ms: timing.next(mark).map(|tick| tick.at_ms) }
}

fn newest_first(timing: &Timing, after: Mark, until_ms: i64, most: u32) -> Vec<Tick> {
    let last = |until_ms| timing.latest(after, until_ms);
    std::iter::successors(last(until_ms), |tick| last(tick.at_ms - 1)).take(most as usize).collect()
}

/// How many missed ticks are not made up for, and the last of those.
fn left_out(timing: &Timing, mark: Mark, until_ms: i64, made_up: &[Tick]) -> (u32, Option<i64>) {
    // What is made up are the newest: what is left out is all before.
    let until_ms = made_up.first().map_or(until_ms, |tick| tick.at_ms - 1);
    let Some(last) = timing.latest(mark, until_ms) else { return (0, None) };
    let after = |at: Mark| timing.next(at).filter(|tick| tick.at_ms <= last.at_ms);
    let counted = std::iter::successors(after(mark), |tick| after((*tick).into())).take(COUNTED as usize).count();
    (counted as u32, Some(last.at_ms))
}

/// Whether the tick's job is enqueued. `unfinished` is asked of the schedule's last job where overlaps are left out, and of
/// the one [`limits::SCHEDULE_IN_LINE`] before where jobs stand in line.
pub(crate) fn admits(overlap: Overlap, unfinished: bool) -> bool {
    overlap == Overlap::Allow || !unfinished
}
