//! Calling off what runs, snoozing, and what a job says while it runs.

use jobs::policy::Keep;
use jobs::state::State;
use jobs::{Failure, Life, NewJob, Run};
use serde_json::json;

use crate::support::{Figures, LONG, PLAIN, Site, engine, get, heard, held, polled, post, until, watched, works};

#[tokio::test]
async fn a_running_job_is_told_to_stop_and_ends_cancelled_whatever_it_says() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = heard(|run: Run| async move {
        let how: String = run.args()?;
        run.cancellation().cancelled().await;
        match how.as_str() {
            "well" => Ok(()),
            "snooze" => Err(Failure::Snooze(0)),
            "retry" => Err(Failure::Retry("of course".to_owned())),
            "panic" => panic!("too bad"),
            _ => std::future::pending().await,
        }
    });
    site.jobs.serve(vec![(PLAIN.grace_ms(1), handler)], 9);
    for how in ["well", "retry", "snooze", "panic", "never"] {
        let id = site.enqueue(NewJob::new(PLAIN, &how)).await;
        let next = site.enqueue(NewJob::new(PLAIN, &"well").after_ends(&[id])).await;
        assert_eq!(ear.next().await, (id, 1));
        let (status, row) = post(&site, &format!("/api/v1/jobs/{id}/cancel"), &json!(null)).await;
        assert_eq!(status, 200);
        assert!(row["state"] == "cancelled" || row["cancelling"] == true, "{row}");
        let row = site.reaches(id, State::Cancelled).await;
        assert!(!row.cancelling && row.finished_at_ms.is_some(), "{how}");
        assert_eq!(ear.next().await, (next, 1), "what came after it goes on");
        assert!(site.jobs.cancel(next).await.expect("written"));
        site.reaches(next, State::Cancelled).await;
    }
}

/// The effect of a job that is called off before it completes is rolled back.
#[tokio::test]
async fn what_is_called_off_completes_nothing_in_its_transaction() {
    let site = Site::new(Life::Locked).await;
    let (store, gate) = (site.store.clone(), std::sync::Arc::new(tokio::sync::Semaphore::new(0)));
    let held = gate.clone();
    let (handler, mut ear) = heard(move |run: Run| {
        let (store, gate) = (store.clone(), held.clone());
        async move {
            gate.acquire().await.expect("open").forget();
            store
                .write(async move |tx| {
                    crate::support::add_effect(tx, "too late").await?;
                    run.complete(tx).await
                })
                .await
        }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    assert!(site.jobs.cancel(id).await.expect("written"));
    assert_eq!(site.row(id).await.state, State::Executing, "its worker has not stopped yet");
    gate.add_permits(1);
    site.reaches(id, State::Cancelled).await;
    assert!(site.effects().await.is_empty());
    assert!(site.jobs.run_now(id).await.expect("written"));
    assert_eq!(ear.next().await, (id, 1));
    gate.add_permits(1);
    assert!(!site.reaches(id, State::Completed).await.cancelling);
    assert_eq!(site.effects().await, ["too late"]);
}

#[tokio::test]
async fn a_job_whose_worker_is_dead_ends_cancelled_when_that_is_known() {
    let figures = Figures::default();
    let _guard = metrics::set_default_local_recorder(&figures);
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN.attempts(9), handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    let other = engine(&site.store, &site.clock, Life::Renewed).await;
    assert!(other.cancel(id).await.expect("written"), "from elsewhere");
    watched(&other, &site.store).await;
    assert_eq!(site.row(id).await.state, State::Cancelled);
    gate.add_permits(1);
    // Without its lease it claims nothing more: what comes now begins only in a slot that is free again.
    let refused = async || (figures.of("jobs_settlements_refused_total") == 1).then_some(());
    polled("its late outcome is judged and refused", refused).await;
    let next = site.enqueue(NewJob::new(PLAIN, &())).await;
    gate.add_permits(1);
    assert_eq!(ear.next().await, (next, 1));
    assert_eq!(site.row(id).await.state, State::Cancelled);
}

/// Claimed ahead of a free slot, called off before it ever began: it never does.
#[tokio::test]
async fn what_waits_in_memory_for_a_slot_can_be_called_off() {
    let site = Site::new(Life::Locked).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(site.enqueue(NewJob::new(PLAIN, &n)).await);
    }
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    assert_eq!(ear.next().await.0, ids[0]);
    until(&site.jobs, "the second is claimed", async || {
        (site.row(ids[1]).await.state == State::Executing).then_some(())
    })
    .await;
    assert!(site.jobs.cancel(ids[1]).await.expect("written"));
    gate.add_permits(9);
    assert_eq!(ear.next().await.0, ids[2]);
    site.reaches(ids[1], State::Cancelled).await;
}

#[tokio::test]
async fn a_snoozed_attempt_does_not_count() {
    let site = Site::new(Life::Locked).await;
    let once = PLAIN.attempts(1);
    let until_ms = site.clock.now_ms() + 60_000;
    let (handler, mut ear) = heard(move |run: Run| async move {
        if run.args::<i64>()? > run.id() { Ok(()) } else { Err(Failure::Snooze(until_ms)) }
    });
    site.jobs.serve(vec![(once, handler)], 1);
    let id = site.enqueue(NewJob::new(once, &0)).await;
    assert_eq!(ear.next().await, (id, 1));
    let row = site.reaches(id, State::Scheduled).await;
    assert_eq!((row.attempt, row.run_at_ms, row.last_error), (0, until_ms, None));
    site.run_sql(format!("UPDATE jobs SET args = '{}' WHERE id = {id}", i64::MAX)).await;
    site.advance(60_000);
    assert_eq!(ear.next().await, (id, 1));
    assert_eq!(site.reaches(id, State::Completed).await.attempt, 1);
}

#[tokio::test]
async fn progress_is_heard_and_kept_and_the_result_stays() {
    let site = Site::new(Life::Locked).await;
    let mut heard_of = site.jobs.progress();
    let (handler, mut ear, gate) = held(|run| {
        run.progress(200, "ä".repeat(kernel::limits::JOB_NOTE_BYTES));
        for percent in 0..100 {
            run.progress(percent, "sorting");
        }
        run.result(&json!({ "sorted": 7 }))?;
        if run.attempt() == 1 { Err(Failure::RetryAt(0, "again".to_owned())) } else { Ok(()) }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let silent = site.enqueue(NewJob::new(PLAIN, &()).at(i64::MAX)).await;
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    ear.next().await;
    gate.add_permits(2);
    site.reaches(id, State::Completed).await;
    let mut said = Vec::new();
    loop {
        let next = tokio::time::timeout(LONG, heard_of.recv()).await.expect("in time").expect("not behind");
        assert_eq!((next.id.clone(), &*next.kind), (id.to_string(), "plain"));
        let ended = next.state == State::Completed;
        said.push(next);
        if ended {
            break;
        }
    }
    let last = said.last().expect("one");
    assert_eq!((last.percent, last.result.as_ref().map(|it| it.get())), (100, Some(r#"{"sorted":7}"#)));
    assert!(said.iter().all(|it| it.percent <= 100) && said.len() < 20, "{} reports of 200", said.len());
    let shown = get(&site, &format!("/api/v1/jobs/{id}")).await;
    assert_eq!((&shown["percent"], &shown["note"]), (&json!(99), &json!("sorting")));
    assert_eq!(shown["result"], json!({ "sorted": 7 }));
    assert_eq!(get(&site, &format!("/api/v1/jobs/{silent}")).await["percent"], json!(null));
    site.clock.advance(1);
    assert_eq!(site.jobs.prune(Keep::all(0)).await.expect("pruned"), 1);
    assert_eq!(site.run_sql("DELETE FROM job_notes").await, 0, "it went with its job");
}

#[tokio::test]
async fn a_result_that_is_too_large_is_a_dead_letter() {
    let site = Site::new(Life::Locked).await;
    let (handler, _ear) = heard(|run| async move { run.result(&"x".repeat(kernel::limits::JOB_RESULT_BYTES)) });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert!(site.reaches(id, State::Discarded).await.last_error.is_some_and(|it| it.contains("result")));
}

#[tokio::test]
async fn large_arguments_lie_apart_and_come_back_whole() {
    let site = Site::new(Life::Locked).await;
    let long = "x".repeat(kernel::limits::JOB_ARGS_BYTES - 2);
    let (handler, mut ear) = works();
    let id = site.enqueue(NewJob::new(PLAIN, &long)).await;
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    assert_eq!(ear.next().await, (id, 1));
    site.reaches(id, State::Completed).await;
    assert_eq!(get(&site, &format!("/api/v1/jobs/{id}")).await["args"], json!(long));
    site.clock.advance(1);
    site.jobs.prune(Keep::all(0)).await.expect("pruned");
    assert_eq!(site.run_sql("DELETE FROM job_payloads").await, 0);
}
