//! Streams whose handlers write in the transaction that moves the cursor: both or neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use events::handler::StreamFailure;
use store::{Tx, params};

use crate::support::{ALL_GITHUB, Bed, small};

const WORDS: &str = "SELECT COUNT(*) FROM scratch";

#[tokio::test]
async fn the_effect_and_the_cursor_are_stored_together() {
    let bed = Bed::new().await;
    bed.events.serve_in_tx(ALL_GITHUB, async |tx: &mut Tx, batch| {
        for event in batch {
            tx.execute("INSERT INTO scratch (word) VALUES ($1)", params![&event.id]).await?;
        }
        Ok(())
    });
    bed.cursor_reaches(ALL_GITHUB, 0).await;
    let last = bed.append_many("github.push", 450).await;
    bed.cursor_reaches(ALL_GITHUB, last).await;
    assert_eq!(bed.number(WORDS).await, 450);
    assert_eq!(bed.number("SELECT COUNT(DISTINCT word) FROM scratch").await, 450);
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_leaves_neither() {
    let bed = Bed::new().await;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    bed.events.serve_in_tx(ALL_GITHUB, async move |tx: &mut Tx, batch| {
        tx.execute("INSERT INTO scratch (word) VALUES ('half')", &[]).await?;
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => return Err(StreamFailure::new("not now")),
            1 => panic!("nor now"),
            2 => drop(tx.execute("INSERT INTO nowhere (word) VALUES ('x')", &[]).await?),
            _ => {}
        }
        for event in batch {
            tx.execute("INSERT INTO scratch (word) VALUES ($1)", params![&event.id]).await?;
        }
        Ok(())
    });
    bed.cursor_reaches(ALL_GITHUB, 0).await;
    let at = crate::support::position(bed.append(small("github.push")).await.expect("appended"));
    bed.cursor_reaches(ALL_GITHUB, at).await;
    assert_eq!((calls.load(Ordering::SeqCst), bed.number(WORDS).await), (4, 2));
}
