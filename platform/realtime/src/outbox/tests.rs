use bus::Publication;
use bytes::Bytes;

use super::*;
use crate::slow::Manner;

#[test]
fn over_the_bound_the_queue_is_given_up() {
    let outbox = Outbox::new(10);
    let mut taken = VecDeque::new();
    outbox.push(1, 50);
    assert_eq!(outbox.take(&mut taken, 0), None);
    assert_eq!(taken, [1], "a single one passes");
    outbox.push(2, 1);
    taken.clear();
    assert_eq!(outbox.take(&mut taken, 50), Some(Disconnect::SLOW), "what is taken counts until it is written");
    assert!(taken.is_empty());
    outbox.close(Disconnect::SHUTDOWN);
    outbox.answer(3, 1);
    assert_eq!(outbox.take(&mut taken, 0), Some(Disconnect::SLOW), "the first reason stands");
    assert!(taken.is_empty());
}

#[test]
fn a_cut_takes_back_what_waits() {
    let outbox = Outbox::new(10);
    let mut taken = VecDeque::new();
    outbox.push(1, 5);
    outbox.cut(Disconnect::FORCED);
    outbox.answer(2, 1);
    assert_eq!(outbox.take(&mut taken, 0), Some(Disconnect::FORCED));
    assert!(taken.is_empty() && outbox.given_up() == Some(Disconnect::FORCED));
    let leaving = Outbox::<u8>::new(10);
    leaving.close(Disconnect::SHUTDOWN);
    assert_eq!(leaving.given_up(), None, "an orderly end writes what waits");
    leaving.cut(Disconnect::FORCED);
    assert_eq!(leaving.given_up(), Some(Disconnect::SHUTDOWN), "the first reason stands");
}

#[test]
fn answers_always_have_room_and_requests_wait() {
    let outbox = Outbox::new(10);
    outbox.answer("a", 9);
    assert!(outbox.has_room());
    outbox.answer("b", 9);
    assert!(!outbox.has_room());
    let mut taken = VecDeque::new();
    assert_eq!(outbox.take(&mut taken, 0), None);
    taken.clear();
    outbox.take(&mut taken, 18);
    assert!(outbox.has_room());
}

fn of(channel: &str, data: &'static str, manner: Manner) -> Arc<Broadcast> {
    let publication =
        Publication { offset: 0, epoch: "".into(), time_ms: 0, data: Bytes::from_static(data.as_bytes()), info: None };
    Broadcast::new(channel.into(), Arc::new(publication), manner)
}

fn slow(slow: Slow) -> Manner {
    Manner { slow, delay_ms: 0 }
}

fn taken<T: Copy>(outbox: &Outbox<T>) -> Vec<T> {
    let mut taken = VecDeque::new();
    outbox.take(&mut taken, 0);
    taken.into()
}

#[test]
fn what_waits_of_a_channel_is_given_up_and_nothing_else() {
    let outbox = Outbox::new(10);
    let (a, b) = (of("r:a", "1", slow(Slow::Recover)), of("r:b", "1", slow(Slow::Recover)));
    for (n, it) in [(1, &a), (2, &b), (3, &a)] {
        assert!(matches!(outbox.publish(n, 3, it), Posted::Now | Posted::Done));
    }
    outbox.answer(4, 1);
    assert!(matches!(outbox.publish(5, 3, &a), Posted::Lost));
    assert!(matches!(outbox.publish(6, 3, &b), Posted::Now | Posted::Done), "there is room again");
    assert!(matches!(outbox.publish(7, 9, &b), Posted::Lost));
    assert_eq!((taken(&outbox), outbox.closing()), (vec![4], None));
}

#[test]
fn the_latest_of_each_replaces_what_waits_of_it() {
    let outbox = Outbox::new(10);
    let by = slow(Slow::Conflate(Some("k")));
    let (one, two) = (of("c:a", r#"{"k":1}"#, by), of("c:a", r#"{"k":2}"#, by));
    let other = of("c:b", r#"{"k":1}"#, by);
    for (n, it) in [(1, &one), (2, &two), (3, &other), (4, &one), (5, &two)] {
        assert!(matches!(outbox.publish(n, 3, it), Posted::Now | Posted::Done));
    }
    assert_eq!(taken(&outbox), [3, 4, 5]);
    // Those are being written still, and as much again may wait.
    for n in 6..100 {
        assert!(matches!(outbox.publish(n, 3, &one), Posted::Now | Posted::Done));
    }
    assert_eq!((taken(&outbox), outbox.closing()), (vec![99], None));
    outbox.publish(100, 8, &one);
    outbox.publish(101, 8, &two);
    assert_eq!(outbox.given_up(), Some(Disconnect::SLOW), "even the latest is too much");
}

#[test]
fn what_does_not_fit_is_dropped() {
    let outbox = Outbox::new(10);
    let it = of("d:a", "1", slow(Slow::Drop));
    for n in 0..100 {
        assert!(matches!(outbox.publish(n, 4, &it), Posted::Now | Posted::Done));
    }
    assert_eq!((taken(&outbox), outbox.closing()), (vec![0, 1], None));
}

#[test]
fn what_may_wait_is_told_once_and_what_may_not_takes_it_along() {
    let outbox = Outbox::new(100);
    let late = of("l:a", "1", Manner { delay_ms: 5, ..Manner::default() });
    assert!(matches!(outbox.publish(1, 1, &late), Posted::Later));
    assert!(matches!(outbox.publish(2, 1, &late), Posted::Done));
    assert!(outbox.post(3, 1), "this one does not wait");
    assert_eq!(taken(&outbox), [1, 2, 3]);
    assert!(matches!(outbox.publish(4, 1, &late), Posted::Later));
}
