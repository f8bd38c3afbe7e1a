//! Tells the other processes which clients are here, in what order the outbox says; shows Redis that this process lives; and takes
//! away the clients of those that do not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use kernel::{Entropy, limits};
use parking_lot::Mutex;
use redis::{FromRedisValue, RedisError, RedisResult};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::net::{Dial, Net, Node, PARTITIONS, Share};
use super::roll::{Answer, Beat, Kind, Member, Roll, Telling};
use super::scripts::{Call, Script, Scripts};
use super::wire::value_of;
use crate::memory::Memory;

/// Every other partition: half of them are shown a sign of life at a time.
const HALF: Share = Share::MAX / 3;

pub(super) struct Roster {
    process: Arc<str>,
    memory: Arc<Memory>,
    entropy: Entropy,
    scripts: Arc<Scripts>,
    rolls: Box<[Mutex<Roll>]>,
    /// Rung when there is something to tell that does not lie in the outbox.
    pub(super) due: Notify,
}

impl Roster {
    pub(super) fn new(process: Arc<str>, memory: Arc<Memory>, entropy: Entropy, scripts: Arc<Scripts>) -> Self {
        let rolls = (0..PARTITIONS).map(|_| Mutex::default()).collect();
        Self { process, memory, entropy, scripts, rolls, due: Notify::new() }
    }

    pub(super) fn has_due(&self, partition: u8) -> bool {
        self.roll(partition).lock().has_due()
    }

    /// Whether nothing is due anywhere.
    pub(super) fn is_done(&self) -> bool {
        (0..PARTITIONS).all(|partition| !self.has_due(partition))
    }

    /// These are told when there is time: who comes and goes meanwhile is compared once.
    pub(super) fn put_off(&self, partition: u8, members: impl IntoIterator<Item = Member>) {
        if self.roll(partition).lock().put_off(members) {
            self.due.notify_one();
        }
    }

    /// As [`Roster::put_off`], with everybody who was told to be here.
    pub(super) fn put_off_all(&self) {
        self.rolls.iter().for_each(|roll| roll.lock().put_off_all());
        self.due.notify_one();
    }

    /// Tells of what is due and then of these members. False where it has to be tried again, later.
    pub(super) async fn tell(&self, dial: &Dial, net: &Net, partition: u8, number: u64, members: Vec<Member>) -> bool {
        let telling = self.telling(partition, number, members);
        let (Some(telling), Some(node)) = (telling, net.of(partition)) else { return net.of(partition).is_some() };
        let call = self.telling_call(dial, partition, &telling);
        match run::<(String, String)>(&self.scripts.tell, node, &call).await {
            Ok((answer, era)) => {
                self.answered(partition, &telling, answer_of(&answer, Some(&era)));
                true
            }
            Err(error) => {
                super::count(&error);
                if error.code() != Some("OOM") {
                    dial.trouble.notify_one();
                }
                if error.is_io_error() {
                    return false;
                }
                // What a server refuses holds up nobody else.
                self.roll(partition).lock().refused();
                true
            }
        }
    }

    /// What is to be sent now, and waited for with [`Roster::answered`].
    fn telling(&self, partition: u8, number: u64, members: Vec<Member>) -> Option<Arc<Telling>> {
        let is = |member: &Member| self.memory.client(&member.channel, &member.client);
        self.roll(partition).lock().telling(number, members, limits::BUS_BATCH, is)
    }

    fn telling_call(&self, dial: &Dial, partition: u8, telling: &Telling) -> Call {
        let mut call = self.call(dial, partition);
        let (after, number) = (telling.after.to_string(), telling.number.to_string());
        let head = [telling.era.to_string(), after, number, limits::PRESENCE_REAPED.to_string()];
        call.arguments.extend(head.map(Bytes::from));
        for change in &telling.changes {
            let kind = match change.kind {
                Kind::Join => "J",
                Kind::PutBack => "K",
                Kind::Leave => "Q",
            };
            let texts = [kind, &change.channel, &change.present.client];
            call.arguments.extend(texts.map(|text| Bytes::copy_from_slice(text.as_bytes())));
            call.arguments.push(value_of(&change.present));
        }
        call
    }

    fn answered(&self, partition: u8, telling: &Telling, answer: Answer) {
        self.roll(partition).lock().answered(telling.number, answer);
    }

    /// Shows every partition five times in a lease that this process lives, and at once where there is a new connection.
    pub(super) async fn run(&self, dial: &Dial, mut net: watch::Receiver<Arc<Net>>, stop: CancellationToken) {
        let mut ticks = interval(Duration::from_millis(dial.settings.lease_ms / 10));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut before, mut half) = (Arc::new(Net::default()), HALF);
        while !stop.is_cancelled() {
            let now = net.borrow_and_update().clone();
            let share = if now.has_more_than(&before) { Share::MAX } else { half };
            let partitions = (0..PARTITIONS).filter(|partition| share & (1 << partition) != 0);
            join_all(partitions.map(|partition| self.beat(dial, &now, partition))).await;
            (before, half) = (now, !half);
            tokio::select! {
                () = stop.cancelled() => {}
                _ = ticks.tick() => {}
                Ok(_) = net.wait_for(|net| net.has_more_than(&before)) => {}
            }
        }
    }

    async fn beat(&self, dial: &Dial, net: &Net, partition: u8) {
        let Some(node) = net.of(partition) else { return };
        loop {
            let beat = self.roll(partition).lock().beat(limits::PRESENCE_CHECKED);
            let call = self.beat_call(dial, partition, &beat);
            match run::<(String, bool, Vec<String>)>(&self.scripts.beat, node, &call).await {
                Ok((answer, more, damaged)) => {
                    self.beaten(partition, &beat, &answer, &damaged);
                    if !more {
                        return;
                    }
                }
                Err(error) => {
                    super::count(&error);
                    return self.ring(partition);
                }
            }
        }
    }

    fn beat_call(&self, dial: &Dial, partition: u8, beat: &Beat) -> Call {
        let mut call = self.call(dial, partition);
        call.arguments.extend([beat.era.to_string(), limits::PRESENCE_REAPED.to_string()].map(Bytes::from));
        for (channel, count) in &beat.counts {
            call.arguments.extend([Bytes::copy_from_slice(channel.as_bytes()), count.to_string().into()]);
        }
        call
    }

    fn beaten(&self, partition: u8, beat: &Beat, answer: &str, damaged: &[String]) {
        self.roll(partition).lock().beaten(beat, answer_of(answer, None), damaged);
        self.ring(partition);
    }

    fn ring(&self, partition: u8) {
        if self.has_due(partition) {
            self.due.notify_one();
        }
    }

    /// Asks who is in a channel by the other processes.
    pub(super) fn present_call(&self, dial: &Dial, partition: u8, channel: &str, people: bool) -> Call {
        let most = if people { limits::PRESENT_COUNTED } else { limits::PRESENT_LISTED };
        let mut call = self.call(dial, partition);
        let people = if people { "1" } else { "0" };
        call.arguments.extend([channel.to_owned(), most.to_string(), people.to_owned()].map(Bytes::from));
        call
    }

    /// What the scripts on presence have in common.
    fn call(&self, dial: &Dial, partition: u8) -> Call {
        let name = dial.name(partition);
        let keys = vec![format!("{name}presence")];
        let (lease_ms, idle_ms) = (dial.settings.lease_ms.to_string(), limits::BUS_STREAM_IDLE_MS.to_string());
        let verb = dial.publish_verb().to_owned();
        let arguments = [self.entropy.token(8), name, self.process.to_string(), lease_ms, verb, idle_ms];
        Call { keys, arguments: arguments.map(Bytes::from).into(), tells_life: true }
    }

    fn roll(&self, partition: u8) -> &Mutex<Roll> {
        &self.rolls[usize::from(partition)]
    }
}

async fn run<T: FromRedisValue>(script: &Script, node: &Node, call: &Call) -> RedisResult<T> {
    let bound = Duration::from_millis(limits::BUS_CALL_MS);
    let late = |_| Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)));
    tokio::time::timeout(bound, script.run(node, call)).await.unwrap_or_else(late)
}

fn answer_of(answer: &str, era: Option<&str>) -> Answer {
    match answer {
        "ok" => Answer::Ok,
        "again" => Answer::Again,
        "lost" => Answer::Lost(era.map(Arc::from)),
        // Also where a later call was there before: only the last one is ever waited for.
        _ => Answer::Reaped,
    }
}

#[cfg(test)]
mod races;
