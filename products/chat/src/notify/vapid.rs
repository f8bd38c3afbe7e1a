//! Who pushes, as push services ask it (VAPID, RFC 8292): one key of this installation, made when it is first asked for, sealed where it
//! is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::Ctx;
use kernel::secret::SealBroken;
use kernel::{Entropy, Secret};
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::json;

use super::sealed::point;
use crate::store;

const PURPOSE: &str = "chat.push:key";
/// How long one signature holds, seconds; a day would be allowed (RFC 8292, section 2).
const HOLDS_S: i64 = 3_600;

/// The key, or why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoKey {
    #[error(transparent)]
    Store(#[from] ::store::StoreError),
    #[error("the key that pushes are signed with: {0}")]
    Seal(#[from] SealBroken),
    #[error("the key that pushes are signed with is none")]
    Broken,
}

/// What pushes are signed with.
pub(crate) struct Vapid(SigningKey);

/// A key from what the dice say. All but a few in 2³² of the 32 bytes are one.
pub(crate) fn draw(entropy: &Entropy) -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return key;
        }
    }
}

impl Vapid {
    /// This installation's key; the first who asks makes it.
    pub(crate) async fn open(ctx: &Ctx) -> Result<Self, NoKey> {
        let stored: Option<Vec<u8>> = ctx.store.read(async |tx| store::push_key(tx).await).await?;
        let sealed = match stored {
            Some(sealed) => sealed,
            None => {
                let plain = Secret::new(hex::encode(draw(&ctx.entropy).to_bytes()));
                let (sealed, now_ms) = (ctx.key.seal(&ctx.entropy, PURPOSE, &plain), ctx.clock.now_ms());
                ctx.store.write(async move |tx| store::keep_push_key(tx, &sealed, now_ms).await).await?
            }
        };
        let plain = ctx.key.open(PURPOSE, &sealed)?;
        let bytes = hex::decode(plain.expose()).map_err(|_| NoKey::Broken)?;
        Ok(Self(SecretKey::from_slice(&bytes).map_err(|_| NoKey::Broken)?.into()))
    }

    /// The public key, as browsers want it for `applicationServerKey`.
    pub(crate) fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(point(&self.0.verifying_key().into()))
    }

    /// The value of `Authorization` for a push to an origin (`https://push.example`).
    pub(crate) fn authorization(&self, origin: &str, contact: &str, now_ms: i64) -> String {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "typ": "JWT", "alg": "ES256" }));
        let claims = part(json!({ "aud": origin, "exp": now_ms / 1_000 + HOLDS_S, "sub": contact }));
        let text = format!("{head}.{claims}");
        let signature: Signature = self.0.sign(text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        format!("vapid t={text}.{signature}, k={}", self.public())
    }
}
