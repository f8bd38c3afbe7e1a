//! Sample activity: each product's samples, signed, by the same door as everybody's deliveries.

use std::time::Duration;

use host::Sample;
use kernel::Entropy;
use tokio_util::sync::CancellationToken;
use webhooks::Webhooks;

use crate::products::Products;

/// The first pause and the range of later ones, milliseconds: a newcomer hears something at once.
const PAUSES_MS: (u64, u64, u64) = (1_200, 2_500, 6_000);

/// Where the first product's samples can be seen and heard.
pub(crate) fn page(products: Products) -> Option<&'static str> {
    products().iter().find_map(|product| product.sample_activity().map(|(page, _)| page))
}

/// Sends samples until told to stop.
pub(crate) async fn play(products: Products, webhooks: Webhooks, entropy: Entropy, stop: CancellationToken) {
    let samples: Vec<_> = products().iter().filter_map(|product| product.sample_activity()).collect();
    for turn in 0.. {
        let (first, least, most) = PAUSES_MS;
        let pause = if turn < 4 { first } else { least + entropy.below(most - least) };
        if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(pause))).await.is_none() {
            return;
        }
        for (_, sample) in &samples {
            send(&webhooks, sample(turn, &entropy)).await;
        }
    }
}

async fn send(webhooks: &Webhooks, sample: Sample) {
    if let Err(problem) = webhooks.take_sample(sample.source, sample.event, sample.payload.to_string()).await {
        tracing::warn!(code = problem.code(), "a sample delivery was refused");
    }
}
