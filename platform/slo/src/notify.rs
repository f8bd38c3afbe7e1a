//! Telling somebody: a job a target.

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderValue, Method, StatusCode, header};
use jobs::{Failure, Handler, Kind, Run};
use kernel::Secret;
use outbound::{Policy, Request};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Slo;
use crate::alert::{Alert, Change, span};
use crate::burn::Severity;
use crate::store as sql;
use ::store::StoreError;

/// On a queue of its own: what is late must not hold up the word that it is late.
pub(crate) const NOTIFY: Kind = Kind::new("slo.notify").on("slo").attempts(10).timeout_ms(20_000);
const PATIENCE: Duration = Duration::from_secs(10);
/// What of an answer goes into an error, bytes.
const ANSWER_BYTES: usize = 200;

/// Who is told. Its address is a secret: whoever knows it can write there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// How it is spoken to.
    pub kind: TargetKind,
    /// Where.
    pub url: Secret,
}

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// An incoming webhook of Slack (and of what understands its `text`: Mattermost, Rocket.Chat).
    Slack,
    /// A webhook of Discord.
    Discord,
    /// The alert as JSON.
    Webhook,
}

/// The arguments of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Word {
    pub(crate) alert: i64,
    pub(crate) change: Change,
    /// Its place in the settings: an address is a secret, and arguments are shown.
    pub(crate) target: usize,
}

impl Slo {
    /// The handler of the jobs that tell.
    pub fn handlers(&self) -> Vec<(Kind, Handler)> {
        let slo = self.clone();
        vec![(NOTIFY, Arc::new(move |run| Box::pin(slo.clone().notify(run))))]
    }

    async fn notify(self, run: Run) -> Result<(), Failure> {
        let Word { alert, change, target } = run.args()?;
        let setup = &self.0.setup;
        let read: Result<_, StoreError> = setup.store.read(async move |tx| sql::alert(tx, alert).await).await;
        let alert = read?.ok_or_else(|| Failure::Discard("the alert is gone".into()))?;
        let target = setup.targets.get(target).ok_or_else(|| Failure::Discard("the target is gone".into()))?;
        let body = body(target.kind, &alert, change, &setup.base_url);
        let request = Request::new("alerts", Policy::Operator, Method::POST, target.url.expose())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
            .timeout(PATIENCE)
            .keep_first(ANSWER_BYTES);
        let answer =
            setup.outbound.send(request).await.map_err(|error| Failure::Retry(kernel::problem::chain(&error)))?;
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS => {
                let now_ms = setup.clock.now_ms();
                let at_ms = answer.retry_at_ms(now_ms).unwrap_or(now_ms + 60_000);
                Err(Failure::RetryAt(at_ms, "the target asks to wait".into()))
            }
            status => {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                Err(Failure::Retry(format!("the target answered {status}: {said}")))
            }
        }
    }
}

fn body(kind: TargetKind, alert: &Alert, change: Change, base_url: &str) -> Vec<u8> {
    let sentence = alert.sentence(change);
    let mark = match (change, alert.severity) {
        (Change::Resolved, _) => "✅",
        (_, Severity::Page) => "🔴",
        (_, Severity::Ticket) => "🟡",
    };
    let good = alert.definition().map_or("", |objective| objective.good);
    let runbook = alert.definition().map_or("", |objective| objective.runbook);
    let link = format!("{base_url}/console/slo");
    let windows = format!("more than {}× over {} and {}", alert.threshold, span(alert.long_min), span(alert.short_min));
    let text = format!("{mark} {sentence}\nGood is: {good}\nRule: {windows}. Runbook: {runbook}\n{link}");
    let body = match kind {
        TargetKind::Slack => json!({ "text": text }),
        // Nobody is called by a name that a text happens to hold.
        TargetKind::Discord => json!({ "content": text, "allowed_mentions": { "parse": [] } }),
        TargetKind::Webhook => json!({
            "type": format!("alert.{}", serde_json::to_value(change).ok().as_ref().and_then(|it| it.as_str()).unwrap_or_default()),
            "text": sentence,
            "link": link,
            "runbook": runbook,
            "alert": alert,
        }),
    };
    body.to_string().into_bytes()
}
