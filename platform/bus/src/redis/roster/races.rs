//! Processes that come, go, are stalled and killed, over a real Redis whose time stands still until it is told, and whose answers are
//! lost or late: what listeners hear and lists show is compared with what is true.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Clock, Secret};
use proptest::prelude::*;
use redis::Connection;
use testkit::Redis;

use super::super::inbox::Inbox;
use super::super::settings::RedisSettings;
use super::super::wire::{Message, Move, present_of};
use super::*;
use crate::Present;

const TIME: &str = "
local now = tonumber(redis.call('GET', string.match(KEYS[1], '^{.-}') .. 'clock'))
local function text(number) return string.format('%.0f', number) end
";
const PROCESSES: usize = 3;
const LEASE_MS: u64 = 1_000;
/// So many are taken away in one step, so that others come in between.
const REAPED: &[u8] = b"2";
/// Whatever the channels are called, this is where they are.
const PARTITION: u8 = 0;
const NAME: &str = "{mainspring:0}";

#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    AnswerLost,
    CallLost,
    /// Comes when nobody waits for it, or never.
    Late,
}

#[derive(Clone, Debug)]
enum Step {
    Join { process: usize, channel: usize, client: usize, info: usize },
    Leave { process: usize, channel: usize, client: usize },
    Tell { process: usize, fate: Fate },
    Beat { process: usize },
    Advance { ms: u64 },
    Kill { process: usize },
    Straggle { which: usize },
    Lose(Loss),
}

#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Restarted empty.
    Everything,
    /// Another server, with what the old one had.
    Life,
    /// One key is thrown away.
    Key(usize),
}

fn steps(with_losses: bool) -> impl Strategy<Value = Vec<Step>> {
    let process = 0..PROCESSES;
    let fate = prop_oneof![6 => Just(Fate::Answered), 1 => Just(Fate::AnswerLost), 1 => Just(Fate::CallLost), 1 => Just(Fate::Late)];
    let loss = prop_oneof![Just(Loss::Everything), Just(Loss::Life), (0..20usize).prop_map(Loss::Key)];
    let losses = if with_losses { 1 } else { 0 };
    let step = prop_oneof![
        8 => (process.clone(), 0..2usize, 0..3usize, 0..2usize)
            .prop_map(|(process, channel, client, info)| Step::Join { process, channel, client, info }),
        5 => (process.clone(), 0..2usize, 0..3usize)
            .prop_map(|(process, channel, client)| Step::Leave { process, channel, client }),
        10 => (process.clone(), fate).prop_map(|(process, fate)| Step::Tell { process, fate }),
        8 => process.clone().prop_map(|process| Step::Beat { process }),
        5 => (0..450u64).prop_map(|ms| Step::Advance { ms }),
        1 => (0..3_000u64).prop_map(|ms| Step::Advance { ms }),
        1 => process.prop_map(|process| Step::Kill { process }),
        2 => (0..5usize).prop_map(|which| Step::Straggle { which }),
        losses => loss.prop_map(Step::Lose),
    ];
    prop::collection::vec(step, 0..120)
}

/// A process, and what is true of it.
struct Process {
    roster: Roster,
    number: u64,
    waiting: Vec<Member>,
    clients: BTreeMap<(String, String), String>,
}

struct World<'a> {
    redis: &'a mut Connection,
    dial: &'a Dial,
    scripts: Arc<Scripts>,
    entropy: Entropy,
    processes: Vec<Process>,
    /// Whether a client is in one process only.
    apart: bool,
    born: usize,
    lives: usize,
    /// Something was lost, or may be while it is unknown whether it was told: then who came may come again, and who left leave again.
    lost: bool,
    unsure: bool,
    now_ms: u64,
    stragglers: Vec<Call>,
    /// What a listener believes that hears everything, by the order of what was told.
    believed: BTreeMap<(String, String), String>,
    heard: usize,
}

impl<'a> World<'a> {
    fn new(redis: &'a mut Connection, dial: &'a Dial, apart: bool) -> Self {
        let _: () = redis::cmd("FLUSHALL").query(redis).expect("flushed");
        let (scripts, entropy) = (Arc::new(Scripts::by(TIME)), Entropy::seeded(1));
        let (processes, stragglers, believed) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (born, lives, now_ms, heard) = (0, 0, 1_000_000, 0);
        let (lost, unsure) = (false, false);
        let mut it = Self {
            redis,
            dial,
            scripts,
            entropy,
            processes,
            apart,
            born,
            lives,
            lost,
            unsure,
            now_ms,
            stragglers,
            believed,
            heard,
        };
        it.advance(0);
        (0..PROCESSES).for_each(|_| {
            let process = it.process();
            it.processes.push(process);
        });
        it
    }

    fn process(&mut self) -> Process {
        self.born += 1;
        let memory = Arc::new(Memory::new(Clock::manual(0), self.entropy.clone(), 1));
        let name = format!("p{}", self.born).into();
        let roster = Roster::new(name, memory, self.entropy.clone(), self.scripts.clone());
        Process { roster, number: 0, waiting: Vec::new(), clients: BTreeMap::new() }
    }

    fn run<T: FromRedisValue>(&mut self, script: fn(&Scripts) -> &Script, mut call: Call) -> T {
        // What is told is written down instead.
        call.arguments[4] = Bytes::from_static(b"RPUSH");
        let answer = script(&self.scripts).whole(&call, &format!("life{}", self.lives)).query(self.redis);
        let answer = answer.expect("a script that runs");
        self.hear();
        answer
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        let () = redis::cmd("SET").arg(format!("{NAME}clock")).arg(self.now_ms).query(self.redis).expect("set");
    }

    /// A listener: nobody leaves who was not there, nobody comes twice.
    fn hear(&mut self) {
        let told: Vec<Vec<u8>> =
            redis::cmd("LRANGE").arg(NAME).arg(self.heard).arg(-1).query(self.redis).expect("a list");
        self.heard += told.len();
        for told in told {
            let Some(Message::Presence { mut moves, .. }) = Message::read(told.into()) else { panic!("no message") };
            while let Some(Move { joined, channel, present }) = Move::read(&mut moves) {
                let info = String::from_utf8(present.info.to_vec()).expect("a text");
                let key = (channel, present.client.to_string());
                if joined {
                    let before = self.believed.insert(key.clone(), info.clone());
                    let again = !self.apart || self.lost && self.unsure;
                    assert!(again || before != Some(info), "{key:?} came twice");
                } else {
                    let again = self.lost && self.unsure;
                    assert!(self.believed.remove(&key).is_some() || again, "{key:?} left twice");
                }
            }
            assert!(moves.is_empty());
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Join { process, channel, client, info } => {
                let (channel, client, info) = (format!("c{channel}"), self.client(process, client), info.to_string());
                let it = &mut self.processes[process];
                let present = Present { client: (*client).into(), person: "p".into(), info: info.clone().into() };
                if it.roster.memory.join(&channel, present).expect("joined") {
                    it.waiting.push(Member { channel: (*channel).into(), client: (*client).into() });
                }
                it.clients.insert((channel, client), info);
            }
            Step::Leave { process, channel, client } => {
                let (channel, client) = (format!("c{channel}"), self.client(process, client));
                let it = &mut self.processes[process];
                if it.roster.memory.leave(&channel, &client) {
                    it.waiting.push(Member { channel: (*channel).into(), client: (*client).into() });
                }
                it.clients.remove(&(channel, client));
            }
            Step::Tell { process, fate } => _ = self.tell(process, fate),
            Step::Beat { process } => _ = self.beat(process),
            Step::Advance { ms } => self.advance(ms),
            Step::Kill { process } => self.processes[process] = self.process(),
            Step::Straggle { which } => {
                if which < self.stragglers.len() {
                    let call = self.stragglers.swap_remove(which);
                    let _: (String, String) = self.run(|scripts| &scripts.tell, call);
                }
            }
            Step::Lose(loss) => self.lose(loss),
        }
    }

    fn client(&self, process: usize, client: usize) -> String {
        if self.apart { format!("{}-{client}", self.processes[process].roster.process) } else { client.to_string() }
    }

    /// Whether there was something to tell.
    fn tell(&mut self, process: usize, fate: Fate) -> bool {
        let it = &mut self.processes[process];
        it.number += 1;
        let members = std::mem::take(&mut it.waiting);
        let Some(telling) = it.roster.telling(PARTITION, it.number, members) else { return false };
        let mut call = it.roster.telling_call(self.dial, PARTITION, &telling);
        call.arguments[9] = Bytes::from_static(REAPED);
        self.unsure |= !matches!(fate, Fate::Answered);
        match fate {
            Fate::CallLost => {}
            Fate::Late => self.stragglers.push(call),
            Fate::Answered | Fate::AnswerLost => {
                let (answer, era): (String, String) = self.run(|scripts| &scripts.tell, call);
                if let Fate::Answered = fate {
                    self.processes[process].roster.answered(PARTITION, &telling, answer_of(&answer, Some(&era)));
                }
            }
        }
        true
    }

    /// Whether there may be more to take away.
    fn beat(&mut self, process: usize) -> bool {
        let roster = &self.processes[process].roster;
        let beat = roster.roll(PARTITION).lock().beat(1);
        let mut call = roster.beat_call(self.dial, PARTITION, &beat);
        call.arguments[7] = Bytes::from_static(REAPED);
        let (answer, more, damaged): (String, bool, Vec<String>) = self.run(|scripts| &scripts.beat, call);
        self.processes[process].roster.beaten(PARTITION, &beat, &answer, &damaged);
        more
    }

    fn lose(&mut self, loss: Loss) {
        // One thing at a time: who was taken for dead, and then loses Redis before it knows, believes that it was never gone.
        // Whoever listens was told then that it missed something, and asks for the list.
        (0..PROCESSES).for_each(|process| while self.beat(process) {});
        let pattern = format!("{NAME}?*");
        let mut keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query(self.redis).expect("keys");
        keys.retain(|key| !key.ends_with("clock"));
        keys.sort();
        self.lost = true;
        self.lives += usize::from(!matches!(loss, Loss::Key(_)));
        match loss {
            Loss::Everything => {}
            Loss::Life => keys.clear(),
            Loss::Key(which) => keys = keys.into_iter().skip(which).take(1).collect(),
        }
        for key in keys {
            let () = redis::cmd("DEL").arg(key).query(self.redis).expect("deleted");
        }
    }

    /// Everybody who lives does what is to be done, for as long as two leases and a little.
    fn settle(&mut self) {
        for _ in 0..24 {
            self.advance(100);
            for process in 0..PROCESSES {
                while self.beat(process) {}
                while self.tell(process, Fate::Answered) {}
            }
        }
    }

    fn there(&mut self) -> (bool, BTreeMap<(String, String), BTreeSet<String>>) {
        let observer = self.process().roster;
        let (mut all_whole, mut there) = (true, BTreeMap::<_, BTreeSet<_>>::new());
        for channel in ["c0", "c1"] {
            let call = observer.present_call(self.dial, PARTITION, channel, false);
            let (whole, count, found): (bool, usize, Vec<Bytes>) = self.run(|scripts| &scripts.present, call);
            assert_eq!(count, found.len() / 2);
            all_whole &= whole;
            for pair in found.chunks_exact(2) {
                let client = String::from_utf8(pair[0].to_vec()).expect("a text");
                let present = present_of(&client, pair[1].clone()).expect("a client");
                let info = String::from_utf8(present.info.to_vec()).expect("a text");
                there.entry((channel.to_owned(), client)).or_default().insert(info);
            }
        }
        (all_whole, there)
    }

    fn check(mut self, lost: bool) {
        self.settle();
        let mut truth = BTreeMap::<_, BTreeSet<String>>::new();
        for (key, info) in self.processes.iter().flat_map(|process| &process.clients) {
            truth.entry(key.clone()).or_default().insert(info.clone());
        }
        let (whole, there) = self.there();
        assert_eq!(there, truth, "what lies in Redis");
        assert!(whole || truth.is_empty(), "everybody had the time to say who is there");
        for (key, infos) in &truth {
            let believed = self.believed.get(key);
            assert!(believed.is_some_and(|info| infos.contains(info)), "{key:?} is not believed to be there");
        }
        // Of whom died while Redis lost its memory nobody can tell.
        if !lost {
            assert_eq!(self.believed.keys().collect::<Vec<_>>(), truth.keys().collect::<Vec<_>>());
        } else if self.apart {
            let lives = |client: &str| {
                self.processes.iter().any(|process| client.starts_with(&format!("{}-", process.roster.process)))
            };
            assert!(self.believed.keys().all(|key| truth.contains_key(key) || !lives(&key.1)));
        }
    }
}

fn races(lost: bool, apart: bool, cases: u32) {
    let redis = Redis::start().expect("a Redis");
    let mut connection = redis::Client::open(redis.url()).expect("a client").get_connection().expect("a connection");
    let settings = RedisSettings::parse(&Secret::new(redis.url())).expect("a URL").lease_ms(LEASE_MS);
    let (clock, entropy) = (Clock::manual(0), Entropy::seeded(1));
    let memory = Arc::new(Memory::new(clock.clone(), entropy, 1));
    let dial = Dial::new(settings, Arc::new(Inbox::new(memory, clock, "me".into())));
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let connection = Mutex::new(&mut connection);
    let ran = proptest::test_runner::TestRunner::new(config).run(&steps(lost), |steps| {
        let mut connection = connection.lock();
        let mut world = World::new(&mut connection, &dial, apart);
        steps.iter().for_each(|step| world.step(step));
        world.check(lost);
        Ok(())
    });
    ran.unwrap_or_else(|failed| panic!("{failed}"));
}

#[test]
fn everybody_is_told_to_come_once_and_to_leave_once() {
    races(false, true, 200);
}

#[test]
fn a_client_that_moves_to_another_process_stays() {
    races(false, false, 200);
}

#[test]
fn what_redis_loses_is_put_back() {
    races(true, true, 200);
}
