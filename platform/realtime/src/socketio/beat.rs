//! How often the heart of a connection beats.

use std::time::Duration;

use kernel::limits;

/// What a beat of less than a whole second is made of.
const SLOT: Duration = Duration::from_millis(limits::SOCKETIO_BEAT_SLOT_MS);
const SECOND: Duration = Duration::from_secs(1);

/// How often clients of Socket.IO are pinged, and how long they are waited for. They are told in the handshake, and give a server up
/// that says nothing for longer than both together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// From one ping to the next (`pingInterval`).
    pub ping: Duration,
    /// From a ping to its pong at most (`pingTimeout`).
    pub pong: Duration,
    /// From opening a connection to entering a namespace at most (`connectTimeout`).
    pub connect: Duration,
}

impl Default for Beat {
    fn default() -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self {
            ping: seconds(limits::REALTIME_PING_S),
            pong: seconds(limits::SOCKETIO_PONG_S),
            connect: seconds(limits::REALTIME_CONNECT_S),
        }
    }
}

impl Beat {
    /// Whether connections can be looked at so often: each is a whole number of `limits::SOCKETIO_BEAT_SLOT_MS` and at most
    /// `limits::SOCKETIO_BEAT_S`, and a pong is waited for no longer than until the next ping.
    pub fn is_sound(&self) -> bool {
        let most = Duration::from_secs(limits::SOCKETIO_BEAT_S);
        let sound = |it: Duration| is_whole(it, SLOT) && SLOT <= it && it <= most;
        [self.ping, self.pong, self.connect].into_iter().all(sound) && self.pong <= self.ping
    }

    /// Connections are looked at once a second, unless something of this is no whole number of seconds.
    pub(crate) fn slots_per_second(&self) -> u32 {
        let in_seconds = [self.ping, self.pong, self.connect].into_iter().all(|it| is_whole(it, SECOND));
        if in_seconds { 1 } else { (SECOND.as_millis() / SLOT.as_millis()) as u32 }
    }

    /// From the opening to the first ping: somewhere in the second half of the interval, so that clients that came together are not
    /// pinged together. `spread` gives a number below its bound.
    pub(super) fn first_ping(&self, spread: impl FnOnce(u32) -> u32) -> Duration {
        let slot = SECOND / self.slots_per_second();
        let slots = (self.ping.as_millis() / slot.as_millis()) as u32;
        let half = slots / 2;
        slot * (slots - half + spread(half.max(1)))
    }
}

fn is_whole(it: Duration, unit: Duration) -> bool {
    it.as_nanos().is_multiple_of(unit.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(ping: u64, pong: u64, connect: u64) -> Beat {
        let [ping, pong, connect] = [ping, pong, connect].map(Duration::from_millis);
        Beat { ping, pong, connect }
    }

    #[test]
    fn clients_are_pinged_within_the_interval_that_they_are_told_and_not_together() {
        for (beat, slots_per_second, first_ms) in [
            (Beat::default(), 1, 13_000..=24_000),
            (beat(300, 200, 45_000), 10, 200..=200),
            (beat(1_000, 1_000, 2_000), 1, 1_000..=1_000),
        ] {
            assert!(beat.is_sound(), "{beat:?}");
            assert_eq!(beat.slots_per_second(), slots_per_second);
            let (first, last) = (beat.first_ping(|_| 0), beat.first_ping(|below| below - 1));
            assert_eq!(first.as_millis()..=last.as_millis(), first_ms, "{beat:?}");
            assert!(last <= beat.ping);
        }
    }

    #[test]
    fn what_cannot_be_kept_is_no_beat() {
        for beat in
            [beat(0, 0, 0), beat(300, 400, 45_000), beat(350, 200, 45_000), beat(300, 200, 61_000), beat(50, 50, 1_000)]
        {
            assert!(!beat.is_sound(), "{beat:?}");
        }
    }
}
