//! On what rights hang beside their users: the name of a token, a key that had it made. What fell takes along what hung on it.
//!
//! As a user's right, a ground may fall while something that hangs on it is on its way in: looked up before, kept after. So what fell is
//! remembered for longer than any look-up takes, and looked at once whatever comes in is found by who looks for it.

use std::collections::{BTreeSet, HashMap, HashSet};

use kernel::limits;
use parking_lot::Mutex;

use crate::codes::Disconnect;
use crate::hub::Hub;
use crate::members::Member;

/// For how long what fell is remembered, milliseconds.
const KEPT_MS: i64 = 10 * 60_000;
/// Members that are looked at before others have their turn.
const AT_ONCE: usize = 256;

/// What fell a short while ago, and when, Unix milliseconds.
#[derive(Default)]
pub(crate) struct Fallen(Mutex<HashMap<Box<str>, i64>>);

impl Fallen {
    fn add(&self, ground: &str, now_ms: i64) {
        let mut all = self.0.lock();
        all.retain(|_, at_ms| now_ms.saturating_sub(*at_ms) < KEPT_MS);
        if all.len() >= limits::GROUNDS_FALLEN {
            let first = all.iter().min_by_key(|(_, at_ms)| **at_ms).map(|(ground, _)| ground.clone());
            first.and_then(|first| all.remove(&first));
        }
        all.insert(ground.into(), now_ms);
    }

    /// Whether one of these did.
    pub(crate) fn any(&self, grounds: &[String]) -> bool {
        !grounds.is_empty() && {
            let all = self.0.lock();
            grounds.iter().any(|ground| all.contains_key(ground.as_str()))
        }
    }
}

impl Hub {
    /// Ends here what hangs on one of these grounds ([`Caller::grounds`](crate::Caller::grounds),
    /// [`Terms::grounds`](crate::doorman::Terms::grounds)): connections are closed so that their clients come again by another token (3014),
    /// subscriptions end as if their time were over (2501). Call it in every process, when that is committed: the doorman refuses whatever
    /// hangs on them from then on.
    pub async fn fell(&self, grounds: &[String]) {
        let core = &self.0;
        grounds.iter().for_each(|ground| core.asking.fallen.add(ground, core.clock.now_ms()));
        core.asking.change();
        let those: HashSet<&str> = grounds.iter().map(String::as_str).collect();
        let fell = |ground: &str| those.contains(ground);
        for some in core.members.known().chunks(AT_ONCE) {
            for member in some {
                if member.caller().grounds.iter().any(|ground| fell(ground)) {
                    tracing::info!(connection = member.id(), "what its right hung on was taken back");
                    member.cut(Disconnect::STATE_INVALIDATED);
                    continue;
                }
                match member {
                    Member::Socket(client) => client.fell(fell),
                    Member::Socketio(socket) => socket.fell(fell),
                    Member::Feed(_) | Member::Peer(_) => {}
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// On what rights here hang, each once.
    pub fn grounds(&self) -> BTreeSet<String> {
        let of = |member: &Member| {
            let mut grounds = member.caller().grounds.clone();
            match member {
                Member::Socket(client) => grounds.extend(client.grounds()),
                Member::Socketio(socket) => grounds.extend(socket.grounds()),
                Member::Feed(_) | Member::Peer(_) => {}
            }
            grounds
        };
        self.0.members.known().iter().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fell_is_remembered_for_a_while_and_no_more_of_it_than_may() {
        let (fallen, one) = (Fallen::default(), |number: usize| vec![format!("key:{number}")]);
        (0..=limits::GROUNDS_FALLEN).for_each(|number| fallen.add(&format!("key:{number}"), number as i64));
        assert!(!fallen.any(&one(0)) && fallen.any(&one(1)) && !fallen.any(&[]));
        assert_eq!(fallen.0.lock().len(), limits::GROUNDS_FALLEN);
        fallen.add("key:x", KEPT_MS + 1);
        assert!(!fallen.any(&one(1)) && fallen.any(&one(2)));
    }
}
