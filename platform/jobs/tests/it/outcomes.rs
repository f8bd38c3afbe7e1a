//! Outcomes that cannot be written, or not yet.

use jobs::state::State;
use jobs::{EnqueueError, Failure, Life, NewJob, Run};
use serde_json::json;

use crate::support::{Figures, PLAIN, Site, get, heard, held, pass, polled, post, works};

/// Statements after which these states of a job cannot be written, and after which they can again.
fn refusing(id: i64, states: &str) -> [String; 2] {
    if testkit::on_postgres() {
        [
            format!("ALTER TABLE jobs ADD CONSTRAINT refusing CHECK (id <> {id} OR state NOT IN ({states})) NOT VALID"),
            "ALTER TABLE jobs DROP CONSTRAINT refusing".to_owned(),
        ]
    } else {
        [
            format!(
                "CREATE TRIGGER refusing BEFORE UPDATE ON jobs WHEN NEW.id = {id} AND NEW.state IN ({states})
                     BEGIN SELECT RAISE(ABORT, 'refused'); END"
            ),
            "DROP TRIGGER refusing".to_owned(),
        ]
    }
}

#[tokio::test]
async fn one_outcome_that_cannot_be_stored_holds_up_no_other() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 20);
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(site.enqueue(NewJob::new(PLAIN, &n)).await);
        ear.next().await;
    }
    let bad = ids.remove(7);
    site.run_sql(refusing(bad, "4")[0].clone()).await;
    gate.add_permits(20);
    for id in ids {
        assert_eq!(site.settled(id).await, (State::Completed, 1));
    }
    let row = site.reaches(bad, State::Discarded).await;
    let why = row.last_error.expect("a reason");
    assert!(why.starts_with("the outcome cannot be stored: "), "{why}");
}

/// Not even as a dead letter: it waits until it can, and the others do not.
#[tokio::test]
async fn an_outcome_that_is_refused_altogether_waits_alone() {
    let site = Site::new(Life::Renewed).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    let bad = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (bad, 1));
    let [refuse, allow] = refusing(bad, "0, 1, 3, 4, 5, 6");
    site.run_sql(refuse).await;
    gate.add_permits(9);
    for n in 0..5 {
        let id = site.enqueue(NewJob::new(PLAIN, &n)).await;
        assert_eq!(ear.next().await, (id, 1));
        assert_eq!(site.settled(id).await, (State::Completed, 1));
    }
    // It is known all the time: nobody takes it for a claim that was lost.
    pass(&[&site.store], 12_000).await;
    assert_eq!(site.row(bad).await.state, State::Executing);
    site.run_sql(allow).await;
    pass(&[&site.store], 2_000).await;
    assert_eq!(site.settled(bad).await.1, 1);
    assert!(ear.rest().is_empty(), "nothing ran twice");
}

/// PostgreSQL has no NUL in a text.
#[tokio::test]
async fn a_nul_in_what_a_job_says_is_replaced() {
    let figures = Figures::default();
    let _guard = metrics::set_default_local_recorder(&figures);
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = heard(|run: Run| async move {
        run.progress(50, "half\0way");
        run.result(&json!({ "left": "a\0b" }))?;
        if run.attempt() == 1 {
            return Err(Failure::RetryAt(0, "went\0wrong".to_owned()));
        }
        Ok(())
    });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &"ar\0gs").key("k")).await;
    assert_eq!((ear.next().await, ear.next().await), ((id, 1), (id, 2)));
    let row = site.reaches(id, State::Completed).await;
    assert_eq!((row.note.as_deref(), row.last_error.as_deref()), (Some("half\u{fffd}way"), Some("went\0wrong")));
    assert_eq!(get(&site, &format!("/api/v1/jobs/{id}")).await["result"]["left"], "a\0b");
    assert_eq!(figures.of("jobs_settlements_failed_total"), 0);
}

#[tokio::test]
async fn a_nul_in_a_name_is_refused_at_the_door() {
    let site = Site::new(Life::Locked).await;
    let (handler, _ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let job = || NewJob::new(PLAIN, &());
    for (what, job) in [
        ("the kind", NewJob::dynamic("k\0", "q", &())),
        ("the queue", NewJob::dynamic("k", "q\0", &())),
        ("the key", job().key("\0")),
        ("the order key", job().in_order("a\0")),
        ("the unique key", job().unique("a\0")),
    ] {
        let refused = site.jobs.enqueue_now(job).await;
        assert!(matches!(refused, Err(EnqueueError::Name(name)) if name == what), "{what}: {refused:?}");
    }
    let (status, _) = post(&site, "/api/v1/jobs", &json!({ "kind": "k", "trace_id": "t\0" })).await;
    assert_eq!(status, 201, "a trace is kept as far as it can be");
    for path in ["/api/v1/jobs?queue=%00", "/api/v1/jobs?kind=a%00"] {
        assert_eq!(get(&site, path).await["code"], "name_invalid", "{path}");
    }
    for (path, body) in [
        ("/api/v1/jobs/claim", json!({ "queues": ["a\0"] })),
        ("/api/v1/jobs/claim", json!({ "queues": ["a"], "kinds": ["\0"] })),
        ("/api/v1/queues/a%00/pause", json!({})),
        ("/api/v1/batches", json!({ "name": "a\0" })),
        ("/api/v1/jobs/1/complete", json!({ "token": "1.1.\0" })),
    ] {
        let (status, answer) = post(&site, path, &body).await;
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
    }
    let (status, _) = post(&site, "/api/v1/jobs/claim", &json!({ "queues": ["q"], "worker": "w\0" })).await;
    assert_eq!(status, 200);
    polled("the queues are shown", async || get(&site, "/api/v1/queues").await.as_array().map(drop)).await;
}
