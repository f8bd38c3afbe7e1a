//! Sample activity: each product's samples, signed, by the same door as everybody's deliveries.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue};
use host::Sample;
use kernel::{Entropy, RequestInfo, TraceId};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use webhooks::{Secrets, Source, Webhooks, sources};

use crate::products;

/// The first pause and the range of later ones, milliseconds: a newcomer hears something at once.
const PAUSES_MS: (u64, u64, u64) = (1_200, 2_500, 6_000);

/// Where the first product's samples can be seen and heard.
pub(crate) fn page() -> Option<&'static str> {
    products::all().iter().find_map(|product| product.sample_activity().map(|(page, _)| page))
}

/// Sends samples until told to stop.
pub(crate) async fn play(webhooks: Webhooks, secrets: Secrets, entropy: Entropy, stop: CancellationToken) {
    let samples: Vec<_> = products::all().iter().filter_map(|product| product.sample_activity()).collect();
    for turn in 0.. {
        let (first, least, most) = PAUSES_MS;
        let pause = if turn < 4 { first } else { least + entropy.below(most - least) };
        if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(pause))).await.is_none() {
            return;
        }
        for (_, sample) in &samples {
            send(&webhooks, &secrets, &entropy, sample(turn, &entropy)).await;
        }
    }
}

async fn send(webhooks: &Webhooks, secrets: &Secrets, entropy: &Entropy, sample: Sample) {
    let Some(source) = sources::find(sample.source) else { return };
    let Some(secret) = secrets.of(source.name).first() else { return };
    let (id, body) = (entropy.token(16), sample.payload.to_string());
    let signed = webhooks::sign(source, secret, body.as_bytes());
    let Some(headers) = headers(source, sample.event, &id, signed) else { return };
    let info = RequestInfo { request_id: format!("demo-{id}"), trace: TraceId::new(entropy) };
    let span = tracing::info_span!("sample", request_id = info.request_id, trace_id = %info.trace);
    let delivered = webhooks.deliver(source, info, headers, Body::from(body)).instrument(span).await;
    if let Err(problem) = delivered {
        tracing::warn!(code = problem.code(), "a sample delivery was refused");
    }
}

fn headers(source: &Source, event: &str, id: &str, (name, signature): (&str, String)) -> Option<HeaderMap> {
    let pairs =
        [("content-type", "application/json"), (source.type_header, event), (source.id_header, id), (name, &signature)];
    pairs.into_iter().map(|(name, value)| Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))).collect()
}
