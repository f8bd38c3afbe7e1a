//! Sources and deliveries, as people look at them.

use std::collections::HashMap;

use ::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::source::{Origin, Settings, Source};
use crate::store::deliveries;
use crate::{DeliveryRow, Webhooks, sources};

/// A body is shown up to here, bytes.
const BODY_SHOWN: usize = 64 * 1024;
const DAY_MS: i64 = 86_400_000;

/// A source.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceRow {
    /// Its name.
    pub name: String,
    /// Who sends there.
    pub sender: &'static str,
    /// Its address; a secret token in it is not shown.
    pub path: String,
    /// Whether it takes deliveries.
    pub enabled: bool,
    /// Where its secret comes from.
    pub secret_from: Origin,
    /// Unix milliseconds.
    pub secret_created_at_ms: i64,
    /// Its secrets that count, and those that ended not long ago, without themselves.
    pub secrets: Vec<SecretRow>,
    /// `low` when nothing but the address says who sent something.
    pub trust: Option<&'static str>,
    /// What its operator set.
    #[schema(inline)]
    pub settings: Settings,
    /// Unix milliseconds; of the newest 20,000 deliveries of all sources, as the counts are.
    pub last_delivery_at_ms: Option<i64>,
    /// In the last 24 hours.
    pub accepted_24h: i64,
    /// In the last 24 hours.
    pub rejected_24h: i64,
    /// The sender's page on its webhooks.
    pub documentation: &'static str,
}

/// A secret, without itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceSecret)]
pub struct SecretRow {
    /// Its number, to revoke it by.
    pub id: i64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// When the sender was last asked for it, Unix milliseconds; absent of one that was given or made here.
    pub fetched_at_ms: Option<i64>,
    /// It counts before this; absent while it is the newest.
    pub until_ms: Option<i64>,
    /// Whether it counts now.
    pub active: bool,
}

/// A delivery in full.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryDetail {
    #[serde(flatten)]
    row: DeliveryRow,
    /// Name and value of each header that was kept.
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    /// The body, as text.
    body: String,
    body_truncated: bool,
    signature: Option<Signature>,
}

/// The beginnings of what was compared.
#[derive(Serialize, ToSchema)]
struct Signature {
    received: Option<String>,
    expected: Option<String>,
}

/// Of a source: when the last delivery came, and how many were accepted and rejected.
type Figures = (Option<i64>, i64, i64);

impl Webhooks {
    /// All sources, without their secrets.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        let figures = self.figures().await?;
        let row =
            |source: &std::sync::Arc<Source>| self.row(source, figures.get(&source.name).copied().unwrap_or_default());
        Ok(self.0.sources.all().iter().map(row).collect())
    }

    pub(crate) async fn source(&self, name: &str) -> Result<Option<SourceRow>, StoreError> {
        let Some(source) = self.0.sources.named(name) else { return Ok(None) };
        let figures = self.figures().await?;
        Ok(Some(self.row(&source, figures.get(name).copied().unwrap_or_default())))
    }

    async fn figures(&self) -> Result<HashMap<String, Figures>, StoreError> {
        let since_ms = self.0.clock.now_ms() - DAY_MS;
        let rows = self.0.store.read_lagging(async move |tx| deliveries::summary(tx, since_ms).await).await?;
        let mut figures: HashMap<String, Figures> = HashMap::new();
        for (source, verdict, last_ms, count) in rows {
            let it = figures.entry(source).or_default();
            it.0 = it.0.max(Some(last_ms));
            match verdict.as_str() {
                "accepted" => it.1 += count,
                "rejected" => it.2 += count,
                _ => {}
            }
        }
        Ok(figures)
    }

    fn row(&self, source: &Source, (last_delivery_at_ms, accepted_24h, rejected_24h): Figures) -> SourceRow {
        let (now_ms, sender) = (self.0.clock.now_ms(), source.sender());
        let secrets = source.keys.iter().map(|key| SecretRow {
            id: key.id,
            created_at_ms: key.created_at_ms,
            fetched_at_ms: key.fetched_at_ms,
            until_ms: key.until_ms,
            active: key.counts(now_ms),
        });
        SourceRow {
            name: source.name.clone(),
            sender: source.sender_name(),
            path: source.path(),
            enabled: source.enabled,
            secret_from: source.origin,
            secret_created_at_ms: source.keys.first().map_or(source.created_at_ms, |key| key.created_at_ms),
            secrets: secrets.collect(),
            trust: sender.proofs.is_empty().then_some("low"),
            settings: source.settings.clone(),
            last_delivery_at_ms,
            accepted_24h,
            rejected_24h,
            documentation: sources::find(source.sender_name()).map_or("", |known| known.documentation),
        }
    }

    pub(crate) async fn inspect(&self, id: String) -> Result<Option<DeliveryDetail>, StoreError> {
        let found = self.0.store.read(async move |tx| deliveries::find(tx, &id).await).await?;
        let Some((row, rest)) = found else { return Ok(None) };
        // The body of an accepted delivery is its event's data: of a form that is the JSON in it, which is shorter.
        let (body, whole) = match (rest.body, row.event_position) {
            (Some(body), _) => {
                let whole = body.len() as i64 >= row.size_bytes;
                (body, whole)
            }
            (None, Some(position)) => {
                let event = self.0.events.find(position).await?;
                event.map_or((Vec::new(), false), |event| (event.data.into(), true))
            }
            (None, None) => (Vec::new(), row.size_bytes == 0),
        };
        let body_truncated = !whole || body.len() > BODY_SHOWN;
        let shown = String::from_utf8_lossy(&body[..body.len().min(BODY_SHOWN)]).into_owned();
        let compared = rest.received.is_some() || rest.expected.is_some();
        Ok(Some(DeliveryDetail {
            headers: serde_json::from_str(&rest.headers).unwrap_or_default(),
            body: shown,
            body_truncated,
            signature: compared.then_some(Signature { received: rest.received, expected: rest.expected }),
            row,
        }))
    }
}
