//! The browsers that are pushed to: each is of a person, and of what that person came with, and ends with it.

use ::store::{StoreError, Tx};
use host::Ctx;
use jobs::{Failure, Kind, Run};
use kernel::secret::SealBroken;
use kernel::{PersonId, Secret, limits};
use schedules::Schedule;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::{self, Browser};

/// Forgets browsers that hang on nothing any more.
pub(crate) const SWEEP: Kind = Kind::new("chat.push.sweep").on("chat").timeout_ms(600_000);
/// Every night.
pub(crate) const NIGHTLY: Schedule = Schedule::cron("chat.push.sweep", "45 3 * * *", SWEEP);

/// What a browser gives for pushes to it (`PushSubscription.toJSON`). It prints nothing: the address is a secret.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) endpoint: String,
    pub(crate) p256dh: String,
    pub(crate) auth: String,
}

fn digest_of(endpoint: &str) -> Vec<u8> {
    Sha256::digest(endpoint.as_bytes()).to_vec()
}

fn purpose(digest: &[u8]) -> String {
    format!("chat.push:{}", hex::encode(digest))
}

/// Keeps a browser of a person, for as long as what it is tied to holds.
pub(crate) async fn keep(
    ctx: &Ctx,
    tx: &mut Tx,
    (person, tie): (PersonId, String),
    given: &Given,
) -> Result<(), StoreError> {
    let digest = digest_of(&given.endpoint);
    let plain = Secret::new(serde_json::to_string(given).unwrap_or_default());
    let sealed = ctx.key.seal(&ctx.entropy, &purpose(&digest), &plain);
    store::keep_browser(
        tx,
        &Browser { digest, person: person.to_string(), tie, sealed, refusals: 0 },
        ctx.clock.now_ms(),
    )
    .await
}

/// Forgets one; `false` when this person has none with this address.
pub(crate) async fn forget(tx: &mut Tx, person: &str, endpoint: &str) -> Result<bool, StoreError> {
    store::drop_browser_of(tx, person, &digest_of(endpoint)).await
}

/// What a browser gave.
pub(super) fn open(ctx: &Ctx, browser: &Browser) -> Result<Given, SealBroken> {
    let plain = ctx.key.open(&purpose(&browser.digest), &browser.sealed)?;
    serde_json::from_str(plain.expose()).map_err(|_| SealBroken)
}

/// Whether what a browser hangs on still holds.
pub(super) async fn holds(ctx: &Ctx, tx: &mut Tx, person: &str, tie: &str) -> Result<bool, StoreError> {
    match person.parse() {
        Ok(person) => ctx.identity.is_tied(tx, person, tie).await,
        Err(_) => Ok(false),
    }
}

/// The nightly job. A browser that ended is never pushed to, this job or not.
pub(crate) async fn sweep(ctx: Ctx, run: Run) -> Result<(), Failure> {
    let (mut after, called_off) = (0, run.cancellation());
    loop {
        let ours = ctx.clone();
        let look = async move |tx: &mut Tx| {
            let browsers = store::browsers(tx, after, limits::CHAT_LOOK).await?;
            for (id, person, tie) in &browsers {
                if !holds(&ours, tx, person, tie).await? {
                    store::drop_browser(tx, *id).await?;
                }
            }
            Ok::<_, StoreError>((browsers.len(), browsers.last().map_or(after, |(id, ..)| *id)))
        };
        let (looked, last) = ctx.store.write_relaxed(look).await?;
        after = last;
        if looked < limits::CHAT_LOOK || called_off.is_cancelled() {
            return Ok(());
        }
    }
}
