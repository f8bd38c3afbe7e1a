//! Sources and deliveries, as people look at them.

use ::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{DeliveryRow, Origin, Webhooks, sources, store};

/// A body is shown up to here, bytes.
const BODY_SHOWN: usize = 64 * 1024;

/// A sender we know.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceRow {
    name: &'static str,
    /// Where it delivers.
    path: String,
    secret_from: Origin,
    secret_created_at_ms: i64,
    last_delivery_at_ms: Option<i64>,
    accepted_24h: i64,
    rejected_24h: i64,
    documentation: &'static str,
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

impl Webhooks {
    pub(crate) async fn sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        let since_ms = self.0.clock.now_ms() - 86_400_000;
        let mut rows = Vec::new();
        for source in sources::ALL {
            let summary = self.0.store.read(async move |tx| store::summary(tx, source.name, since_ms).await).await?;
            let (secret_from, secret_created_at_ms) =
                self.0.secrets.origin(source.name).unwrap_or((Origin::Generated, 0));
            rows.push(SourceRow {
                name: source.name,
                path: format!("/in/{}", source.name),
                secret_from,
                secret_created_at_ms,
                last_delivery_at_ms: summary.0,
                accepted_24h: summary.1,
                rejected_24h: summary.2,
                documentation: source.documentation,
            });
        }
        Ok(rows)
    }

    pub(crate) async fn inspect(&self, id: String) -> Result<Option<DeliveryDetail>, StoreError> {
        let found = self.0.store.read(async move |tx| store::find(tx, &id).await).await?;
        let Some((row, (headers, body, received, expected))) = found else { return Ok(None) };
        // The body of an accepted delivery is its event's data: of a form that is the JSON in it, which is shorter.
        let (body, whole) = match (body, row.event_position) {
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
        let compared = received.is_some() || expected.is_some();
        Ok(Some(DeliveryDetail {
            headers: serde_json::from_str(&headers).unwrap_or_default(),
            body: shown,
            body_truncated,
            signature: compared.then_some(Signature { received, expected }),
            row,
        }))
    }
}
