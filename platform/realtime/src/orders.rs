//! What is done to people wherever they are connected: processes tell one another on a channel of the bus.
//!
//! An order is carried out here by whoever gives it, and elsewhere one after the other, in the order given. Nobody keeps one: a process
//! that the bus does not reach at that moment does not hear of it, and its clients are told nothing.

use std::collections::VecDeque;

use bus::{Keep, Position};
use bytes::Bytes;
use kernel::limits;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::claims::subscription::Terms;
use crate::codes::{Disconnect, Refused, Unsubscribed};
use crate::hub::{Core, Hub};
use crate::members::Member;

/// The channel on which processes hear of one another's orders.
pub(crate) const ORDERS: &str = "@orders";

/// Orders of other processes, until they are carried out.
#[derive(Default)]
pub(crate) struct Orders {
    waiting: Mutex<VecDeque<Order>>,
    news: Notify,
    /// Of those who are sent away: they wait behind nothing that takes its time.
    ends: Mutex<VecDeque<Order>>,
    ends_news: Notify,
}

/// Whose connections are meant.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Whom {
    pub(crate) user: String,
    /// The one connection of this name among clients; empty for all.
    pub(crate) client: String,
    /// The one of this session; empty for all.
    pub(crate) session: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Order {
    /// The process that gave it, and has carried it out.
    from: String,
    whom: Whom,
    deed: Deed,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Deed {
    Subscribe {
        channel: String,
        terms: Written,
        since: Option<(u64, String)>,
    },
    Unsubscribe {
        channel: String,
    },
    /// All but the clients that are spared.
    Disconnect {
        code: u16,
        spared: Vec<String>,
        /// What clients are told of it, in place of the code's own words. A process of an older release does not read it.
        #[serde(default)]
        words: Option<String>,
    },
    /// A connection that came by a token ends at another time; none for never.
    Until {
        until_ms: Option<i64>,
    },
}

/// [`Terms`] as processes write them; what is JSON there is a text here.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Written {
    info: Option<String>,
    data: Option<String>,
    until_ms: Option<i64>,
    hidden: bool,
    told_comings: bool,
}

impl From<&Terms> for Written {
    fn from(terms: &Terms) -> Self {
        let text = |json: &Bytes| String::from_utf8_lossy(json).into_owned();
        let (info, data) = (terms.info.as_ref().map(text), terms.data.as_ref().map(text));
        Self { info, data, until_ms: terms.until_ms, hidden: terms.hidden, told_comings: terms.told_comings }
    }
}

impl From<&Written> for Terms {
    fn from(written: &Written) -> Self {
        let (info, data) = (written.info.clone().map(Bytes::from), written.data.clone().map(Bytes::from));
        let Written { until_ms, hidden, told_comings, .. } = *written;
        Self { info, data, until_ms, hidden, told_comings, grounds: Vec::new() }
    }
}

impl Whom {
    pub(crate) fn user(user: &str) -> Self {
        Self { user: user.to_owned(), ..Self::default() }
    }

    fn means(&self, member: &Member) -> bool {
        if self.client.is_empty() && self.session.is_empty() {
            return true;
        }
        let Member::Socket(client) = member else { return false };
        (self.client.is_empty() || client.name() == self.client)
            && (self.session.is_empty() || client.session_name() == self.session)
    }
}

impl Hub {
    /// Subscribes the Centrifuge clients of this user to a channel from now on, in every process: they are told so, and ask for nothing.
    /// A guard is asked about each; one that is not let in, is subscribed already or has not yet connected is left as it is. A client
    /// that connects later is not subscribed by this: a token's `channels` are for that. It ends with [`Hub::unsubscribe_everywhere`], with
    /// the connection, or as the terms say.
    ///
    /// # Errors
    /// [`Refused::UnknownChannel`] where there is no such namespace.
    pub async fn subscribe(&self, user: &str, channel: &str, terms: &Terms) -> Result<(), Refused> {
        self.0.find(channel).ok_or(Refused::UnknownChannel)?;
        let deed = Deed::Subscribe { channel: channel.to_owned(), terms: terms.into(), since: None };
        self.order(Whom::user(user), deed).await;
        Ok(())
    }

    /// As [`Hub::unsubscribe`], in every process.
    pub async fn unsubscribe_everywhere(&self, user: &str, channel: &str) {
        self.order(Whom::user(user), Deed::Unsubscribe { channel: channel.to_owned() }).await;
    }

    /// As [`Hub::disconnect`], in every process.
    pub async fn disconnect_everywhere(&self, user: &str, again: bool) {
        let why = if again { Disconnect::FORCE_RECONNECT } else { Disconnect::FORCED };
        self.order(Whom::user(user), Deed::Disconnect { code: why.code, spared: Vec::new(), words: None }).await;
    }

    /// On a task of its own, so that whoever asked may go away in the middle.
    pub(crate) async fn order(&self, whom: Whom, deed: Deed) {
        let (core, order) = (self.0.clone(), Order { from: self.0.node.clone(), whom, deed });
        let done = tokio::spawn(async move {
            core.tell_order(&order).await;
            core.carry_out(&order).await;
        });
        if let Err(error) = done.await {
            tracing::error!(%error, "an order was not carried out");
        }
    }
}

impl Core {
    async fn tell_order(&self, order: &Order) {
        let told = match serde_json::to_vec(order) {
            Ok(json) => self.bus.publish(ORDERS, json.into(), Keep::NOTHING).await.map(drop),
            Err(error) => return tracing::error!(%error, "an order could not be written"),
        };
        if let Err(error) = told {
            tracing::warn!(%error, "other processes did not hear of an order");
        }
    }

    /// Another process gave an order. Inside a lock of the bus.
    pub(crate) fn ordered(&self, data: &[u8]) {
        let order = match serde_json::from_slice::<Order>(data) {
            Ok(order) if order.from == self.node => return,
            Ok(order) => order,
            Err(error) => return tracing::warn!(%error, "another process gave an order that cannot be read"),
        };
        let Orders { waiting, news, ends, ends_news } = &self.orders;
        let (queue, news) = match order.deed {
            Deed::Disconnect { .. } => (ends, ends_news),
            _ => (waiting, news),
        };
        let mut waiting = queue.lock();
        if waiting.len() >= limits::ORDERS_WAITING {
            return tracing::error!("more orders wait than may: one is not carried out");
        }
        waiting.push_back(order);
        news.notify_one();
    }

    /// Carries out what others ordered. Never ends.
    pub(crate) async fn follow_orders(&self) {
        let Orders { waiting, news, ends, ends_news } = &self.orders;
        tokio::join!(self.follow(waiting, news), self.follow(ends, ends_news));
    }

    async fn follow(&self, queue: &Mutex<VecDeque<Order>>, news: &Notify) {
        loop {
            let next = queue.lock().pop_front();
            match next {
                // Boxed: it is seldom, and large.
                Some(order) => Box::pin(self.carry_out(&order)).await,
                None => news.notified().await,
            }
        }
    }

    async fn carry_out(&self, order: &Order) {
        for member in self.members.of(&order.whom.user).into_iter().filter(|member| order.whom.means(member)) {
            match &order.deed {
                Deed::Subscribe { channel, terms, since } => {
                    let Member::Socket(client) = &member else { continue };
                    let since = since.as_ref();
                    let since = since.map(|(offset, epoch)| Position { offset: *offset, epoch: epoch.as_str().into() });
                    if let Err(error) = client.subscribe_by_server(channel, &terms.into(), since).await {
                        tracing::debug!(channel, why = error.message(), "a client could not be subscribed");
                    }
                }
                Deed::Unsubscribe { channel } => {
                    self.channels.turn_out(channel, member.id(), Unsubscribed::BY_SERVER);
                }
                Deed::Disconnect { spared, .. } if is_spared(&member, spared) => {}
                Deed::Disconnect { code, words, .. } => {
                    member.send_away(Disconnect::of_code(*code), words.as_deref().filter(|words| is_reason(words)));
                }
                Deed::Until { until_ms } => {
                    let Member::Socket(client) = &member else { continue };
                    client.lasts_until(*until_ms);
                }
            }
        }
    }
}

/// Whether it may be said with a close frame, and logged by whoever reads it.
pub(crate) fn is_reason(words: &str) -> bool {
    words.len() <= limits::DISCONNECT_REASON_BYTES && !words.chars().any(char::is_control)
}

fn is_spared(member: &Member, spared: &[String]) -> bool {
    matches!(member, Member::Socket(client) if !spared.is_empty() && spared.contains(&client.name()))
}
