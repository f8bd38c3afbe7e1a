//! A body may take its time, and what let its sender in may be taken back meanwhile: then it does not arrive.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use futures_util::{StreamExt, stream};
use identity::{Caller, Identity};
use kernel::Problem;

/// A body that took no longer than this is as old as its sender's right.
const FRESH: Duration = Duration::from_millis(250);
/// When to come again while the store does not answer, seconds.
const RETRY_S: u32 = 5;

/// Why a body did not arrive, for whoever answers.
pub(crate) type Refused = Arc<OnceLock<Problem>>;

/// The request with a body that ends in an error when its sender is nobody any more, or somebody else.
pub(crate) fn guarded(identity: &Identity, request: Request, caller: Caller) -> (Request, Refused) {
    let refused = Refused::default();
    if !caller.is_somebody() || request.method().is_safe() {
        return (request, refused);
    }
    let (identity, begun, why) = (identity.clone(), Instant::now(), refused.clone());
    let headers = request.headers().clone();
    let (parts, body) = request.into_parts();
    let still = async move {
        if begun.elapsed() <= FRESH {
            return None;
        }
        let problem = match identity.caller_of(&headers).await {
            now if now == caller => return None,
            Caller::Unknown => {
                Problem::unavailable(RETRY_S, "whether its sender may still send it could not be looked up")
            }
            _ => Problem::unauthorized("You lost the right to send this while it was on its way."),
        };
        let error = axum::Error::new(std::io::Error::other("its sender may not send it any more"));
        let _ = why.set(problem);
        Some(Err::<Bytes, _>(error))
    };
    let last = stream::once(still).filter_map(std::future::ready);
    (Request::from_parts(parts, Body::from_stream(body.into_data_stream().chain(last))), refused)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use kernel::{Clock, Entropy, SealKey};
    use tokio::sync::Notify;

    use super::*;

    /// A body whose second half comes when it is let go.
    fn slow(go: &Arc<Notify>) -> Body {
        let go = go.clone();
        let rest = stream::once(async move {
            go.notified().await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"half"))
        });
        Body::from_stream(stream::iter([Ok(Bytes::from_static(b"half "))]).chain(rest))
    }

    #[tokio::test]
    async fn a_body_does_not_outlive_its_senders_right() {
        let (dir, clock, entropy) = (tempfile::tempdir().expect("a directory"), Clock::system(), Entropy::system());
        let store =
            store::Store::embedded(dir.path(), store::Durability::Normal, identity::MIGRATIONS, &clock, &entropy);
        let identity = Identity::new(store.expect("opened"), clock, entropy, SealKey::new([1; 32]));
        let new = identity::NewKey { name: "x".into(), scopes: vec![identity::Scope::JobsWork], expires_at_ms: None };
        let (id, token) = identity.make_key(identity::people::Actor::Admin, &new).await.expect("made");
        for revoked in [false, true] {
            let go = Arc::new(Notify::new());
            let request = Request::builder().method("POST").uri("/");
            let request = request.header("authorization", format!("Bearer {}", token.expose()));
            let request = request.body(slow(&go)).expect("a request");
            let caller = identity.caller_of(request.headers()).await;
            assert!(matches!(caller, Caller::Key { .. }));
            let (request, why) = guarded(&identity, request, caller);
            if revoked {
                assert!(identity.revoke_key(identity::people::Actor::Admin, id).await.expect("written"));
            }
            let begun = Instant::now();
            while begun.elapsed() <= FRESH {
                tokio::task::yield_now().await;
            }
            go.notify_one();
            let read = request.into_body().collect().await;
            assert_eq!(read.is_ok(), !revoked, "{read:?}");
            assert_eq!(why.get().map(|problem| problem.status().as_u16()), revoked.then_some(401));
            if let Ok(body) = read {
                assert_eq!(body.to_bytes(), "half half");
            }
        }
    }
}
