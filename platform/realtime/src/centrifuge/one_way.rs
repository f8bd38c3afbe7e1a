//! Connections that only listen: they begin with a request, and hear pushes from then on. What they hear is theirs from the beginning, by
//! the `subs` of the request: there is no other word of theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::Position;
use kernel::limits;

use super::client::Client;
use super::command::{Connect, Resume};
use super::said::{Kept, Said};
use super::subscribe::{Entry, Joined, Refusal};
use crate::codes::{Disconnect, ReplyError};
use crate::portion::Portion;

impl Client {
    /// Its only word: the request of `connect`, in JSON and without an id; or nothing at all, which asks for nothing.
    pub(crate) async fn begin_one_way(self: Arc<Self>, said: Kept) -> Result<(), Disconnect> {
        let connect = match said.said() {
            blank if blank.is_blank() => Connect::default(),
            // A list of the members in their order would be read as well.
            Said::Text(text) if text.trim_ascii_start().starts_with('{') => {
                serde_json::from_str(text).map_err(|_| Disconnect::BAD_REQUEST)?
            }
            _ => return Err(Disconnect::BAD_REQUEST),
        };
        self.connect(0, &connect).await
    }

    /// Joins what it asks for beside what it was given. One that is refused ends the connection: it could not be told otherwise.
    pub(super) async fn join_asked(
        self: &Arc<Self>,
        asked: &BTreeMap<String, Resume>,
        joined: &mut Vec<Joined>,
        portion: &mut Portion,
    ) -> Result<(), ReplyError> {
        for (channel, resume) in asked {
            if joined.iter().any(|known| *known.channel == **channel) {
                continue;
            }
            if self.subscriptions.len() >= limits::CHANNELS_PER_CONNECTION {
                return Err(ReplyError::LIMIT_EXCEEDED);
            }
            joined.push(self.join_one(channel, resume).await?.within(portion));
        }
        Ok(())
    }

    async fn join_one(self: &Arc<Self>, channel: &str, asked: &Resume) -> Result<Joined, ReplyError> {
        let caller = self.caller().showing(&asked.token);
        let namespace = self.core.open(channel, &caller).await.map_err(|refused| ReplyError::from(&refused))?;
        let terms = match self.shown(&namespace, channel, &caller).await {
            Ok(terms) => terms,
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Close(_)) => return Err(ReplyError::PERMISSION_DENIED),
        };
        let entry = Entry {
            caller,
            opened: terms.is_some(),
            terms: terms.unwrap_or_default(),
            by_server: true,
            told_comings: false,
            since: asked.recover.then(|| Position { offset: asked.offset, epoch: asked.epoch.as_str().into() }),
        };
        if self.is_barred(channel, &namespace, &entry).await {
            return Err(ReplyError::PERMISSION_DENIED);
        }
        self.begin(channel, &namespace, entry).await
    }
}

impl From<ReplyError> for Disconnect {
    /// Who asks nothing by commands is answered by the end of its connection.
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::TOKEN_EXPIRED => Self::EXPIRED,
            ReplyError::UNKNOWN_CHANNEL | ReplyError::PERMISSION_DENIED | ReplyError::UNAUTHORIZED => {
                Self::PERMISSION_DENIED
            }
            ReplyError::LIMIT_EXCEEDED => Self::CHANNEL_LIMIT,
            ReplyError::BAD_REQUEST => Self::BAD_REQUEST,
            _ => Self::INTERNAL,
        }
    }
}
