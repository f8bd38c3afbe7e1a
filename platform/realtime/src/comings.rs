//! Who comes and goes, as subscribers are told it.
//!
//! In a small channel a join is told at once. In a large one what happens within a moment is told together, and whoever came and
//! went within it is not mentioned. A leave waits some seconds: where the same person joins meanwhile, by another connection, neither
//! is told, and the new client stands for the old one, whose leave is told together with its own. Only a subscriber that came, or
//! read who is there, after the leave is told of the join. So a list that is kept by client holds each person as often as it is
//! there, perhaps under an earlier client, until it has left.
//!
//! What is told goes through one queue a channel, in the order heard: no leave overtakes its join.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bus::{Presence, Present};
use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::centrifuge::client::Client;
use crate::hub::Core;

#[derive(Default)]
pub(crate) struct Comings {
    rooms: Mutex<HashMap<Arc<str>, Room>>,
    /// Whose subscription the core took away inside a lock of the bus, which must not be called there.
    adrift: Mutex<Vec<(Arc<Client>, Arc<str>)>>,
    /// Something waits for its time.
    waiting: Notify,
}

/// A channel that somebody here is told about.
struct Room {
    /// Who is there, as far as subscribers were told or could read when they came.
    known: HashMap<Arc<str>, Arc<Present>>,
    /// There may be others: more than are listed, or not yet read.
    partial: bool,
    /// Those who left, until they are believed to have, Unix milliseconds.
    leaving: VecDeque<Leaving>,
    /// What was heard so far, joins and leaves.
    heard: u64,
    queue: Vec<Coming>,
    /// For whom a client that came back stands: each may have been told, or read.
    stands_for: HashMap<Arc<str>, Vec<Arc<Present>>>,
}

struct Leaving {
    until_ms: i64,
    /// As [`Room::heard`] was with it.
    number: u64,
    present: Arc<Present>,
}

/// One message about a client.
#[derive(Clone)]
pub(crate) struct Coming {
    pub(crate) joined: bool,
    /// For those who read who is there before so much was heard,
    before: u64,
    /// and after so much: the others do not know that it ever left.
    after: u64,
    /// Nobody can know of it yet.
    fresh: bool,
    pub(crate) present: Arc<Present>,
}

/// What a subscriber is told of who comes and goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hears {
    #[default]
    Nothing,
    /// It has not read who is there, or is about to.
    All,
    /// It knows who was there when so much was heard.
    Since(u64),
}

impl Coming {
    pub(crate) fn is_for(&self, hears: Hears) -> bool {
        match hears {
            Hears::Nothing => false,
            Hears::All => true,
            Hears::Since(since) => self.after <= since && since < self.before,
        }
    }
}

impl Room {
    fn new() -> Self {
        let (known, stands_for) = (HashMap::new(), HashMap::new());
        Self { known, partial: true, leaving: VecDeque::new(), heard: 0, queue: Vec::new(), stands_for }
    }

    /// Who was there already when the room began to listen.
    fn read(&mut self, there: Presence) {
        self.partial = !there.whole;
        there.clients.into_iter().for_each(|present| _ = self.known.entry(present.client.clone()).or_insert(present));
    }

    /// Somebody reads who is there, also those of whom nothing was told yet. Returns how much was heard so far.
    fn is_read(&mut self) -> u64 {
        self.queue.iter_mut().for_each(|coming| coming.fresh = false);
        self.heard
    }

    fn joined(&mut self, present: &Arc<Present>) {
        self.heard += 1;
        let before = self.known.get(&present.client).cloned();
        let gone = |same: &dyn Fn(&Present) -> bool| self.leaving.iter().position(|left| same(&left.present));
        let back = gone(&|left| left.client == present.client)
            .or_else(|| gone(&|left| !left.person.is_empty() && left.person == present.person));
        let back = back.and_then(|at| self.leaving.remove(at));
        match back {
            Some(left) if left.present.client == present.client => {
                if left.present.info == present.info {
                    self.say_after(left.number, present.clone());
                } else {
                    self.say(true, false, present.clone());
                }
            }
            Some(left) => self.replace(left, present),
            None if before.as_ref() == Some(present) => {}
            None => self.say(true, before.is_none(), present.clone()),
        }
        if self.known.len() < limits::PRESENT_LISTED {
            self.known.insert(present.client.clone(), present.clone());
        } else {
            self.partial = true;
        }
    }

    /// The same person, by another connection.
    fn replace(&mut self, left: Leaving, present: &Arc<Present>) {
        let mut stood_for = self.stands_for.remove(&left.present.client).unwrap_or_default();
        stood_for.push(left.present);
        if stood_for.len() <= limits::PRESENCE_STAND_INS {
            self.say_after(left.number, present.clone());
            self.stands_for.insert(present.client.clone(), stood_for);
        } else {
            stood_for.into_iter().for_each(|left| self.say(false, false, left));
            self.say(true, true, present.clone());
        }
    }

    fn left(&mut self, present: &Arc<Present>, now_ms: i64) {
        self.heard += 1;
        if self.known.remove(&present.client).is_none() && !self.partial {
            return;
        }
        let of_it = |coming: &Coming| coming.present.client == present.client;
        if let Some(at) = self.queue.iter().rposition(|coming| coming.fresh && of_it(coming)) {
            // Nobody has heard of it.
            let after = self.queue.split_off(at);
            self.queue.extend(after.into_iter().filter(|coming| !of_it(coming)));
            return;
        }
        if present.person.is_empty() || self.leaving.len() >= limits::PRESENCE_LEAVING {
            self.gone(present.clone());
        } else {
            let until_ms = now_ms + limits::PRESENCE_FLAP_MS;
            self.leaving.push_back(Leaving { until_ms, number: self.heard, present: present.clone() });
        }
    }

    fn gone(&mut self, present: Arc<Present>) {
        let stood_for = self.stands_for.remove(&present.client).unwrap_or_default();
        stood_for.into_iter().chain([present]).for_each(|left| self.say(false, false, left));
    }

    fn say(&mut self, joined: bool, fresh: bool, present: Arc<Present>) {
        self.queue.push(Coming { joined, before: self.heard, after: 0, fresh, present });
    }

    /// A join that most do not need to hear. One that leaves again was known to the others.
    fn say_after(&mut self, leave: u64, present: Arc<Present>) {
        self.queue.push(Coming { joined: true, before: self.heard, after: leave, fresh: false, present });
    }

    /// What it is time to tell.
    fn due(&mut self, now_ms: i64) -> Vec<Coming> {
        while let Some(left) = self.leaving.pop_front_if(|left| left.until_ms <= now_ms) {
            self.gone(left.present);
        }
        std::mem::take(&mut self.queue)
    }
}

impl Core {
    /// From now on somebody here, who is among the subscribers already, is told who comes to the channel and goes.
    pub(crate) async fn watch(&self, channel: &str) {
        match self.comings.rooms.lock().entry(channel.into()) {
            Entry::Occupied(_) => return,
            Entry::Vacant(entry) => _ = entry.insert(Room::new()),
        }
        let there = self.bus.present(channel).await;
        if let Some(room) = self.comings.rooms.lock().get_mut(channel) {
            room.read(there);
        }
    }

    /// Nobody here is told about these channels any more.
    pub(crate) fn close_rooms(&self) {
        // Inside the lock: whoever watches is a subscriber before.
        self.comings.rooms.lock().retain(|channel, _| self.channels.listens(channel));
    }

    /// A subscriber that listens has come, or is about to read who is there (`before`), or has read it.
    pub(crate) fn stamp(&self, channel: &str, id: u64, before: bool) {
        let heard = self.comings.rooms.lock().get_mut(channel).map(Room::is_read);
        if let Some(heard) = heard {
            self.channels.stamp(channel, id, if before { Hears::All } else { Hears::Since(heard) });
        }
    }

    /// A client came to a channel or left it. Called by the bus, inside its lock.
    pub(crate) fn heard(&self, channel: &str, joined: bool, present: &Arc<Present>) {
        let mut rooms = self.comings.rooms.lock();
        let Some(room) = rooms.get_mut(channel) else { return };
        if joined {
            room.joined(present);
        } else {
            room.left(present, self.clock.now_ms());
        }
        let at_once = self.channels.subscribers(channel) <= limits::PRESENCE_AT_ONCE;
        if !room.queue.is_empty() && (at_once || room.queue.len() >= limits::PRESENCE_TOGETHER) {
            let told = std::mem::take(&mut room.queue);
            if self.channels.tell(channel, &told) == 0 {
                rooms.remove(channel);
                return;
            }
        }
        if !room.queue.is_empty() || !room.leaving.is_empty() {
            self.comings.waiting.notify_one();
        }
    }

    /// Tells everywhere what it is time to tell. Whether something waits still.
    pub(crate) fn tell_comings(&self) -> bool {
        // Taken first: the lock is not held while locks of the bus are.
        let adrift = std::mem::take(&mut *self.comings.adrift.lock());
        for (client, channel) in adrift {
            client.reflect(&channel);
        }
        let now_ms = self.clock.now_ms();
        let mut waiting = false;
        // Inside the lock: whoever is heard of meanwhile comes after.
        self.comings.rooms.lock().retain(|channel, room| {
            let told = room.due(now_ms);
            waiting |= !room.leaving.is_empty();
            told.is_empty() || self.channels.tell(channel, &told) > 0
        });
        waiting
    }

    /// Tells what waited for its time. Never ends.
    pub(crate) async fn tell_the_comings(&self) {
        loop {
            self.comings.waiting.notified().await;
            let mut waiting = true;
            while waiting {
                tokio::time::sleep(Duration::from_millis(limits::PRESENCE_TOGETHER_MS)).await;
                waiting = self.tell_comings();
            }
        }
    }

    /// A subscription ended inside a lock of the bus: it hears of it a moment later.
    pub(crate) fn adrift(&self, client: Arc<Client>, channel: &str) {
        self.comings.adrift.lock().push((client, channel.into()));
        self.comings.waiting.notify_one();
    }

    /// Joins and leaves may have been missed: compares who is there with who was. Whether that was all that can be done.
    pub(crate) async fn recount(&self, channel: &str) -> bool {
        let before: Vec<Arc<Present>> = match self.comings.rooms.lock().get(channel) {
            Some(room) => room.known.values().cloned().collect(),
            None => return true,
        };
        let there = self.bus.present(channel).await;
        there.clients.iter().for_each(|present| self.heard(channel, true, present));
        if there.whole {
            let listed: HashSet<_> = there.clients.iter().map(|present| &present.client).collect();
            before.iter().filter(|it| !listed.contains(&it.client)).for_each(|it| self.heard(channel, false, it));
        }
        there.whole || there.clients.len() >= limits::PRESENT_LISTED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use kernel::Entropy;

    use super::*;

    /// Its subscriber is gone before anything was told.
    #[tokio::test]
    async fn a_room_without_listeners_is_closed() {
        let (clock, entropy) = (kernel::Clock::manual(0), Entropy::seeded(1));
        let bus = bus::Bus::memory(clock.clone(), &entropy);
        let hub = crate::Hub::new(bus, clock, entropy, Arc::new(crate::doorman::Nobody));
        hub.0.watch("room:a").await;
        assert_eq!(hub.0.comings.rooms.lock().len(), 1);
        hub.tick();
        assert!(hub.0.comings.rooms.lock().is_empty());
    }

    fn present(client: u64, person: &str) -> Arc<Present> {
        let client = client.to_string().into();
        Arc::new(Present { client, person: person.into(), info: Bytes::from_static(b"1") })
    }

    /// A reader that keeps a list by client, which it read when so much was heard.
    struct List(u64, BTreeMap<Arc<str>, Arc<Present>>);

    impl List {
        fn hear(&mut self, told: &[Coming]) {
            for coming in told.iter().filter(|coming| coming.is_for(Hears::Since(self.0))) {
                if coming.joined {
                    self.1.insert(coming.present.client.clone(), coming.present.clone());
                } else {
                    self.1.remove(&coming.present.client);
                }
            }
        }
    }

    fn people(list: &BTreeMap<Arc<str>, Arc<Present>>) -> Vec<Arc<str>> {
        let mut people: Vec<_> = list.values().map(|present| present.person.clone()).collect();
        people.sort();
        people
    }

    fn tell(lists: &mut [List], told: &[Coming]) {
        lists.iter_mut().for_each(|list| list.hear(told));
    }

    /// Whatever happens: when all is quiet a list, whenever it was read, holds everybody who is there as often as they are there.
    #[test]
    fn lists_come_out_right() {
        for seed in 0..100 {
            let entropy = Entropy::seeded(seed);
            let (mut room, mut there, mut lists) = (Room::new(), BTreeMap::new(), Vec::<List>::new());
            room.read(Presence { clients: Vec::new(), whole: true });
            let (mut now_ms, mut next) = (0, 0);
            for step in 0..300 {
                let leaves = step >= 250 || entropy.below(2) == 0;
                if leaves && let Some(at) = there.keys().nth(entropy.below(there.len().max(1) as u64) as usize).cloned()
                {
                    let gone: Arc<Present> = there.remove(&at).expect("there");
                    room.left(&gone, now_ms);
                    if entropy.below(4) == 0 {
                        there.insert(at, gone.clone());
                        room.joined(&gone);
                    }
                } else if step < 250 {
                    next += 1;
                    let came = present(next, ["", "ann", "bob", "cem"][entropy.below(4) as usize]);
                    there.insert(came.client.clone(), came.clone());
                    room.joined(&came);
                }
                now_ms += entropy.below(limits::PRESENCE_FLAP_MS as u64) as i64;
                match entropy.below(8) {
                    0..3 => tell(&mut lists, &room.due(now_ms)),
                    3 => {
                        lists.push(List(room.is_read(), there.clone()));
                    }
                    4 => {
                        now_ms += limits::PRESENCE_FLAP_MS;
                        tell(&mut lists, &room.due(now_ms));
                        let expected = people(&there);
                        lists.iter().for_each(|list| assert_eq!(people(&list.1), expected, "seed {seed}, step {step}"));
                    }
                    _ => {}
                }
            }
            let known: BTreeMap<_, _> =
                room.known.iter().map(|(client, present)| (client.clone(), present.clone())).collect();
            assert_eq!(known, there, "seed {seed}");
        }
    }
}
