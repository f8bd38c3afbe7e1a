//! A steady beat that waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Lets those go who still wait after the last beat.
const LEFTOVERS: usize = 4096;

/// Numbers from 0 to a count, each due at its own time whatever became of the ones before: latency is counted from
/// [`Beat::due`], so that a server that stalls is charged for everything that came meanwhile.
#[derive(Clone)]
pub(crate) struct Pace {
    begun: Instant,
    per_s: f64,
    count: usize,
    due: Arc<Semaphore>,
    next: Arc<AtomicUsize>,
}

/// One of the numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) number: usize,
    pub(crate) due: Instant,
}

impl Pace {
    /// Begins now. The beat comes from a thread of its own: the runtime's timers are a millisecond coarse.
    pub(crate) fn start(per_s: u32, count: usize) -> Self {
        let (due, next) = (Arc::new(Semaphore::new(0)), Arc::default());
        let pace = Self { begun: Instant::now(), per_s: f64::from(per_s), count, due, next };
        let beats = pace.clone();
        std::thread::spawn(move || beats.beat());
        pace
    }

    #[expect(clippy::disallowed_methods, reason = "this thread serves nobody else")]
    fn beat(&self) {
        for number in 0..self.count {
            std::thread::sleep(self.due(number).saturating_duration_since(Instant::now()));
            self.due.add_permits(1);
        }
        self.due.add_permits(LEFTOVERS);
    }

    fn due(&self, number: usize) -> Instant {
        self.begun + Duration::from_secs_f64(number as f64 / self.per_s)
    }

    /// Waits for the next number that nobody has taken; `None` after the last.
    pub(crate) async fn next(&self) -> Option<Beat> {
        self.due.acquire().await.ok()?.forget();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.count).then(|| Beat { number, due: self.due(number) })
    }
}
