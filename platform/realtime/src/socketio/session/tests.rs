//! The session against a model of what the document says, over any order of requests, packets and ticks.

use proptest::prelude::*;

use super::*;

#[test]
fn an_upgrade_lets_the_waiting_request_go() {
    let mut session = Session::polling();
    assert_eq!(session.get(), Ok(()));
    assert_eq!(session.court(), Ok(()));
    assert_eq!(session.poll(), Poll::Wait);
    assert_eq!(session.courting(&Packet::Probe), Courting::Answer);
    assert_eq!(session.poll(), Poll::Release);
    session.get_ends(false);
    assert_eq!(session.courting(&Packet::Upgrade), Courting::Upgraded);
    assert_eq!(
        (session.get(), session.post(), session.court()),
        (Err(Refused::Gone), Err(Refused::Gone), Err(Refused::Gone))
    );
    assert_eq!(session.receive(Packet::Message("2[]")), Received::Message("2[]"));
}

#[test]
fn a_socket_that_does_not_ask_first_is_refused_and_leaves_the_session_alone() {
    let mut session = Session::polling();
    assert_eq!(session.courting(&Packet::Upgrade), Courting::Refused, "nobody courts");
    for first in [Packet::Upgrade, Packet::Message(""), Packet::Pong, Packet::Close] {
        assert_eq!(session.court(), Ok(()));
        assert_eq!(session.court(), Err(Refused::Twice), "a second socket");
        assert_eq!(session.courting(&first), Courting::Refused);
        session.court_ends();
    }
    assert_eq!((session.get(), session.poll()), (Ok(()), Poll::Wait));
}

#[test]
fn two_requests_of_a_kind_end_the_session() {
    let mut session = Session::polling();
    assert_eq!((session.get(), session.post()), (Ok(()), Ok(())), "one of each");
    assert_eq!(session.get(), Err(Refused::Twice));
    assert_eq!(session.poll(), Poll::Close, "the first is told");
    session.get_ends(false);
    assert_eq!((session.get(), session.post()), (Err(Refused::Gone), Err(Refused::Gone)));
}

#[test]
fn who_says_farewell_hears_no_close() {
    let mut session = Session::polling();
    assert_eq!(session.get(), Ok(()));
    assert_eq!(session.receive(Packet::Close), Received::Closed);
    assert_eq!(session.poll(), Poll::Noop);
}

#[test]
fn an_abandoned_poll_ends_the_session() {
    let mut session = Session::polling();
    assert_eq!(session.get(), Ok(()));
    session.get_ends(true);
    assert_eq!(session.get(), Err(Refused::Gone));
    let mut moved = Session::polling();
    assert_eq!((moved.get(), moved.court()), (Ok(()), Ok(())));
    assert_eq!(moved.courting(&Packet::Probe), Courting::Answer);
    assert_eq!(moved.courting(&Packet::Upgrade), Courting::Upgraded);
    moved.get_ends(true);
    assert_eq!(moved.receive(Packet::Message("")), Received::Message(""), "it went over the socket already");
}

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn the_heart_beats() {
    let beat = Beat::default();
    let mut session = Session::socket();
    assert_eq!(session.opens(beat, |_| 3), S(12), "it must be in a namespace by then");
    session.connected();
    assert_eq!(session.tick(beat), Tick::Wait(S(4)));
    assert_eq!(session.tick(beat), Tick::Ping(S(20)));
    assert_eq!(session.receive(Packet::Pong), Received::Nothing);
    assert_eq!(session.tick(beat), Tick::Wait(S(5)));
    assert_eq!(session.tick(beat), Tick::Ping(S(20)));
    assert_eq!(session.tick(beat), Tick::Dead);
    assert_eq!(session.tick(beat), Tick::Over);
    assert!(session.is_heard(), "a farewell is still to be written");
}

#[test]
fn who_enters_nothing_is_waited_for_and_one_without_a_request_less_long() {
    let beat = Beat::default();
    let mut left = Session::polling();
    assert_eq!(left.opens(beat, |_| 0), S(5));
    assert_eq!(left.tick(beat), Tick::Stale);
    let mut waits = Session::polling();
    assert_eq!(waits.opens(beat, |_| 0), S(5));
    waits.get().expect("the first");
    for _ in 5..12 {
        assert_eq!(waits.tick(beat), Tick::Wait(S(1)), "a GET is open");
    }
    assert_eq!(waits.tick(beat), Tick::Stale);
    let mut socket = Session::socket();
    assert_eq!((socket.opens(beat, |_| 0), socket.tick(beat)), (S(12), Tick::Stale));
}

#[test]
fn a_quick_heart_beats_before_a_namespace_is_entered() {
    let beat = Beat { ping: MS(300), pong: MS(200), connect: S(45) };
    let mut session = Session::polling();
    let mut at = session.opens(beat, |_| 0);
    assert_eq!(at, MS(200));
    let mut pings = 0;
    while at < S(45) {
        session.get_ends(false);
        session.get().expect("one at a time");
        match session.tick(beat) {
            Tick::Ping(next) => {
                assert_eq!((at - MS(200)).as_millis() % 300, 0, "{at:?}");
                session.receive(Packet::Pong);
                (pings, at) = (pings + 1, at + next);
            }
            Tick::Wait(next) => at += next,
            other => panic!("{other:?} at {at:?}"),
        }
    }
    assert_eq!((pings, at, session.tick(beat)), (150, S(45), Tick::Stale));
    let mut silent = Session::polling();
    silent.opens(beat, |_| 0);
    assert_eq!((silent.tick(beat), silent.tick(beat)), (Tick::Ping(MS(200)), Tick::Dead));
    assert_eq!(silent.get(), Err(Refused::Gone));
}

#[test]
fn a_ping_may_follow_its_answer_at_once() {
    let beat = Beat { ping: S(5), pong: S(5), connect: S(45) };
    let mut session = Session::socket();
    session.opens(beat, |_| 1);
    session.connected();
    for _ in 0..3 {
        assert_eq!(session.tick(beat), Tick::Ping(S(5)));
        session.receive(Packet::Pong);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Get,
    GetEnds(bool),
    Post,
    PostEnds,
    Court,
    CourtEnds,
    Courting(Said),
    Receive(Said),
    Connected,
    Tick,
    Close,
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Close,
    Probe,
    Pong,
    Message,
    Upgrade,
}

impl Said {
    fn packet(self) -> Packet<'static> {
        match self {
            Self::Close => Packet::Close,
            Self::Probe => Packet::Probe,
            Self::Pong => Packet::Pong,
            Self::Message => Packet::Message("x"),
            Self::Upgrade => Packet::Upgrade,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let said = || prop::sample::select(vec![Said::Close, Said::Probe, Said::Pong, Said::Message, Said::Upgrade]);
    prop_oneof![
        3 => Just(Step::Get),
        2 => any::<bool>().prop_map(Step::GetEnds),
        2 => Just(Step::Post),
        2 => Just(Step::PostEnds),
        2 => Just(Step::Court),
        1 => Just(Step::CourtEnds),
        4 => said().prop_map(Step::Courting),
        3 => said().prop_map(Step::Receive),
        1 => Just(Step::Connected),
        1 => Just(Step::Tick),
        1 => Just(Step::Close),
    ]
}

proptest! {
    /// Whatever the order: what is over stays over, a session moves to a socket once and only after a probe, and two requests
    /// of a kind are never both let in.
    #[test]
    fn no_order_of_things_breaks_a_session(steps in prop::collection::vec(step(), 1..60)) {
        let mut session = Session::polling();
        let beat = Beat::default();
        session.opens(beat, |below| below - 1);
        let (mut gets, mut posts, mut probed, mut courted) = (0_u32, 0_u32, false, false);
        let (mut over, mut moved) = (false, false);
        for step in steps {
            match step {
                Step::Get => gets += u32::from(session.get().is_ok()),
                Step::GetEnds(abandoned) if gets > 0 => {
                    gets -= 1;
                    session.get_ends(abandoned);
                }
                Step::Post => posts += u32::from(session.post().is_ok()),
                Step::PostEnds if posts > 0 => {
                    posts -= 1;
                    session.post_ends();
                }
                Step::Court => {
                    let let_in = session.court().is_ok();
                    prop_assert!(!(let_in && (courted || moved || over)));
                    courted |= let_in;
                }
                Step::CourtEnds if courted => {
                    session.court_ends();
                    (courted, probed) = (false, false);
                }
                Step::Courting(said) if courted => match session.courting(&said.packet()) {
                    Courting::Answer => probed = true,
                    Courting::Upgraded => {
                        prop_assert!(probed && !moved && !over);
                        (moved, courted) = (true, false);
                    }
                    Courting::Refused => {}
                },
                Step::Receive(said) => {
                    let received = session.receive(said.packet());
                    prop_assert!(!over || received == Received::Nothing);
                }
                Step::Connected => session.connected(),
                Step::Tick => {
                    let tick = session.tick(beat);
                    prop_assert_eq!(over, tick == Tick::Over);
                }
                Step::Close => session.close(By::Server),
                _ => {}
            }
            prop_assert!(gets <= 1 && posts <= 1);
            let closed = matches!(session.carrier, Carrier::Closed(_));
            prop_assert!(closed || !over, "it lives again");
            over = closed;
            if moved && !over {
                prop_assert_eq!(session.poll(), Poll::Noop);
            }
        }
    }
}
