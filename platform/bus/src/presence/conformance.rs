//! What every engine must do about presence.

use std::sync::Arc;

use bytes::Bytes;
use kernel::limits;
use tokio::sync::mpsc;

use crate::conformance::{PATIENCE, json};
use crate::{Bus, BusError, Keep, PresenceStats, Present, Publication, Sink};

pub(crate) async fn presence(make: impl AsyncFn() -> Bus) {
    who_is_there_is_listed_and_counted(&make().await).await;
    listeners_hear_who_comes_and_goes_in_order(&make().await).await;
    what_is_too_much_is_refused(&make().await).await;
    who_departs_leaves_for_everybody(&make().await).await;
}

/// A listener that writes down what it heard of channel `a`.
struct Ear(mpsc::UnboundedSender<String>);

impl Sink for Ear {
    fn publication(&self, channel: &str, _: &Arc<Publication>) {
        self.hear(channel, "published".to_owned());
    }

    fn joined(&self, channel: &str, present: &Arc<Present>) {
        self.hear(channel, format!("+{}:{}:{}", present.client, present.person, text(&present.info)));
    }

    fn left(&self, channel: &str, present: &Arc<Present>) {
        self.hear(channel, format!("-{}:{}:{}", present.client, present.person, text(&present.info)));
    }
}

impl Ear {
    fn on(bus: &Bus) -> mpsc::UnboundedReceiver<String> {
        let (sender, receiver) = mpsc::unbounded_channel();
        bus.listen(Arc::new(Self(sender)));
        receiver
    }

    fn hear(&self, channel: &str, what: String) {
        if channel == "a" {
            let _ = self.0.send(what);
        }
    }
}

async fn hears(ear: &mut mpsc::UnboundedReceiver<String>, what: &[&str]) {
    for what in what {
        let heard = tokio::time::timeout(PATIENCE, ear.recv()).await.expect("in time").expect("an open bus");
        assert_eq!(heard, *what);
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn present(client: &str, person: &str, info: &str) -> Present {
    Present { client: client.into(), person: person.into(), info: json(info) }
}

async fn there(bus: &Bus, channel: &str) -> Vec<String> {
    let clients = bus.present(channel).await.clients;
    let mut clients: Vec<_> = clients.iter().map(|it| format!("{}:{}", it.client, text(&it.info))).collect();
    clients.sort();
    clients
}

async fn count(bus: &Bus, channel: &str) -> (u64, u64) {
    let PresenceStats { clients, people, .. } = bus.presence_stats(channel).await;
    (clients, people)
}

async fn who_is_there_is_listed_and_counted(bus: &Bus) {
    assert_eq!((there(bus, "a").await, count(bus, "a").await), (Vec::new(), (0, 0)));
    for (client, person) in [("c1", "ann"), ("c2", "ann"), ("c3", "bob")] {
        bus.join("a", present(client, person, "1")).expect("joined");
    }
    bus.join("b", present("c1", "ann", "2")).expect("joined");
    assert_eq!(
        (there(bus, "a").await, count(bus, "a").await),
        (vec!["c1:1".into(), "c2:1".into(), "c3:1".into()], (3, 2))
    );
    bus.leave("a", "c1");
    assert_eq!((there(bus, "a").await, count(bus, "a").await), (vec!["c2:1".into(), "c3:1".into()], (2, 2)));
    bus.leave("a", "c2");
    bus.join("a", present("c3", "bob", "3")).expect("joined");
    assert_eq!((there(bus, "a").await, count(bus, "a").await), (vec!["c3:3".into()], (1, 1)));
    assert_eq!(there(bus, "b").await, ["c1:2"], "a channel has its own");
}

async fn listeners_hear_who_comes_and_goes_in_order(bus: &Bus) {
    let mut ear = Ear::on(bus);
    bus.join("a", present("c1", "ann", "1")).expect("joined");
    bus.publish("a", json("0"), Keep::NOTHING).await.expect("published");
    bus.join("a", present("c1", "ann", "1")).expect("nothing new");
    bus.join("a", present("c1", "ann", "2")).expect("joined");
    bus.leave("a", "c2");
    bus.leave("b", "c1");
    bus.leave("a", "c1");
    bus.leave("a", "c1");
    bus.publish("a", json("0"), Keep::NOTHING).await.expect("published");
    hears(&mut ear, &["+c1:ann:1", "published", "+c1:ann:2", "-c1:ann:2", "published"]).await;
}

async fn what_is_too_much_is_refused(bus: &Bus) {
    let info = "1".repeat(limits::PRESENT_BYTES - 3);
    bus.join("a", present("c", "d", &info)).expect("just fits");
    assert!(matches!(bus.join("a", present("c", "dd", &info)), Err(BusError::Refused(_))));
    assert_eq!(count(bus, "a").await, (1, 1));
    for n in 0..limits::PRESENT_LISTED {
        bus.join("a", present(&n.to_string(), "everybody", "1")).expect("joined");
    }
    let listed = bus.present("a").await;
    assert_eq!((listed.clients.len(), listed.whole), (limits::PRESENT_LISTED, false));
    assert_eq!(count(bus, "a").await, (limits::PRESENT_LISTED as u64 + 1, 2));
}

async fn who_departs_leaves_for_everybody(bus: &Bus) {
    bus.join("a", present("c1", "ann", "1")).expect("joined");
    bus.join("b", present("c1", "ann", "1")).expect("joined");
    let mut ear = Ear::on(bus);
    bus.depart().await;
    hears(&mut ear, &["-c1:ann:1"]).await;
    assert_eq!((count(bus, "a").await, count(bus, "b").await), ((0, 0), (0, 0)));
    bus.join("a", present("c1", "ann", "1")).expect("who comes after all is there");
    assert_eq!(count(bus, "a").await, (1, 1));
}
