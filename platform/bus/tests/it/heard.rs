//! A listener, and waiting for what comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bus::{Bus, Publication, RedisSettings, Sink};
use kernel::{Clock, Entropy, Secret};
use tokio::sync::mpsc;

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bus on the Redis at this URL, as a process of its own would have it.
pub(crate) async fn bus_at(url: &str) -> Bus {
    bus_with(url, |settings| settings).await
}

pub(crate) async fn bus_with(url: &str, change: impl FnOnce(RedisSettings) -> RedisSettings) -> Bus {
    let settings = change(RedisSettings::parse(&Secret::new(url)).expect("a URL"));
    Bus::redis(settings, Clock::system(), Entropy::system()).await
}

struct Ear(mpsc::UnboundedSender<(String, Arc<Publication>)>, Arc<AtomicUsize>);

impl Sink for Ear {
    fn publication(&self, channel: &str, publication: &Arc<Publication>) {
        let _ = self.0.send((channel.to_owned(), publication.clone()));
    }

    fn interrupted(&self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) struct Heard {
    heard: mpsc::UnboundedReceiver<(String, Arc<Publication>)>,
    interruptions: Arc<AtomicUsize>,
}

impl Heard {
    pub(crate) fn on(bus: &Bus) -> Self {
        let (sender, heard) = mpsc::unbounded_channel();
        let interruptions = Arc::new(AtomicUsize::new(0));
        bus.listen(Arc::new(Ear(sender, interruptions.clone())));
        Self { heard, interruptions }
    }

    pub(crate) async fn next(&mut self) -> (String, u64, String) {
        let (channel, publication) = tokio::time::timeout(PATIENCE, self.heard.recv())
            .await
            .expect("a publication in time")
            .expect("an open bus");
        (channel, publication.offset, String::from_utf8_lossy(&publication.data).into_owned())
    }

    pub(crate) fn interruptions(&self) -> usize {
        self.interruptions.load(Ordering::SeqCst)
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let asking = async {
        loop {
            pace.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what}: not in time"))
}
