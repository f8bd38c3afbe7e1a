//! Whom a message reaches outside its room. Pure.

/// What a room is to somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Has read up to this number.
    pub(crate) read: i64,
    pub(crate) muted_until_ms: i64,
    pub(crate) archived: bool,
}

/// Whether a message of somebody else is pushed to who stands so: it is news, not read, not in a room that was put away; and in a muted
/// one only to who is mentioned and wants to hear of that.
pub(crate) fn reaches(it: Standing, message: i64, mentioned: bool, through_mute: bool, now_ms: i64) -> bool {
    let muted = it.muted_until_ms > now_ms && !(mentioned && through_mute);
    it.read < message && !it.archived && !muted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mute_is_mute_but_for_a_mention_that_somebody_wants_to_hear_of() {
        let now_ms = 1_000;
        let open = Standing { read: 4, muted_until_ms: 0, archived: false };
        let muted = Standing { muted_until_ms: 1_001, ..open };
        let over = Standing { muted_until_ms: 1_000, ..open };
        let away = Standing { archived: true, ..open };
        for (it, mentioned, through, pushed) in [
            (open, false, false, true),
            (over, false, false, true),
            (muted, false, true, false),
            (muted, true, false, false),
            (muted, true, true, true),
            (away, true, true, false),
            (Standing { archived: true, ..muted }, true, true, false),
        ] {
            assert_eq!(reaches(it, 5, mentioned, through, now_ms), pushed, "{it:?} {mentioned} {through}");
            assert!(!reaches(it, 4, mentioned, through, now_ms), "what was read is no news: {it:?}");
        }
    }
}
