//! Event → mood and intensity, written from the station's facts and not from the code.

use serde_json::{Value, json};

use super::*;

fn commits(number: usize, files_each: usize) -> Value {
    let files: Vec<String> = (0..files_each).map(|file| format!("src/{file}.rs")).collect();
    let commit = json!({ "author": { "username": "alice" }, "added": files, "modified": [], "removed": [] });
    Value::Array(vec![commit; number])
}

fn pull_request(action: &str, merged: bool, additions: u64, deletions: u64) -> Value {
    json!({ "action": action, "pull_request": { "merged": merged, "additions": additions, "deletions": deletions } })
}

fn run(at: &str, action: &str, status: &str, conclusion: Option<&str>) -> Value {
    json!({ "action": action, at: { "status": status, "conclusion": conclusion } })
}

fn assert_row((event, payload, mood, intensity): (&str, Value, Mood, f64)) {
    let heard = hear(event, &payload).expect("this event is heard");
    assert_eq!(heard.mood, mood, "{event} {payload}");
    assert!((heard.intensity - intensity).abs() < 1e-9, "{event} {payload}: {} is not {intensity}", heard.intensity);
}

#[test]
fn pushes_and_pull_requests() {
    use Mood::{Activity, Growth, Resolution, Tension};
    let push = |commits: Value, forced: bool| json!({ "ref": "refs/heads/main", "forced": forced, "commits": commits });
    let rows = [
        ("push", push(commits(3, 4), false), Activity, 0.42),
        ("push", push(commits(5, 1), false), Activity, 0.55),
        ("push", push(commits(6, 1), false), Growth, 0.66),
        ("push", push(commits(2, 3), true), Tension, 0.26),
        ("push", push(commits(9, 20), true), Tension, 1.0),
        ("push", push(commits(0, 0), false), Activity, 0.0),
        ("pull_request", pull_request("opened", false, 100, 50), Growth, 0.515),
        ("pull_request", pull_request("opened", false, 9_000_000, 1), Growth, 1.0),
        ("pull_request", pull_request("closed", true, 1000, 500), Resolution, 0.65),
        ("pull_request", pull_request("closed", false, 0, 0), Tension, 0.5),
        ("pull_request", pull_request("synchronize", false, 10, 0), Activity, 0.501),
        ("pull_request", pull_request("labeled", true, 0, 0), Activity, 0.5),
    ];
    rows.into_iter().for_each(assert_row);
}

#[test]
fn reviews_checks_and_deployments() {
    use Mood::{Activity, Resolution, Tension};
    let review = |state: &str| json!({ "action": "submitted", "review": { "state": state } });
    let deployment = |state: &str| json!({ "action": "created", "deployment_status": { "state": state } });
    let rows = [
        ("pull_request_review", review("approved"), Resolution, 0.8),
        ("pull_request_review", review("changes_requested"), Tension, 0.6),
        ("pull_request_review", review("commented"), Activity, 0.4),
        ("check_run", run("check_run", "completed", "completed", Some("success")), Resolution, 0.9),
        ("check_run", run("check_run", "completed", "completed", Some("failure")), Tension, 0.7),
        ("check_run", run("check_run", "completed", "completed", Some("cancelled")), Activity, 0.5),
        ("check_run", run("check_run", "completed", "completed", Some("timed_out")), Activity, 0.5),
        ("check_run", run("check_run", "created", "queued", None), Activity, 0.5),
        ("check_run", run("check_run", "rerequested", "completed", Some("failure")), Activity, 0.5),
        ("workflow_run", run("workflow_run", "completed", "completed", Some("success")), Resolution, 0.9),
        ("workflow_run", run("workflow_run", "completed", "completed", Some("failure")), Tension, 0.7),
        ("workflow_run", run("workflow_run", "requested", "queued", None), Activity, 0.5),
        ("deployment_status", deployment("success"), Resolution, 1.0),
        ("deployment_status", deployment("failure"), Tension, 0.8),
        ("deployment_status", deployment("error"), Tension, 0.9),
        ("deployment_status", deployment("in_progress"), Activity, 0.5),
    ];
    rows.into_iter().for_each(assert_row);
}

#[test]
fn issues_releases_stars_forks_and_branches() {
    use Mood::{Activity, Growth, Resolution};
    let action = |action: &str| json!({ "action": action });
    let rows = [
        ("issues", action("opened"), Growth, 0.5),
        ("issues", action("closed"), Resolution, 0.7),
        ("issues", action("labeled"), Activity, 0.5),
        ("issue_comment", action("created"), Activity, 0.4),
        ("issue_comment", action("deleted"), Activity, 0.4),
        ("release", action("published"), Resolution, 1.0),
        ("release", action("edited"), Activity, 0.4),
        ("star", action("created"), Growth, 0.5),
        ("fork", json!({}), Growth, 0.7),
        ("create", json!({ "ref_type": "branch" }), Growth, 0.4),
        ("create", json!({ "ref_type": "tag" }), Growth, 0.6),
    ];
    rows.into_iter().for_each(assert_row);
}

#[test]
fn the_rest_is_silent() {
    assert_eq!(hear("star", &json!({ "action": "deleted" })), None);
    assert_eq!(hear("create", &json!({ "ref_type": "repository" })), None);
    for unknown in ["ping", "delete", "watch", "member", "", "PUSH"] {
        assert_eq!(hear(unknown, &json!({ "action": "created" })), None, "{unknown}");
    }
    for no_object in [json!(null), json!([]), json!("push"), json!(7)] {
        assert_eq!(hear("push", &no_object), None);
    }
}

#[test]
fn every_sample_is_heard_in_the_mood_it_names() {
    for sample in samples::ALL {
        let phrase = samples::phrase(sample.name, "Octocat/Hello-World", 1, 3).expect("every sample has a phrase");
        assert_eq!((phrase.mood, phrase.n), (sample.mood, 0), "{}", sample.name);
        assert_eq!(phrase.station, "octocat/hello-world");
        assert!(phrase.event.actor.is_some() && phrase.event.url.is_some(), "{}", sample.name);
    }
    let names: std::collections::BTreeSet<_> = samples::ALL.iter().map(|sample| sample.name).collect();
    assert_eq!(names.len(), samples::ALL.len(), "names are addresses");
    assert_eq!(samples::phrase("earthquake", "octocat/hello-world", 1, 0), None);
    assert_eq!(samples::phrase("push", "octocat", 1, 0), None);
    assert_eq!(samples::phrase("push", "octo cat/hello", 1, 0), None);
}

#[test]
fn the_samples_reach_every_kind() {
    let heard: std::collections::BTreeSet<Kind> = samples::ALL.iter().map(|sample| heard(sample.name).kind).collect();
    assert_eq!(heard.len(), 31, "a kind without a sample cannot be tried");
}
