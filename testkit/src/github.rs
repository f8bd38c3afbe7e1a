//! GitHub, as its webhooks come.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Sends deliveries, signed.
pub struct GitHub {
    client: reqwest::Client,
    url: String,
    secret: String,
    next: AtomicU64,
}

/// The answer to a delivery.
#[derive(Clone, Debug)]
pub struct Received {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
}

impl GitHub {
    /// To the server at `url`, with this secret.
    pub fn new(url: &str, secret: &str) -> Self {
        let url = format!("{url}/in/github");
        Self { client: crate::server::client(), url, secret: secret.to_owned(), next: AtomicU64::new(1) }
    }

    /// Sends `payload` as an event of this name under a fresh id.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, event: &str, payload: &Value) -> Result<Received> {
        let id = format!("00000000-0000-4000-8000-{:012x}", self.next.fetch_add(1, Ordering::Relaxed));
        self.send_as(&id, event, payload.to_string().into_bytes()).await
    }

    /// Sends these bytes under this id, signed.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send_as(&self, id: &str, event: &str, body: Vec<u8>) -> Result<Received> {
        let signature = self.sign(&body);
        self.send_signed(id, event, body, &signature).await
    }

    /// Sends these bytes with this signature, right or wrong.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send_signed(&self, id: &str, event: &str, body: Vec<u8>, signature: &str) -> Result<Received> {
        let request = self.client.post(&self.url).header("content-type", "application/json");
        let request = request.header("x-github-event", event).header("x-github-delivery", id);
        let response = request.header("x-hub-signature-256", signature).body(body).send().await?;
        let status = response.status().as_u16();
        Ok(Received { status, body: serde_json::from_str(&response.text().await?).unwrap_or_default() })
    }

    /// `sha256=…` over these bytes.
    pub fn sign(&self, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(body);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }
}
