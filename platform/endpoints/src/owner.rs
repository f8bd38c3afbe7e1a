//! What the owner of an endpoint does.

use ::store::{StoreError, Tx};
use events::{AppendError, Appended, EventType, Filter};
use jobs::EnqueueError;
use kernel::id::EndpointId;
use kernel::{Secret, limits};
use outbound::{Policy, Refused};

use crate::fanout::Subject;
use crate::reading::{AttemptRow, EndpointRow, MessageRow, Query};
use crate::signing::Signature;
use crate::state::Why;
use crate::store::{self, Sealed, Stored, messages};
use crate::{Endpoints, signing, told};

/// Counts of messages stop here.
const COUNT_MOST: i64 = 1_000;
const TEST: &str = "This is a test that the owner of the endpoint asked for.";

/// An endpoint to register.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Where its messages go.
    pub url: String,
    /// Event types: `github.push`, `github.*`, or `*`.
    pub types: Vec<String>,
    /// What it is.
    pub description: String,
    /// Whether it gets anything from now on.
    pub enabled: bool,
    /// Messages a minute at most.
    pub per_minute: Option<u32>,
    /// How its messages are signed.
    pub signature: Signature,
}

/// What changes of an endpoint; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// Where its messages go.
    pub url: Option<String>,
    /// Event types.
    pub types: Option<Vec<String>>,
    /// What it is.
    pub description: Option<String>,
    /// Messages a minute at most; `Some(None)`: no bound.
    pub per_minute: Option<Option<u32>>,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is no such endpoint.
    #[error("there is no endpoint {0}")]
    Unknown(String),
    /// It has no such message.
    #[error("the endpoint has no message {0}; old messages are removed after a while")]
    UnknownMessage(i64),
    /// A value is wrong: its JSON pointer, and why.
    #[error("{1}")]
    Invalid(&'static str, String),
    /// Nothing would go to this address.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There are as many as there may be.
    #[error("there are {} endpoints, which is as many as there may be", limits::ENDPOINTS)]
    Full,
    /// A secret of it does not open.
    #[error("a secret of endpoint {0} does not open with this data directory's key")]
    Sealed(String),
    /// It gets nothing until it is enabled.
    #[error("the endpoint is disabled: enable it first")]
    Disabled,
    /// The event of a message was removed.
    #[error("the event of this message was removed by retention: there is nothing left to send")]
    Gone,
    /// The event that tells it could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A job could not be enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What seals the secrets of an endpoint, beside the key.
fn purpose(endpoint: &str) -> String {
    format!("endpoint_secrets/{endpoint}")
}

impl Endpoints {
    /// Registers an endpoint; it gets what is appended from now on. The secret is shown here and nowhere else; one that is a key
    /// pair is shown to nobody.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn create(&self, new: NewEndpoint) -> Result<(EndpointRow, Secret), EndpointError> {
        let NewEndpoint { url, types, description, enabled, per_minute, signature } = new;
        let now_ms = self.0.clock.now_ms();
        let endpoint = Stored {
            id: EndpointId::new(&self.0.clock, &self.0.entropy).to_string(),
            url,
            description,
            types,
            per_minute,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            disabled: (!enabled).then_some(Why::Owner),
            disabled_at_ms: (!enabled).then_some(now_ms),
            health: Default::default(),
            delivered_at_ms: None,
        };
        self.check(&endpoint).await?;
        let secret = signing::make(&self.0.entropy, signature);
        let (id, sealed) = (endpoint.id.clone(), self.seal(&endpoint.id, &secret));
        let insert = async move |tx: &mut Tx| {
            if !store::insert(tx, &endpoint).await? {
                return Err(EndpointError::Full);
            }
            store::add_secret(tx, &endpoint.id, &sealed, now_ms, now_ms).await?;
            Ok(())
        };
        self.0.store.write(insert).await?;
        self.changed();
        Ok((self.find(&id).await?, secret))
    }

    /// Every endpoint, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self) -> Result<Vec<EndpointRow>, StoreError> {
        let patience_ms = self.0.settings.disable_after_ms;
        let read = async move |tx: &mut Tx| {
            let all = store::all(tx).await?;
            let counts = messages::counts(tx, COUNT_MOST).await?;
            // Both are of one snapshot and in one order.
            Ok(all
                .into_iter()
                .zip(counts)
                .map(|(it, (_, pending, failed))| row(it, pending, failed, patience_ms))
                .collect())
        };
        self.0.store.read(read).await
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`EndpointError::Unknown`], [`EndpointError::Store`].
    pub async fn find(&self, id: &str) -> Result<EndpointRow, EndpointError> {
        let found = self.list().await?.into_iter().find(|endpoint| endpoint.id == id);
        found.ok_or_else(|| EndpointError::Unknown(id.to_owned()))
    }

    /// Changes what its owner may change.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn update(&self, id: &str, patch: Patch) -> Result<EndpointRow, EndpointError> {
        let now_ms = self.0.clock.now_ms();
        let changed = move |before: Stored, patch: Patch| Stored {
            url: patch.url.unwrap_or(before.url),
            types: patch.types.unwrap_or(before.types),
            description: patch.description.unwrap_or(before.description),
            per_minute: patch.per_minute.unwrap_or(before.per_minute),
            updated_at_ms: now_ms,
            ..before
        };
        self.check(&changed(self.stored(id).await?, patch.clone())).await?;
        let name = id.to_owned();
        let update = async move |tx: &mut Tx| {
            // Somebody else may have changed it since; each field was checked for itself.
            let Some(before) = store::find(tx, &name).await? else { return Ok(()) };
            store::update(tx, &changed(before, patch)).await
        };
        let updated: Result<(), StoreError> = self.0.store.write(update).await;
        updated?;
        self.changed();
        self.find(id).await
    }

    /// Removes it, with its secrets and its messages.
    ///
    /// # Errors
    /// [`EndpointError::Unknown`], [`EndpointError::Store`].
    pub async fn remove(&self, id: &str) -> Result<(), EndpointError> {
        let name = id.to_owned();
        let removed: Result<bool, StoreError> =
            self.0.store.write(async move |tx| store::remove(tx, &name).await).await;
        self.known(id, removed?)
    }

    /// Enables it, its health forgotten, or disables it.
    ///
    /// # Errors
    /// [`EndpointError::Unknown`], [`EndpointError::Store`].
    pub async fn switch(&self, id: &str, enabled: bool) -> Result<EndpointRow, EndpointError> {
        let (name, now_ms) = (id.to_owned(), self.0.clock.now_ms());
        let disabled = (!enabled).then_some(Why::Owner);
        let done: Result<bool, StoreError> =
            self.0.store.write(async move |tx| store::switch(tx, &name, disabled, now_ms).await).await;
        self.known(id, done?)?;
        self.find(id).await
    }

    /// Makes a new secret, which signs as the newest does unless said. Those before it sign beside it for `overlap_ms`, so that its
    /// receiver can change over in between.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn rotate(
        &self,
        id: &str,
        overlap_ms: i64,
        signature: Option<Signature>,
    ) -> Result<(Secret, i64), EndpointError> {
        self.stored(id).await?;
        let signature = match signature {
            Some(signature) => signature,
            None => {
                self.secrets(id).await?.first().map(|(_, newest)| signing::signature_of(newest)).unwrap_or_default()
            }
        };
        let (secret, now_ms) = (signing::make(&self.0.entropy, signature), self.0.clock.now_ms());
        let (name, sealed, until_ms) = (id.to_owned(), self.seal(id, &secret), now_ms + overlap_ms);
        let add = async move |tx: &mut Tx| store::add_secret(tx, &name, &sealed, now_ms, until_ms).await;
        self.0.store.write(add).await?;
        self.changed();
        Ok((secret, until_ms))
    }

    /// The secrets that sign, with when each was made and when it ends, the newest first.
    pub(crate) async fn secrets(&self, id: &str) -> Result<Vec<(Sealed, Secret)>, EndpointError> {
        let (name, now_ms) = (id.to_owned(), self.0.clock.now_ms());
        let sealed: Result<Vec<Sealed>, StoreError> =
            self.0.store.read(async move |tx| store::secrets(tx, &name, now_ms).await).await;
        sealed?.into_iter().map(|it| self.open(id, &it).map(|secret| (it, secret))).collect()
    }

    /// Opens a secret of an endpoint.
    pub(crate) fn open(&self, id: &str, sealed: &Sealed) -> Result<Secret, EndpointError> {
        self.0.key.open(&purpose(id), &sealed.bytes).map_err(|_| EndpointError::Sealed(id.to_owned()))
    }

    /// Sends it a message that nobody else gets, also when it is disabled.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn test(&self, id: &str) -> Result<MessageRow, EndpointError> {
        self.stored(id).await?;
        let test = told::Test { endpoint: id.to_owned(), message: TEST.to_owned() };
        let checked = self.0.events.check(told::about(id, &test))?;
        let (endpoints, endpoint) = (self.clone(), id.to_owned());
        let send = async move |tx: &mut Tx| {
            let (Appended::New(position) | Appended::Known(position)) = endpoints.0.events.append(tx, &checked).await?;
            let subject = Subject { position, kind: told::Test::TYPE, subject: Some(&endpoint), trace: None };
            endpoints.send(tx, &endpoint, &subject).await?;
            Ok::<_, EndpointError>(messages::of_event(tx, &endpoint, position).await?)
        };
        self.0.store.write(send).await?.ok_or(EndpointError::Gone)
    }

    /// Messages, newest first.
    ///
    /// # Errors
    /// [`EndpointError::Unknown`], [`EndpointError::Store`].
    pub async fn messages(&self, query: Query) -> Result<Vec<MessageRow>, EndpointError> {
        self.stored(&query.endpoint).await?;
        Ok(self.0.store.read(async move |tx| messages::list(tx, &query).await).await?)
    }

    /// One message with its attempts, and its body where the event is still there.
    pub(crate) async fn message(
        &self,
        id: &str,
        number: i64,
    ) -> Result<(MessageRow, Vec<AttemptRow>, Option<String>), EndpointError> {
        let read = async move |tx: &mut Tx| {
            let message = messages::find(tx, number).await?;
            Ok::<_, StoreError>((message, messages::attempts(tx, number).await?))
        };
        let (message, attempts) = self.0.store.read(read).await?;
        let message = message.filter(|it| it.endpoint == id).ok_or(EndpointError::UnknownMessage(number))?;
        let event = self.0.events.find(message.position).await?;
        Ok((message, attempts, event.map(|event| self.0.events.cloud_event(&event))))
    }

    /// Sends a message again, now and with the same id; its attempts begin anew.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn resend(&self, id: &str, number: i64) -> Result<MessageRow, EndpointError> {
        if self.stored(id).await?.disabled.is_some() {
            return Err(EndpointError::Disabled);
        }
        let (before, _, body) = self.message(id, number).await?;
        if body.is_none() {
            return Err(EndpointError::Gone);
        }
        let endpoints = self.clone();
        self.0.store.write(async move |tx| endpoints.send_again(tx, &before).await).await?;
        Ok(self.message(id, number).await?.0)
    }

    pub(crate) async fn stored(&self, id: &str) -> Result<Stored, EndpointError> {
        let name = id.to_owned();
        let found: Result<_, StoreError> = self.0.store.read(async move |tx| store::find(tx, &name).await).await;
        found?.ok_or_else(|| EndpointError::Unknown(id.to_owned()))
    }

    async fn check(&self, it: &Stored) -> Result<(), EndpointError> {
        let invalid = |pointer, why: &str| Err(EndpointError::Invalid(pointer, why.to_owned()));
        if it.types.is_empty() || it.types.len() > limits::ENDPOINT_TYPES {
            return invalid("/types", "name one event type at least, and 50 at most; * stands for all");
        }
        if let Some(bad) = it.types.iter().position(|text| !Filter::is_pattern(text)) {
            let why = format!("number {} is neither a type (github.push), a family (github.*), nor *", bad + 1);
            return Err(EndpointError::Invalid("/types", why));
        }
        if it.description.len() > limits::ENDPOINT_DESCRIPTION_BYTES || it.description.contains('\0') {
            return invalid("/description", "the description has 500 bytes at most, and no NUL");
        }
        if it.per_minute.is_some_and(|count| !(1..=limits::ENDPOINT_PER_MINUTE).contains(&count)) {
            return invalid("/per_minute", "give 1 to 60000, or leave it out");
        }
        Ok(self.0.outbound.check(&it.url, Policy::Public).await?)
    }

    fn seal(&self, endpoint: &str, secret: &Secret) -> Vec<u8> {
        self.0.key.seal(&self.0.entropy, &purpose(endpoint), secret)
    }

    fn known(&self, id: &str, known: bool) -> Result<(), EndpointError> {
        self.changed();
        if known { Ok(()) } else { Err(EndpointError::Unknown(id.to_owned())) }
    }
}

fn row(it: Stored, pending: i64, failed: i64, patience_ms: i64) -> EndpointRow {
    let failing = it.health.failing_since_ms.filter(|_| it.disabled.is_none());
    EndpointRow {
        id: it.id,
        url: it.url,
        description: it.description,
        types: it.types,
        per_minute: it.per_minute,
        enabled: it.disabled.is_none(),
        disabled: it.disabled,
        disabled_at_ms: it.disabled_at_ms,
        failures: it.health.failures,
        failing_since_ms: it.health.failing_since_ms,
        disables_at_ms: failing.map(|since| since + patience_ms),
        delivered_at_ms: it.delivered_at_ms,
        pending,
        failed,
        created_at_ms: it.created_at_ms,
        updated_at_ms: it.updated_at_ms,
    }
}
