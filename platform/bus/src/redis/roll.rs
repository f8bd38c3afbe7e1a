//! What the other processes were told of this one's clients in one partition, and what is still to be told. No lock, no clock, no
//! network.
//!
//! What is true is what the memory of this process says. A member is told of by comparing that with the roll, whenever it is its
//! turn: so nothing is lost by an outage, and who came and went meanwhile is not told at all. One call is on its way at a time. It
//! names the one before it, and one without an answer is sent again as it was: so whatever becomes of answers, each is done once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::Present;

/// A client in a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Member {
    pub(super) channel: Arc<str>,
    pub(super) client: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Join,
    /// Was told before, and Redis has lost it: nobody is told again.
    PutBack,
    Leave,
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) kind: Kind,
    pub(super) channel: Arc<str>,
    pub(super) present: Arc<Present>,
}

/// A call that tells of changes.
#[derive(Debug)]
pub(super) struct Telling {
    /// The era in which what lies in Redis was told.
    pub(super) era: Arc<str>,
    /// Number of the call before it; 0 when nothing lies in Redis.
    pub(super) after: u64,
    pub(super) number: u64,
    pub(super) changes: Vec<Change>,
}

/// What became of a call, or of what was told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All is well.
    Ok,
    /// The call has to be sent again.
    Again,
    /// Redis has lost its memory, which listeners do not know; or this process begins. The present era, where it is known.
    Lost(Option<Arc<str>>),
    /// This process was taken for dead, and listeners were told that its clients left.
    Reaped,
}

/// What a beat asks, and of which state of the roll.
pub(super) struct Beat {
    version: u64,
    /// Empty when nothing lies in Redis.
    pub(super) era: Arc<str>,
    /// Channels, each with the number of its clients that should lie there.
    pub(super) counts: Vec<(Arc<str>, usize)>,
}

struct Told {
    present: Arc<Present>,
    lies: Lies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    InRedis,
    /// Redis has lost it, after it was told.
    Nowhere,
    /// Redis has lost it, and nobody knows whether the last that was to be told of it was.
    Unknown,
}

pub(super) struct Roll {
    era: Arc<str>,
    /// Number of the last call that was answered; 0 when nothing lies in Redis.
    after: u64,
    told: BTreeMap<Arc<str>, HashMap<Arc<str>, Told>>,
    /// Members to compare, besides those that lie in the outbox.
    due: BTreeSet<Member>,
    on_its_way: Option<Arc<Telling>>,
    /// Whether it was sent before, and no answer heard.
    sent_again: bool,
    /// Redis would not take the last call: until the next beat nothing is due.
    refused: bool,
    /// The channel that was counted last.
    counted: Option<Arc<str>>,
    /// Changes with whatever makes an older beat's answer mean nothing.
    version: u64,
}

impl Default for Roll {
    fn default() -> Self {
        Self {
            era: "".into(),
            after: 0,
            told: BTreeMap::new(),
            due: BTreeSet::new(),
            on_its_way: None,
            sent_again: false,
            refused: false,
            counted: None,
            version: 0,
        }
    }
}

impl Roll {
    /// Whether something is to be told besides what lies in the outbox.
    pub(super) fn has_due(&self) -> bool {
        !self.refused && (self.on_its_way.is_some() || !self.due.is_empty())
    }

    pub(super) fn refused(&mut self) {
        self.refused = true;
    }

    /// Compares these when there is time. Whether any of them was not due before.
    pub(super) fn put_off(&mut self, members: impl IntoIterator<Item = Member>) -> bool {
        let before = self.due.len();
        self.due.extend(members);
        self.due.len() > before
    }

    /// Compares everything that was told once more.
    pub(super) fn put_off_all(&mut self) {
        self.refused = false;
        for (channel, clients) in &self.told {
            self.due.extend(clients.keys().map(|client| member(channel, client)));
        }
    }

    /// The call that is to be sent now: the one that was not answered, or one about what is due and then these members, in
    /// their order. `is` says what is true of a member. None when there is nothing to tell.
    pub(super) fn telling(
        &mut self,
        number: u64,
        members: Vec<Member>,
        most: usize,
        is: impl Fn(&Member) -> Option<Arc<Present>>,
    ) -> Option<Arc<Telling>> {
        if self.on_its_way.is_some() {
            self.due.extend(members);
            self.sent_again = true;
            return self.on_its_way.clone();
        }
        let mut turn: Vec<_> = std::iter::from_fn(|| self.due.pop_first()).take(most).collect();
        // Once some wait, who comes later waits too.
        match self.due.is_empty() {
            true => turn.extend(members),
            false => self.due.extend(members),
        }
        let mut seen = HashSet::new();
        let once = turn.iter().filter(|member| seen.insert(*member));
        let changes: Vec<_> = once.filter_map(|member| self.change(member, is(member))).collect();
        if changes.is_empty() {
            return None;
        }
        self.version += 1;
        self.sent_again = false;
        self.on_its_way = Some(Arc::new(Telling { era: self.era.clone(), after: self.after, number, changes }));
        self.on_its_way.clone()
    }

    fn change(&self, member: &Member, is: Option<Arc<Present>>) -> Option<Change> {
        let told = self.told.get(&member.channel).and_then(|clients| clients.get(&member.client));
        let (kind, present) = match (is, told) {
            (Some(is), Some(told)) if is == told.present && told.lies == Lies::InRedis => return None,
            (Some(is), Some(told)) if is == told.present && told.lies == Lies::Nowhere => (Kind::PutBack, is),
            (Some(is), _) => (Kind::Join, is),
            (None, Some(told)) => (Kind::Leave, told.present.clone()),
            (None, None) => return None,
        };
        Some(Change { kind, channel: member.channel.clone(), present })
    }

    /// What became of the call with this number, if it is still the one that is waited for.
    pub(super) fn answered(&mut self, number: u64, answer: Answer) {
        if self.on_its_way.as_ref().is_none_or(|telling| telling.number != number) {
            return;
        }
        self.version += 1;
        match answer {
            Answer::Ok => {
                self.after = number;
                let changes = self.on_its_way.take().into_iter().flat_map(|telling| telling.changes.clone());
                changes.for_each(|change| self.was_told(change));
            }
            Answer::Again => {}
            Answer::Lost(era) => self.lost(era, self.sent_again),
            Answer::Reaped => self.reaped(),
        }
    }

    fn was_told(&mut self, Change { kind, channel, present }: Change) {
        if kind != Kind::Leave {
            let client = present.client.clone();
            self.told.entry(channel).or_default().insert(client, Told { present, lies: Lies::InRedis });
        } else if let Some(clients) = self.told.get_mut(&channel) {
            clients.remove(&present.client);
            if clients.is_empty() {
                self.told.remove(&channel);
            }
        }
    }

    /// Redis has nothing of this process. Who was told to be here is put back, whose leave was not told is told. Whatever may
    /// have been told without an answer is told again.
    fn lost(&mut self, era: Option<Arc<str>>, unheard: bool) {
        self.era = era.unwrap_or(self.era.clone());
        for told in self.told.values_mut().flat_map(HashMap::values_mut).filter(|told| told.lies == Lies::InRedis) {
            told.lies = Lies::Nowhere;
        }
        // Without an era nothing is ever done.
        let unheard = self.on_its_way.clone().filter(|telling| unheard && !telling.era.is_empty());
        for Change { kind, channel, present } in unheard.iter().flat_map(|telling| telling.changes.clone()) {
            if kind != Kind::PutBack {
                let client = present.client.clone();
                self.told.entry(channel).or_default().insert(client, Told { present, lies: Lies::Unknown });
            }
        }
        self.begin_again();
    }

    /// Listeners were told that everybody left.
    fn reaped(&mut self) {
        self.begin_again();
        self.told.clear();
    }

    fn begin_again(&mut self) {
        self.after = 0;
        self.put_off_all();
        let unheard = self.on_its_way.take();
        let changes = unheard.iter().flat_map(|telling| &telling.changes);
        self.due.extend(changes.map(|change| member(&change.channel, &change.present.client)));
    }

    /// What to ask now: of `most` channels at a time whether their clients lie there.
    pub(super) fn beat(&mut self, most: usize) -> Beat {
        let (version, mut counts) = (self.version, Vec::new());
        self.refused = false;
        let era = if self.after == 0 { "".into() } else { self.era.clone() };
        // What a call on its way changes is not known.
        if self.after != 0 && self.on_its_way.is_none() {
            let after = self.counted.take().map_or(Bound::Unbounded, Bound::Excluded);
            let next: Vec<_> = self.told.range::<Arc<str>, _>((after, Bound::Unbounded)).take(most).collect();
            self.counted = (next.len() == most).then(|| next.last().map(|(channel, _)| (*channel).clone())).flatten();
            let stored =
                |clients: &HashMap<_, Told>| clients.values().filter(|told| told.lies == Lies::InRedis).count();
            let counted = next.into_iter().map(|(channel, clients)| (channel.clone(), stored(clients)));
            counts.extend(counted.filter(|(_, count)| *count > 0));
        }
        Beat { version, era, counts }
    }

    /// What a beat found out, and of which channels Redis has lost the clients.
    pub(super) fn beaten(&mut self, beat: &Beat, answer: Answer, damaged: &[String]) {
        if self.version != beat.version {
            return;
        }
        for channel in damaged {
            let channel: Arc<str> = (**channel).into();
            for (client, told) in self.told.get_mut(&channel).into_iter().flatten() {
                told.lies = Lies::Nowhere;
                self.due.insert(member(&channel, client));
            }
            self.version += 1;
        }
        match answer {
            Answer::Ok | Answer::Again => return,
            Answer::Lost(era) => self.lost(era, true),
            Answer::Reaped => self.reaped(),
        }
        self.version += 1;
    }
}

fn member(channel: &Arc<str>, client: &Arc<str>) -> Member {
    Member { channel: channel.clone(), client: client.clone() }
}
