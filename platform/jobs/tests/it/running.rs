//! One attempt and what follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jobs::state::State;
use jobs::{Failure, Kind, Life, NewJob, Run};
use kernel::limits;
use store::StoreError;

use crate::support::{PLAIN, Site, add_effect, heard, works};

#[tokio::test]
async fn a_failed_attempt_is_tried_again_after_a_pause_and_its_error_is_kept() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = heard(|run| async move {
        match run.attempt() {
            1 => Err(Failure::Retry("first".to_owned())),
            2 => Err(Failure::RetryAt(run.args::<i64>()?, "second".to_owned())),
            _ => Ok(()),
        }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    let start_ms = site.clock.now_ms();
    let later_ms = start_ms + 60_000;
    let id = site.enqueue(NewJob::new(PLAIN, &later_ms)).await;
    let row = site.reaches(id, State::Retryable).await;
    let pause_ms = row.run_at_ms - start_ms;
    assert!((limits::JOB_BACKOFF_MS / 2..=limits::JOB_BACKOFF_MS).contains(&pause_ms), "{pause_ms}");
    assert_eq!((row.attempt, row.last_error.as_deref()), (1, Some("first")));
    site.advance(pause_ms);
    assert_eq!((ear.next().await, ear.next().await), ((id, 1), (id, 2)));
    let row = site.reaches(id, State::Retryable).await;
    assert_eq!((row.run_at_ms, row.last_error.as_deref()), (later_ms, Some("second")));
    site.advance(later_ms - site.clock.now_ms());
    let row = site.reaches(id, State::Completed).await;
    assert_eq!(
        (row.attempt, row.last_error.as_deref()),
        (3, Some("second")),
        "what went wrong before stays to be read"
    );
}

#[tokio::test]
async fn the_last_failure_is_a_dead_letter_with_its_error() {
    let site = Site::new(Life::Locked).await;
    let twice = PLAIN.attempts(2);
    let (handler, _ear) = heard(|run| async move {
        match run.args::<String>()?.as_str() {
            "retry" => Err(Failure::Retry("no luck".to_owned())),
            "later" => Err(Failure::RetryAt(0, "no luck".to_owned())),
            _ => Err(Failure::Discard("hopeless".to_owned())),
        }
    });
    site.jobs.serve(vec![(twice, handler)], 4);
    for (how, attempts, error) in [("retry", 2, "no luck"), ("later", 2, "no luck"), ("never", 1, "hopeless")] {
        let id = site.enqueue(NewJob::new(twice, &how)).await;
        if how == "retry" {
            site.reaches(id, State::Retryable).await;
            site.advance(limits::JOB_BACKOFF_MS);
        }
        let row = site.reaches(id, State::Discarded).await;
        assert_eq!((row.attempt, row.last_error.as_deref()), (attempts, Some(error)), "{how}");
        assert!(row.finished_at_ms.is_some());
    }
}

#[tokio::test]
async fn arguments_of_another_shape_are_a_dead_letter() {
    let site = Site::new(Life::Locked).await;
    let (handler, _ear) = heard(|run| async move { run.args::<u32>().map(drop) });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &"words")).await;
    let row = site.reaches(id, State::Discarded).await;
    assert!(row.last_error.is_some_and(|error| error.starts_with("the arguments do not fit")));
}

/// Panics when it is dropped, unless the thread panics already.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "on the way out");
    }
}

#[tokio::test]
async fn panics_and_time_outs_end_the_attempt_and_free_the_slot() {
    let site = Site::new(Life::Locked).await;
    let kinds = [
        (Kind::new("before"), "panicked: at once"),
        (Kind::new("after"), "panicked: later 7"),
        (Kind::new("slow").timeout_ms(5), "took longer than 5 ms"),
        (Kind::new("grenade").timeout_ms(5), "panicked: on the way out"),
        (Kind::new("wordless"), "panicked: without words"),
    ];
    let before = jobs::handler(|run: Run| {
        assert!(run.attempt() > 1, "at once");
        async { Ok(()) }
    });
    let (after, _ear) = heard(|run| async move {
        tokio::task::yield_now().await;
        assert!(run.attempt() > 1, "later {}", 7);
        Ok(())
    });
    let (slow, _ear) =
        heard(|run| async move { if run.attempt() > 1 { Ok(()) } else { std::future::pending().await } });
    let (grenade, _ear) = heard(|run| async move {
        if run.attempt() > 1 {
            return Ok(());
        }
        let _grenade = Grenade;
        std::future::pending().await
    });
    let (wordless, _ear) =
        heard(|run| async move { if run.attempt() > 1 { Ok(()) } else { std::panic::panic_any(7u8) } });
    let handlers = [before, after, slow, grenade, wordless];
    site.jobs.serve(kinds.iter().map(|kind| kind.0).zip(handlers).collect(), 1);
    for (kind, error) in kinds {
        let id = site.enqueue(NewJob::new(kind, &())).await;
        let row = site.reaches(id, State::Retryable).await;
        assert_eq!((row.attempt, row.last_error.as_deref()), (1, Some(error)));
        site.advance(limits::JOB_BACKOFF_MS);
        site.reaches(id, State::Completed).await;
    }
}

#[tokio::test]
async fn long_errors_are_cut_and_only_the_last_are_kept() {
    let site = Site::new(Life::Locked).await;
    let often = PLAIN.attempts(1000);
    let (handler, _ear) = heard(|run| async move {
        match run.attempt() {
            60 => Err(Failure::Discard("enough".to_owned())),
            _ => Err(Failure::RetryAt(0, "ä".repeat(limits::JOB_ERROR_BYTES))),
        }
    });
    site.jobs.serve(vec![(often, handler)], 1);
    let id = site.enqueue(NewJob::new(often, &())).await;
    let row = site.reaches(id, State::Discarded).await;
    assert_eq!((row.attempt, row.last_error.as_deref()), (60, Some("enough")));
    let (errors,): (String,) = site
        .store
        .read(async move |tx| {
            tx.one("SELECT errors FROM jobs WHERE id = $1", store::params![id]).await as Result<_, StoreError>
        })
        .await
        .expect("read");
    let errors: Vec<serde_json::Value> = serde_json::from_str(&errors).expect("JSON");
    let longest = errors.iter().filter_map(|error| Some(error["message"].as_str()?.len())).max();
    assert_eq!((errors.len(), longest), (limits::JOB_ATTEMPTS as usize, Some(limits::JOB_ERROR_BYTES)));
}

#[tokio::test]
async fn an_effect_and_its_completion_commit_together_or_not_at_all() {
    let site = Site::new(Life::Locked).await;
    let store = site.store.clone();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let (handler, _ear) = heard(move |run| {
        counted.fetch_add(1, Ordering::SeqCst);
        let store = store.clone();
        async move {
            let (own, undone) = (run.clone(), run.attempt() == 1);
            store
                .write(async move |tx| {
                    add_effect(tx, &format!("by attempt {}", own.attempt())).await?;
                    own.complete(tx).await?;
                    if undone { Err(Failure::RetryAt(0, "changed my mind".to_owned())) } else { Ok(()) }
                })
                .await?;
            // It is done: what the handler says afterwards changes nothing.
            Err(Failure::Discard("too late".to_owned()))
        }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    let row = site.reaches(id, State::Completed).await;
    assert_eq!((row.attempt, row.last_error.as_deref()), (2, Some("changed my mind")));
    assert_eq!(site.effects().await, ["by attempt 2"]);
    // The next job's slot is the last one's: its outcome, had there been one, is judged before.
    let (other, _) = (site.enqueue(NewJob::new(PLAIN, &())).await, ());
    site.reaches(other, State::Completed).await;
    assert_eq!(site.row(id).await.state, State::Completed);
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}

/// Facts §3d, test 24.
#[tokio::test]
async fn jobs_of_an_unknown_kind_are_left_alone() {
    let site = Site::new(Life::Locked).await;
    let mut foreign = Vec::new();
    for n in 0..5 {
        foreign.push(site.enqueue(NewJob::new(Kind::new("newer"), &n)).await);
    }
    let ours = site.enqueue(NewJob::new(PLAIN, &())).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    assert_eq!(ear.next().await, (ours, 1), "they do not stand in the way");
    site.reaches(ours, State::Completed).await;
    for id in foreign {
        let row = site.row(id).await;
        assert_eq!((row.state, row.attempt, row.started_at_ms, row.last_error), (State::Available, 0, None, None));
    }
}
