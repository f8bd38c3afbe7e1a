//! One transaction of the account: what happened changes the table, and what changed is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use events::{AppendError, NewEvent};
use realtime::witness::{Moment, What};
use store::Tx;

use crate::Inner;
use crate::facts::{self, Connected, Disconnected, Occupied, Offline, Online, Subscribed, Unsubscribed, Vacated};
use crate::queue::Note;
use crate::store::{self as sql, Of};

/// What a stay has to say, in the caller's transaction.
pub(crate) struct Page<'a> {
    tx: &'a mut Tx,
    account: &'a Inner,
    stay: &'a str,
    /// Who came or went, when last: whether it is there is looked at in the end.
    touched: BTreeMap<(Of, Arc<str>), i64>,
}

impl<'a> Page<'a> {
    pub(crate) fn of(tx: &'a mut Tx, account: &'a Inner, stay: &'a str) -> Self {
        Self { tx, account, stay, touched: BTreeMap::new() }
    }

    /// Writes down what happened, if it changes anything.
    pub(crate) async fn write(&mut self, note: &Note) -> Result<(), AppendError> {
        let Moment { client, person, what } = &note.moment;
        let (at_ms, who) = (note.at_ms, (&**client, &**person));
        let (client, name) = (client.to_string(), person.to_string());
        match what {
            What::Connected => {
                if sql::arrive(self.tx, self.stay, who, at_ms).await? {
                    self.touch_person(person, at_ms);
                    self.of_connections(note, &Connected { client, person: name, at_ms }).await?;
                }
            }
            What::Disconnected { code, reason } => {
                if let Some(since_ms) = sql::depart(self.tx, self.stay, &client).await? {
                    self.touch_person(person, at_ms);
                    let (code, reason) = (*code, (*reason).to_owned());
                    let fact = Disconnected { client, person: name, code, reason, since_ms, at_ms };
                    self.of_connections(note, &fact).await?;
                }
            }
            What::Subscribed { channel } => {
                if sql::sit(self.tx, self.stay, who, channel).await? {
                    let fact = Subscribed { client, person: name, channel: channel.to_string(), at_ms };
                    self.of_channel(note, channel, &fact).await?;
                }
            }
            What::Unsubscribed { channel, code, reason } => {
                if sql::rise(self.tx, self.stay, &client, channel).await? {
                    let (code, reason) = (*code, (*reason).to_owned());
                    let channel_name = channel.to_string();
                    let fact = Unsubscribed { client, person: name, channel: channel_name, code, reason, at_ms };
                    self.of_channel(note, channel, &fact).await?;
                }
            }
        }
        Ok(())
    }

    fn touch_person(&mut self, person: &Arc<str>, at_ms: i64) {
        if self.account.settings.people && !person.is_empty() {
            self.touched.insert((Of::Person, person.clone()), at_ms);
        }
    }

    async fn of_connections<F: facts::Fact>(&mut self, note: &Note, fact: &F) -> Result<(), AppendError> {
        if !self.account.settings.connections {
            return Ok(());
        }
        self.tell(self.named(note, fact)).await
    }

    async fn of_channel<F: facts::Fact>(
        &mut self,
        note: &Note,
        channel: &Arc<str>,
        fact: &F,
    ) -> Result<(), AppendError> {
        let tells = self.account.hub.tells(channel);
        if tells.occupancy {
            self.touched.insert((Of::Channel, channel.clone()), note.at_ms);
        }
        if !tells.subscriptions {
            return Ok(());
        }
        self.tell(self.named(note, fact)).await
    }

    /// What a client did has an id of its own: a batch whose commit had no answer is written again.
    fn named<F: facts::Fact>(&self, note: &Note, fact: &F) -> NewEvent {
        facts::event(fact).id(format!("{}.{}", self.account.run, note.number))
    }

    /// Who came for whom nobody was is told; who went for whom nobody is left is told when the grace is over.
    pub(crate) async fn close(mut self) -> Result<(), AppendError> {
        for ((of, name), at_ms) in std::mem::take(&mut self.touched) {
            if !sql::settle(self.tx, of, &name, at_ms).await? {
                continue;
            }
            let name = name.to_string();
            self.tell(match of {
                Of::Person => facts::event(&Online { person: name, at_ms }),
                Of::Channel => facts::event(&Occupied { channel: name, at_ms }),
            })
            .await?;
        }
        Ok(())
    }

    /// Tells of those who are gone since before then; whether there may be more.
    pub(crate) async fn forget(&mut self, of: Of, before_ms: i64, most: usize) -> Result<bool, AppendError> {
        let gone = sql::forget(self.tx, of, before_ms, most).await?;
        let more = gone.len() == most;
        for (name, at_ms) in gone {
            self.tell(match of {
                Of::Person => facts::event(&Offline { person: name, at_ms }),
                Of::Channel => facts::event(&Vacated { channel: name, at_ms }),
            })
            .await?;
        }
        Ok(more)
    }

    async fn tell(&mut self, event: NewEvent) -> Result<(), AppendError> {
        let events = &self.account.events;
        match events.check(event) {
            Ok(checked) => events.append(self.tx, &checked).await.map(drop),
            // One that cannot be told must not hold up the others: it would never be.
            Err(error) => {
                tracing::error!(error = %kernel::problem::chain(&error), "what happened to a connection is no event");
                Ok(())
            }
        }
    }
}
