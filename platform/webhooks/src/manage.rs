//! Sources at run time: made, changed, given new secrets, removed. Each change is in force when it is answered.

use kernel::{Problem, Secret, limits};
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;

use crate::directory::{SOURCES, Sources, SourcesError};
use crate::scheme::{SecretFrom, Sender};
use crate::source::{Origin, Settings, Source, unfit};
use crate::sources as known;
use crate::store::sources::{self as rows, Stored};

/// Secrets of one source at most, those included that end soon.
pub(crate) const KEYS: usize = 8;
/// How long a replaced secret still counts unless said, seconds.
const OVERLAP_S: i64 = 86_400;
/// Longest overlap, seconds.
const OVERLAP_S_MAX: i64 = 30 * 86_400;
const BODY_BYTES_MAX: usize = limits::EVENT_DATA_BYTES;
const NAME_BYTES: usize = 40;
const SECRET_BYTES_MAX: usize = 4096;

/// A source to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSource {
    /// Lower-case letters, digits and hyphens, beginning with a letter; its address is `/in/{name}`.
    name: String,
    /// One of the known senders, or `generic`.
    sender: String,
    /// The sender's secret or public key; one is made where the sender takes ours.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    /// Whether it takes deliveries at once; yes unless said.
    #[serde(default)]
    enabled: Option<bool>,
    /// Whether its address gets a secret token; yes where the sender needs one.
    #[serde(default)]
    secret_address: Option<bool>,
    #[serde(default)]
    #[schema(inline)]
    settings: Settings,
}

/// What to change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceChange {
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    #[schema(inline)]
    settings: Option<Settings>,
    /// `true` gives it another secret address; the old one is gone at once.
    #[serde(default)]
    new_address: bool,
}

/// A new secret.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// The sender's; one is made where the sender takes ours.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    /// How long the previous one still counts, seconds; a day unless said, 0 for not at all.
    #[serde(default)]
    overlap_s: Option<i64>,
}

/// A source's secrets, shown once. There is no other answer with them in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revealed {
    pub(crate) name: String,
    /// Its whole address.
    pub(crate) path: String,
    /// Its newest secret; none where the sender signs nothing.
    pub(crate) secret: Option<String>,
    /// Until when the previous secret counts, Unix milliseconds.
    pub(crate) previous_until_ms: Option<i64>,
}

impl Sources {
    pub(crate) async fn create(&self, new: NewSource) -> Result<Revealed, Problem> {
        let directory = &self.0;
        let sender = known::find(&new.sender).ok_or_else(|| {
            let names: Vec<_> = known::ALL.iter().map(|sender| sender.name).collect();
            bad("/sender", format!("Choose one of {}.", names.join(", ")))
        })?;
        check_name(&new.name, sender)?;
        check_settings(&new.settings, sender)?;
        let shape = Source::new(new.name.clone(), sender, Origin::Operator, new.settings.clone());
        let secret = self.choose(&shape.sender(), new.secret)?;
        let token = (new.secret_address.unwrap_or(false) || sender.secret_address).then(|| directory.token());
        let created_at_ms = directory.clock.now_ms();
        let stored = Stored {
            name: new.name.clone(),
            sender: sender.name.to_owned(),
            enabled: new.enabled.unwrap_or(true),
            token: token.as_ref().map(|token| directory.seal(&new.name, token)),
            settings: written(&new.settings)?,
            created_at_ms,
        };
        let sealed = secret.map(|secret| directory.seal(&new.name, &secret));
        let _one_at_a_time = directory.changing.lock().await;
        self.reload().await?;
        if self.all().len() >= SOURCES {
            return Err(Problem::conflict("too_many_sources", format!("There are {SOURCES} sources already.")));
        }
        if self.named(&new.name).is_some() {
            return Err(taken(&new.name));
        }
        let added: Result<bool, StoreError> = directory
            .store
            .write(async move |tx| {
                let added = rows::add(tx, &stored).await?;
                if let (true, Some(sealed)) = (added, sealed) {
                    rows::add_key(tx, &stored.name, &sealed, created_at_ms).await?;
                }
                Ok(added)
            })
            .await;
        if !added? {
            return Err(taken(&new.name));
        }
        self.changed().await?;
        self.reveal(&new.name)
    }

    /// Whether others must hear of it: its address, its hub or where its key is published is another, or it is on again.
    pub(crate) async fn change(&self, name: &str, change: SourceChange) -> Result<bool, Problem> {
        let directory = &self.0;
        let _one_at_a_time = directory.changing.lock().await;
        let source = self.stored(name).await?;
        let enabled = change.enabled.unwrap_or(source.enabled);
        let settings = change.settings.unwrap_or_else(|| source.settings.clone());
        if let Some(sender) = known::find(source.sender_name()) {
            check_settings(&settings, sender)?;
        }
        let known = |settings: &Settings| (settings.hub_url.clone(), settings.key_url.clone());
        let heard = change.new_address || known(&settings) != known(&source.settings) || enabled && !source.enabled;
        let token = if change.new_address { Some(directory.token()) } else { source.token.clone() };
        let token = token.map(|token| directory.seal(name, &token));
        let (row, settings) = (name.to_owned(), written(&settings)?);
        let changed: Result<bool, StoreError> = directory
            .store
            .write(async move |tx| rows::change(tx, &row, enabled, &settings, token.as_ref()).await)
            .await;
        if !changed? {
            return Err(unknown(name));
        }
        self.changed().await?;
        Ok(heard)
    }

    pub(crate) async fn rotate(&self, name: &str, rotation: Rotation) -> Result<Revealed, Problem> {
        let directory = &self.0;
        let _one_at_a_time = directory.changing.lock().await;
        let source = self.stored(name).await?;
        let overlap_s = rotation.overlap_s.unwrap_or(OVERLAP_S);
        if !(0..=OVERLAP_S_MAX).contains(&overlap_s) {
            return Err(bad("/overlap_s", format!("Give 0 to {OVERLAP_S_MAX} seconds.")));
        }
        let now_ms = directory.clock.now_ms();
        if source.keys.iter().filter(|key| key.counts(now_ms)).count() >= KEYS {
            let detail = "Too many secrets of this source still count: revoke one, or wait until one has ended.";
            return Err(Problem::conflict("too_many_secrets", detail));
        }
        let Some(secret) = self.choose(&source.sender(), rotation.secret)? else {
            let detail = "This sender signs nothing: give the source another address (`new_address`).";
            return Err(Problem::conflict("no_secret", detail));
        };
        let (row, sealed, until_ms) = (name.to_owned(), directory.seal(name, &secret), now_ms + overlap_s * 1000);
        let rotated: Result<(), StoreError> = directory
            .store
            .write(async move |tx| {
                rows::end_keys(tx, &row, until_ms).await?;
                rows::add_key(tx, &row, &sealed, now_ms).await
            })
            .await;
        rotated?;
        self.changed().await?;
        let shown = self.reveal(name)?;
        Ok(Revealed { previous_until_ms: (overlap_s > 0).then_some(until_ms), ..shown })
    }

    /// A secret that is revoked does not count from the answer on, whatever overlap it had.
    pub(crate) async fn revoke(&self, name: &str, id: i64) -> Result<(), Problem> {
        let directory = &self.0;
        let _one_at_a_time = directory.changing.lock().await;
        self.stored(name).await?;
        let row = name.to_owned();
        let revoked: Result<bool, StoreError> =
            directory.store.write(async move |tx| rows::revoke(tx, &row, id).await).await;
        if !revoked? {
            return Err(Problem::not_found(format!("Source {name} has no secret {id}.")));
        }
        Ok(self.changed().await?)
    }

    pub(crate) async fn remove(&self, name: &str) -> Result<(), Problem> {
        let directory = &self.0;
        let _one_at_a_time = directory.changing.lock().await;
        self.stored(name).await?;
        let row = name.to_owned();
        let removed: Result<bool, StoreError> =
            directory.store.write(async move |tx| rows::remove(tx, &row).await).await;
        if !removed? {
            return Err(unknown(name));
        }
        Ok(self.changed().await?)
    }

    pub(crate) fn reveal(&self, name: &str) -> Result<Revealed, Problem> {
        let source = self.named(name).ok_or_else(|| unknown(name))?;
        let secret = source.secrets(self.0.clock.now_ms()).first().map(|secret| secret.expose().to_owned());
        Ok(Revealed { name: name.to_owned(), path: source.secret_path(), secret, previous_until_ms: None })
    }

    /// The given secret when it fits, or one of our making.
    fn choose(&self, sender: &Sender<'_>, given: Option<Secret>) -> Result<Option<Secret>, Problem> {
        match (given, sender.secret) {
            (Some(_), SecretFrom::Nobody) => Err(bad("/secret", "This sender signs nothing: it has no secret.")),
            (None, SecretFrom::Nobody) => Ok(None),
            (None, SecretFrom::Sender) => {
                Err(bad("/secret", format!("Give the one that the sender shows you: {}.", sender.documentation)))
            }
            (None, _) => {
                let made = self.0.make(sender);
                let fits = unfit(sender, made.expose()).is_none();
                let needed = "This sender's keys have a form of their own: give one.";
                if fits { Ok(Some(made)) } else { Err(bad("/secret", needed)) }
            }
            (Some(secret), _) if secret.expose().len() > SECRET_BYTES_MAX => {
                Err(bad("/secret", format!("A secret has {SECRET_BYTES_MAX} bytes at most.")))
            }
            (Some(secret), _) => match unfit(sender, secret.expose()) {
                Some(reason) => Err(bad("/secret", reason)),
                None => Ok(Some(secret)),
            },
        }
    }

    /// A source that is kept here, and so can be changed here: as it is, whichever process changed it last.
    async fn stored(&self, name: &str) -> Result<std::sync::Arc<Source>, Problem> {
        self.reload().await?;
        let source = self.named(name).ok_or_else(|| unknown(name))?;
        if source.origin == Origin::Environment {
            let detail = format!("The secret of {name} comes from the environment: change it there and restart.");
            return Err(Problem::conflict("from_environment", detail));
        }
        Ok(source)
    }
}

impl From<SourcesError> for Problem {
    fn from(error: SourcesError) -> Self {
        match error {
            SourcesError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

pub(crate) fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("There is no source {name:?}."))
}

fn taken(name: &str) -> Problem {
    Problem::conflict("name_taken", format!("There is a source {name:?} already."))
        .field("/name", "Choose another one.")
}

fn bad(field: &str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    Problem::bad_request("invalid_source", detail.clone()).field(field, detail)
}

fn check_name(name: &str, sender: &Sender<'_>) -> Result<(), Problem> {
    let sane = (1..=NAME_BYTES).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !sane {
        return Err(bad("/name", "Give 1 to 40 lower-case letters, digits and hyphens, beginning with a letter."));
    }
    if name != sender.name && known::find(name).is_some() {
        return Err(bad("/name", format!("{name} is the name of another sender.")));
    }
    Ok(())
}

fn check_settings(settings: &Settings, sender: &Sender<'_>) -> Result<(), Problem> {
    if settings.body_bytes.is_some_and(|bytes| !(1..=BODY_BYTES_MAX).contains(&bytes)) {
        return Err(bad("/settings/body_bytes", format!("Give 1 to {BODY_BYTES_MAX} bytes.")));
    }
    if settings.rate_per_second.is_some_and(|rate| !(1..=100_000).contains(&rate)) {
        return Err(bad("/settings/rate_per_second", "Give 1 to 100000 deliveries a second."));
    }
    let (keyed, hubbed) = (matches!(sender.secret, SecretFrom::Published(_)), sender.hub_verifies);
    let addresses = [("key_url", &settings.key_url, keyed), ("hub_url", &settings.hub_url, hubbed)];
    for (name, url, has) in addresses {
        let Some(url) = url else { continue };
        if !has {
            return Err(bad(&format!("/settings/{name}"), "This sender has none."));
        }
        if url.len() > limits::OUTBOUND_URL_BYTES || !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(bad(&format!("/settings/{name}"), "Give an address that begins with https:// or http://."));
        }
    }
    match &settings.custom {
        None => Ok(()),
        Some(_) if sender.name != "generic" => {
            Err(bad("/settings/custom", "Only a generic source says itself how it signs."))
        }
        Some(custom) => match custom.mistake() {
            Some((field, detail)) => Err(bad(&format!("/settings/custom{field}"), detail)),
            None => Ok(()),
        },
    }
}

fn written(settings: &Settings) -> Result<String, Problem> {
    serde_json::to_string(settings).map_err(Problem::internal)
}
