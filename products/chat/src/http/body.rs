//! A file as it comes: bounded in size and in time, and in memory together with all the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use kernel::{Problem, ProblemResult, limits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

const KIB: usize = 1024;
/// When to come again while many send, seconds.
const RETRY_S: u32 = 5;

/// The memory for what comes, and how many files come of whom.
#[derive(Clone)]
pub(super) struct Bodies {
    memory: Arc<Semaphore>,
    senders: Senders,
}

type Senders = Arc<Mutex<HashMap<String, usize>>>;

/// A file of somebody comes, until this is dropped.
pub(super) struct Turn {
    senders: Senders,
    person: String,
}

/// A count is whole whoever broke off.
fn locked(senders: &Senders) -> MutexGuard<'_, HashMap<String, usize>> {
    senders.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut senders = locked(&self.senders);
        match senders.get_mut(&self.person) {
            Some(files) if *files > 1 => *files -= 1,
            _ => drop(senders.remove(&self.person)),
        }
    }
}

/// The bytes of a file, and the memory that they take.
pub(super) struct Raw {
    pub(super) bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self { memory: Arc::new(Semaphore::new(limits::CHAT_COMING_BYTES / KIB)), senders: Senders::default() }
    }

    /// Somebody's turn to send a file: few of one person come at one time, so that nobody takes the memory of all.
    pub(super) fn turn(&self, person: &str) -> ProblemResult<Turn> {
        let mut senders = locked(&self.senders);
        let files = senders.entry(person.to_owned()).or_default();
        if *files >= limits::CHAT_COMING_OF_ONE {
            let detail = format!("{} of your files are coming already. Send the next one after them.", *files);
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "files_coming", detail);
            return Err(problem.retry_after(RETRY_S));
        }
        *files += 1;
        Ok(Turn { senders: self.senders.clone(), person: person.to_owned() })
    }

    /// Reads a whole file, of so many bytes at most. One that announces too much is refused before its first byte.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body, most: usize) -> ProblemResult<Raw> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.unwrap_or(0).max(body.size_hint().lower()) > most as u64 {
            return Err(too_large(most));
        }
        let within = Duration::from_millis(limits::BODY_MS);
        tokio::time::timeout(within, self.collect(body, most)).await.unwrap_or_else(|_| Err(too_slow()))
    }

    async fn collect(&self, mut body: Body, most: usize) -> ProblemResult<Raw> {
        let (mut bytes, mut held) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
        let begun = Instant::now();
        loop {
            let lasts_ms = limits::CHAT_COMING_SLOW_MS + bytes.len() as u64 * 1_000 / limits::CHAT_COMING_BYTES_PER_S;
            let next = timeout_at(begun + Duration::from_millis(lasts_ms), body.frame()).await;
            let Some(frame) = next.map_err(|_| too_slow())? else { break };
            let incomplete = |_| Problem::bad_request("body_incomplete", "The body ended early.");
            let Ok(data) = frame.map_err(incomplete)?.into_data() else { continue };
            if bytes.len() + data.len() > most {
                return Err(too_large(most));
            }
            // What comes is paid for as it comes, not as it is announced: who announces much and sends nothing takes nobody's place.
            let owed =
                (bytes.len() + data.len()).div_ceil(KIB) - held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let owed = u32::try_from(owed).unwrap_or(u32::MAX);
            let full = |_| Problem::unavailable(RETRY_S, "the memory for files that come is taken");
            let more = self.memory.clone().try_acquire_many_owned(owed).map_err(full)?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Raw { bytes: bytes.freeze(), _held: held })
    }
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The file came too slowly.")
}

fn too_large(most: usize) -> Problem {
    let detail = format!("A file has {} MiB at most here.", most / KIB / KIB);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(pieces: usize, of: usize) -> Body {
        let piece = Bytes::from(vec![1; of]);
        Body::from_stream(futures_util::stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone()))))
    }

    #[tokio::test]
    async fn what_is_held_is_what_came_and_it_is_given_back() {
        let bodies = Bodies::new();
        let taken = || limits::CHAT_COMING_BYTES / KIB - bodies.memory.available_permits();
        let raw = bodies.read(&HeaderMap::new(), in_pieces(3, 1_000), limits::CHAT_FILE_BYTES).await.expect("read");
        assert_eq!((raw.bytes.len(), taken()), (3_000, 3));
        drop(raw);
        assert_eq!(taken(), 0);
        let refused = bodies
            .read(&HeaderMap::new(), in_pieces(11, KIB * KIB), limits::CHAT_FILE_BYTES)
            .await
            .err()
            .expect("refused");
        assert_eq!((refused.status(), taken()), (StatusCode::PAYLOAD_TOO_LARGE, 0), "nothing announced it");
    }

    #[test]
    fn who_sends_much_at_once_waits() {
        let bodies = Bodies::new();
        let turns: Vec<_> = (0..limits::CHAT_COMING_OF_ONE).map(|_| bodies.turn("ann").expect("a turn")).collect();
        let refused = bodies.turn("ann").err().expect("refused");
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(bodies.turn("ben").is_ok(), "that is nobody else's");
        drop(turns);
        assert!(bodies.turn("ann").is_ok() && locked(&bodies.senders).is_empty(), "and nothing is left of it");
    }

    #[tokio::test]
    async fn together_they_have_a_bound() {
        let bodies = Bodies::new();
        let mut held = Vec::new();
        let refused = loop {
            match bodies.read(&HeaderMap::new(), in_pieces(10, KIB * KIB), limits::CHAT_FILE_BYTES).await {
                Ok(raw) => held.push(raw),
                Err(problem) => break problem,
            }
        };
        assert_eq!((held.len(), refused.status()), (6, StatusCode::SERVICE_UNAVAILABLE));
        held.pop();
        assert!(bodies.read(&HeaderMap::new(), in_pieces(10, KIB * KIB), limits::CHAT_FILE_BYTES).await.is_ok());
    }
}
