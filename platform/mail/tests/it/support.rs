//! A site with mail. Every wait is for something that the server saw, or that the engine says.

use std::time::Duration;

use identity::Identity;
use jobs::state::State;
use jobs::{JobRow, Jobs, Life};
use kernel::{Clock, Entropy, SealKey, Secret};
use mail::{Letter, Mail, Parts, PostError, Settings, Tls};
use store::{Durability, Migration, Store, Tx};
use tokio::sync::mpsc;

use crate::server::{Does, Saw, Server};

/// Later than anything that works, earlier than a person loses patience.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// Monday, 1 March 2027, 00:00 in UTC.
pub(crate) const START_MS: i64 = 1_803_859_200_000;
pub(crate) const BASE_URL: &str = "https://live.example.org";

pub(crate) struct Site {
    _dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) identity: Identity,
    pub(crate) mail: Mail,
    pub(crate) server: Server,
    seen: mpsc::Receiver<Saw>,
}

pub(crate) fn settings(port: u16) -> Settings {
    Settings {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::None,
        user: String::new(),
        password: Secret::new(""),
        from: "Mainspring <live@example.org>".into(),
    }
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(&["8BITMIME"], |settings| settings).await
    }

    pub(crate) async fn with(offers: &'static [&'static str], change: impl FnOnce(Settings) -> Settings) -> Self {
        let (server, seen) = Server::new(offers).await;
        let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(START_MS));
        let migrations: Vec<Migration> = [identity::MIGRATIONS, jobs::MIGRATIONS].concat();
        let store = testkit::open(dir.path(), Durability::Normal, &migrations, &clock, &Entropy::seeded(1));
        let (store, entropy, key) = (store.expect("opened"), Entropy::system(), SealKey::new([7; 32]));
        let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked);
        let jobs = jobs.await.expect("a lease");
        let identity = Identity::new(store.clone(), clock.clone(), entropy.clone(), key.clone());
        let parts = Parts {
            store: store.clone(),
            jobs: jobs.clone(),
            identity: identity.clone(),
            clock: clock.clone(),
            entropy,
            key,
            base_url: BASE_URL.to_owned(),
        };
        let mail = Mail::new(&change(settings(server.port)), parts).expect("settings");
        mail.carry_for_identity();
        jobs.serve(mail.handlers(), 4);
        Self { _dir: dir, clock, store, jobs, identity, mail, server, seen }
    }

    pub(crate) async fn post(&self, letter: Letter) -> Result<(), Rolled> {
        let mail = self.mail.clone();
        self.store.write(async move |tx: &mut Tx| Ok(mail.post(tx, &letter).await?)).await
    }

    pub(crate) async fn saw(&mut self) -> Saw {
        tokio::time::timeout(LONG, self.seen.recv()).await.expect("in time").expect("the server goes on")
    }

    /// The next letter that comes to the server, and what it does with it.
    pub(crate) async fn letter(&mut self) -> (Does, String) {
        loop {
            if let Saw::Letter(does, text) = self.saw().await {
                return (does, text);
            }
        }
    }

    /// What the server saw until now.
    pub(crate) fn seen(&mut self) -> Vec<Saw> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }

    /// The newest job of a kind, once it is in this state.
    pub(crate) async fn job(&self, kind: &str, state: State) -> JobRow {
        let ended = async {
            loop {
                let seen = self.jobs.changes();
                let query = jobs::Query { kind: Some(kind.to_owned()), limit: 1, ..jobs::Query::default() };
                let rows = self.jobs.list(query).await.expect("listed");
                if let Some(row) = rows.into_iter().next().filter(|row| row.state == state) {
                    return row;
                }
                self.jobs.change_since(seen).await;
            }
        };
        tokio::time::timeout(LONG, ended).await.unwrap_or_else(|_| panic!("no {kind} becomes {state:?}"))
    }

    /// Until whatever waits for its next attempt is due.
    pub(crate) fn later(&self, ms: i64) {
        self.clock.advance(ms);
        self.jobs.wake();
    }
}

/// A transaction that was rolled back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rolled {
    #[error(transparent)]
    Post(#[from] PostError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error("on purpose")]
    OnPurpose,
}

pub(crate) fn letter() -> Letter {
    Letter {
        to: "ada@example.com".into(),
        subject: "A word".into(),
        paragraphs: vec!["Something secret happened.".into()],
        link: Some(("Look".into(), format!("{BASE_URL}/token"))),
        until_ms: None,
    }
}

/// A header of a letter.
pub(crate) fn header<'a>(letter: &'a str, name: &str) -> &'a str {
    let line = letter
        .lines()
        .find(|line| line.starts_with(&format!("{name}: ")))
        .unwrap_or_else(|| panic!("no {name}: {letter}"));
    line.split_once(": ").expect("a header").1
}
