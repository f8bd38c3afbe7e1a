//! How a client comes into a namespace.

use std::sync::Arc;

use futures_util::FutureExt;
use kernel::limits;
use serde_json::{Map, Value, json};

use super::packet::{Body, Packet};
use super::peer::Peer;
use super::{Socket, recovery};
use crate::Caller;
use crate::codes::{Disconnect, ReplyError};
use crate::doorman::Shown;
use crate::people::Rights;

/// Why somebody is not let in.
enum Outside {
    /// The client is told, and does not come again by itself.
    Refused(ReplyError),
    /// The connection ends, and the client comes again.
    Later(Disconnect),
}

impl Peer {
    /// A good token (`auth.token`) overrides what the headers said.
    pub(super) async fn enter(self: &Arc<Self>, path: String, mut auth: Map<String, Value>) -> Result<(), Disconnect> {
        let Some(namespace) = self.core.socketio.find(&path) else {
            self.refuse(path, json!({ "message": "Invalid namespace" }));
            return Ok(());
        };
        if self.sockets.lock().len() >= limits::SOCKETIO_NAMESPACES {
            return Err(Disconnect::TOO_MANY_REQUESTS);
        }
        if !self.outbox.has_room() {
            return Err(Disconnect::SLOW);
        }
        let (caller, rights) = match self.caller(&auth).await {
            Ok(known) => known,
            Err(Outside::Later(why)) => return Err(why),
            Err(Outside::Refused(error)) => {
                self.refuse(path, json!({ "message": error.message(), "data": error }));
                return Ok(());
            }
        };
        let returning = recovery::returning(&self.core, &namespace, &caller, &mut auth);
        if let Some(returning) = returning {
            let socket = Socket::new(self, namespace.clone(), caller.clone(), returning.sid.clone());
            self.admit(&socket, rights).await?;
            if let Some(all) = returning.join(&socket).await {
                socket.has_recovered();
                self.greet(&socket, Some(returning.pid.clone()));
                returning.replay(&socket, all);
                namespace.welcome(&socket, auth).await;
                return Ok(());
            }
            self.sockets.lock().retain(|other| !Arc::ptr_eq(other, &socket));
            socket.leave_all();
        }
        let sid = self.core.entropy.token(16);
        let socket = Socket::new(self, namespace, caller, sid.into());
        self.admit(&socket, rights).await?;
        let namespace = socket.namespace.clone();
        let key = namespace.recovery.as_ref();
        self.greet(&socket, key.map(|key| recovery::pid(key, &self.core.entropy, &path, socket.id(), &socket.caller)));
        namespace.welcome(&socket, auth).await;
        Ok(())
    }

    async fn caller(&self, auth: &Map<String, Value>) -> Result<(Arc<Caller>, Rights), Outside> {
        let Some(token) = auth.get("token").and_then(Value::as_str).filter(|token| !token.is_empty()) else {
            // The headers are looked at anew when it comes again.
            let over = self.has_ended(&self.door.0);
            return if over { Err(Outside::Later(Disconnect::EXPIRED)) } else { Ok(self.door.clone()) };
        };
        let rights = self.core.rights();
        match self.core.doorman.by_token(token).await {
            Shown::Good(caller) if self.has_ended(&caller) => Err(Outside::Refused(ReplyError::TOKEN_EXPIRED)),
            Shown::Good(caller) => Ok((self.core.shared(caller), rights)),
            Shown::Expired => Err(Outside::Refused(ReplyError::TOKEN_EXPIRED)),
            Shown::Bad => Err(Outside::Refused(ReplyError::UNAUTHORIZED)),
            Shown::Unknown => Err(Outside::Later(Disconnect::INTERNAL)),
        }
    }

    fn has_ended(&self, caller: &Caller) -> bool {
        caller.until_ms.is_some_and(|until_ms| until_ms <= self.core.clock.now_ms())
    }

    /// Registers it first, and asks then whether its right still stands.
    ///
    /// # Errors
    /// The connection is over.
    async fn admit(&self, socket: &Arc<Socket>, rights: Rights) -> Result<(), Disconnect> {
        if socket.namespace.recovery.is_some() {
            self.core.socketio.came(socket);
        }
        let member = socket.member();
        if !self.has_entered(socket, &member) {
            socket.leave_all();
            return Err(Disconnect::CLOSED);
        }
        // Boxed: it hardly ever waits.
        self.core.entered(&member, Some(rights)).boxed().await;
        self.core.takes_share(&member).boxed().await?;
        self.ending().map_or(Ok(()), Err)
    }

    fn greet(&self, socket: &Arc<Socket>, pid: Option<String>) {
        self.settle();
        self.core.members.is_in(socket.id);
        let mut granted = Map::new();
        granted.insert("sid".to_owned(), Value::from(&**socket.id()));
        granted.extend(pid.map(|pid| ("pid".to_owned(), pid.into())));
        socket.say(Body::Connect(granted));
    }

    fn refuse(self: &Arc<Self>, namespace: String, why: Value) {
        let Value::Object(why) = why else { return };
        let packet = Packet { namespace, body: Body::ConnectError(why) };
        self.post(packet.frames());
    }
}
