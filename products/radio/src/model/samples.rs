//! Test phrases without a commit: one plausible event for each kind, heard and composed like a real one.

use serde_json::{Value, json};

use super::compose::{Surroundings, compose};
use super::events::hear;
use super::moods::Mood;
use super::phrase::Phrase;
use super::read::valid_station;

/// An event that anyone may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The name in addresses.
    pub name: &'static str,
    /// What a button says.
    pub label: &'static str,
    /// The mood that it sounds in.
    pub mood: Mood,
}

const fn sample(name: &'static str, label: &'static str, mood: Mood) -> Sample {
    Sample { name, label, mood }
}

/// All samples, those that people try first at the head.
pub const ALL: &[Sample] = &[
    sample("push", "Push", Mood::Activity),
    sample("pull_request_opened", "Pull request opened", Mood::Growth),
    sample("pull_request_merged", "Pull request merged", Mood::Resolution),
    sample("check_failure", "Check failed", Mood::Tension),
    sample("big_push", "Push of eight commits", Mood::Growth),
    sample("force_push", "Forced push", Mood::Tension),
    sample("branch_deleted", "Branch deleted", Mood::Activity),
    sample("pull_request_closed", "Pull request closed", Mood::Tension),
    sample("pull_request_updated", "Pull request updated", Mood::Activity),
    sample("review_approved", "Review approves", Mood::Resolution),
    sample("changes_requested", "Review asks for changes", Mood::Tension),
    sample("review_commented", "Review comments", Mood::Activity),
    sample("check_success", "Check passed", Mood::Resolution),
    sample("check_running", "Check running", Mood::Activity),
    sample("workflow_success", "Workflow passed", Mood::Resolution),
    sample("workflow_failure", "Workflow failed", Mood::Tension),
    sample("workflow_running", "Workflow running", Mood::Activity),
    sample("deployment_success", "Deployment arrived", Mood::Resolution),
    sample("deployment_failure", "Deployment failed", Mood::Tension),
    sample("deployment_error", "Deployment broke", Mood::Tension),
    sample("deployment_pending", "Deployment on its way", Mood::Activity),
    sample("issue_opened", "Issue opened", Mood::Growth),
    sample("issue_closed", "Issue closed", Mood::Resolution),
    sample("issue_labeled", "Issue labeled", Mood::Activity),
    sample("issue_comment", "Comment", Mood::Activity),
    sample("release_published", "Release published", Mood::Resolution),
    sample("release_edited", "Release edited", Mood::Activity),
    sample("star_created", "Star", Mood::Growth),
    sample("fork", "Fork", Mood::Growth),
    sample("branch_created", "Branch created", Mood::Growth),
    sample("tag_created", "Tag created", Mood::Growth),
];

/// The phrase of a sample at a station: number 0, neither stored nor sent to others. None for a name that is not in
/// [`ALL`] or a station that cannot be.
pub fn phrase(name: &str, station: &str, at_ms: i64, commits_last_hour: u32) -> Option<Phrase> {
    let (event_type, payload) = payload(name, station)?;
    let heard = hear(event_type, &payload)?;
    let heard_in = Surroundings {
        delivery_id: format!("test-{name}-{at_ms}"),
        station: station.to_ascii_lowercase(),
        n: 0,
        at_ms,
        trace: None,
        commits_last_hour,
        known_author: true,
    };
    Some(compose(&heard, &heard_in))
}

/// The event type and the payload of a sample, as GitHub would send them for this station.
pub fn payload(name: &str, station: &str) -> Option<(&'static str, Value)> {
    let (owner, repo) = station.split_once('/')?;
    if !valid_station(owner, repo) {
        return None;
    }
    let url = format!("https://github.com/{station}");
    let (event_type, sender, mut payload) = of_code(name, &url).or_else(|| of_people(name, &url))?;
    payload["repository"] = json!({ "full_name": station, "html_url": url, "language": "TypeScript" });
    payload["sender"] = json!({ "login": sender });
    Some((event_type, payload))
}

type Event = (&'static str, &'static str, Value);

/// Events about commits, branches and what machines make of them.
fn of_code(name: &str, url: &str) -> Option<Event> {
    Some(match name {
        "push" => ("push", "alice", push(3, false, url)),
        "big_push" => ("push", "alice", push(8, false, url)),
        "force_push" => ("push", "dave", push(2, true, url)),
        "branch_deleted" => ("push", "bob", json!({ "ref": "refs/heads/old-door", "deleted": true, "commits": [] })),
        "check_success" => ("check_run", "erin", run("check_run", "completed", "success", url)),
        "check_failure" => ("check_run", "erin", run("check_run", "completed", "failure", url)),
        "check_running" => ("check_run", "erin", run("check_run", "created", "", url)),
        "workflow_success" => ("workflow_run", "bob", run("workflow_run", "completed", "success", url)),
        "workflow_failure" => ("workflow_run", "bob", run("workflow_run", "completed", "failure", url)),
        "workflow_running" => ("workflow_run", "bob", run("workflow_run", "in_progress", "", url)),
        "deployment_success" => ("deployment_status", "carol", deployment("success")),
        "deployment_failure" => ("deployment_status", "carol", deployment("failure")),
        "deployment_error" => ("deployment_status", "carol", deployment("error")),
        "deployment_pending" => ("deployment_status", "carol", deployment("pending")),
        "branch_created" => ("create", "bob", json!({ "ref": "new-door", "ref_type": "branch" })),
        "tag_created" => ("create", "alice", json!({ "ref": "v1.2.0", "ref_type": "tag" })),
        _ => return None,
    })
}

/// Events about what people say to one another.
fn of_people(name: &str, url: &str) -> Option<Event> {
    Some(match name {
        "pull_request_opened" => ("pull_request", "bob", pull_request("opened", false, url)),
        "pull_request_merged" => ("pull_request", "alice", pull_request("closed", true, url)),
        "pull_request_closed" => ("pull_request", "alice", pull_request("closed", false, url)),
        "pull_request_updated" => ("pull_request", "bob", pull_request("synchronize", false, url)),
        "review_approved" => ("pull_request_review", "alice", review("approved", url)),
        "changes_requested" => ("pull_request_review", "carol", review("changes_requested", url)),
        "review_commented" => ("pull_request_review", "dave", review("commented", url)),
        "issue_opened" => ("issues", "frank", issue("opened", url)),
        "issue_closed" => ("issues", "alice", issue("closed", url)),
        "issue_labeled" => ("issues", "carol", issue("labeled", url)),
        "issue_comment" => ("issue_comment", "grace", comment(url)),
        "release_published" => ("release", "alice", release("published", url)),
        "release_edited" => ("release", "alice", release("edited", url)),
        "star_created" => ("star", "heidi", json!({ "action": "created", "starred_at": "2026-01-01T00:00:00Z" })),
        "fork" => {
            ("fork", "ivan", json!({ "forkee": { "full_name": "ivan/garden", "html_url": "https://github.com/ivan" } }))
        }
        _ => return None,
    })
}

fn push(commits: usize, forced: bool, url: &str) -> Value {
    let files =
        ["src/door.rs", "src/bell.rs", "web/door.ts", "README.md", "src/lock.rs", "src/key.rs", "tests/door.rs"];
    let commit = |index: usize| {
        json!({
            "message": format!("Oil the hinges, part {}", index + 1),
            "distinct": true,
            "author": { "name": "Alice", "username": if index % 4 == 3 { "bob" } else { "alice" } },
            "added": [], "removed": [],
            "modified": [files[index % files.len()], files[(index + 2) % files.len()]],
        })
    };
    json!({
        "ref": "refs/heads/main", "forced": forced, "created": false, "deleted": false,
        "compare": format!("{url}/compare/a1b2c3d4e5f6...f6e5d4c3b2a1"),
        "commits": (0..commits).map(commit).collect::<Vec<_>>(),
    })
}

fn pull_request(action: &str, merged: bool, url: &str) -> Value {
    json!({ "action": action, "pull_request": {
        "number": 42, "title": "A door that opens both ways", "merged": merged, "user": { "login": "bob" },
        "additions": 120, "deletions": 31, "html_url": format!("{url}/pull/42"), "base": { "repo": { "language": "Python" } },
    } })
}

fn review(state: &str, url: &str) -> Value {
    let body = "The hinge is lovely.\nI tried it from both sides.\n\nOne thought about the bell below.\n";
    let review =
        json!({ "state": state, "body": body, "user": { "login": "carol" }, "html_url": format!("{url}/pull/42") });
    json!({ "action": "submitted", "review": review, "pull_request": { "number": 42, "title": "A door that opens both ways" } })
}

fn run(at: &str, action: &str, conclusion: &str, url: &str) -> Value {
    let conclusion = if conclusion.is_empty() { Value::Null } else { json!(conclusion) };
    let status = if action == "completed" { action } else { "in_progress" };
    let mut run =
        json!({ "name": "tests", "status": status, "conclusion": conclusion, "html_url": format!("{url}/actions") });
    run["head_branch"] = json!("main");
    json!({ "action": action, at: run })
}

fn deployment(state: &str) -> Value {
    json!({ "action": "created", "deployment_status": { "state": state, "environment": "production" } })
}

fn issue(action: &str, url: &str) -> Value {
    let body = "It squeaks.\nOnly on rainy days.\nI recorded it for you.\nSteps: wait for rain, open the door, listen.";
    let (number, title) = (17, "The door squeaks");
    let html_url = format!("{url}/issues/17");
    let user = json!({ "login": "frank" });
    json!({ "action": action, "issue": { "number": number, "title": title, "body": body, "user": user, "html_url": html_url } })
}

fn comment(url: &str) -> Value {
    let comment =
        json!({ "body": "I hear it too.", "user": { "login": "grace" }, "html_url": format!("{url}/issues/17") });
    json!({ "action": "created", "issue": { "number": 17, "title": "The door squeaks" }, "comment": comment })
}

fn release(action: &str, url: &str) -> Value {
    let lines: Vec<String> = (1..=24).map(|line| format!("- mended hinge {line}")).collect();
    json!({ "action": action, "release": {
        "name": "1.2.0, the quiet door", "tag_name": "v1.2.0", "body": lines.join("\n"),
        "author": { "login": "alice" }, "html_url": format!("{url}/releases/tag/v1.2.0"),
    } })
}
