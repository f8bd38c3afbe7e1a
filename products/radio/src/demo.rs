//! A busy sample repository, for `mainspring demo`.

use host::Sample;
use kernel::Entropy;
use serde_json::{Value, json};

const STATION: &str = "mainspring/demo";
const PEOPLE: &[&str] = &["ada", "grace", "linus", "margaret", "ken", "barbara", "dennis"];
const FILES: &[&[&str]] = &[
    &["src/engine.rs", "src/state.rs", "tests/kill.rs"],
    &["web/player.ts", "web/field.ts"],
    &["models/train.py", "models/score.py", "README.md"],
    &["cmd/serve.go"],
    &["lib/notes.ex", "lib/scale.ex"],
];
const TITLES: &[&str] = &[
    "Claim at insert",
    "Softer reverb on tension",
    "Explain the key in words",
    "Recover by offset and epoch",
    "One commit for a thousand writers",
];

/// A day in the life of a repository, over and over, with different people.
pub(crate) fn sample(turn: u64, entropy: &Entropy) -> Sample {
    let who = one(entropy, PEOPLE);
    let title = one(entropy, TITLES);
    let user = json!({ "login": who });
    let pull = |state: &str, merged: bool| {
        let (additions, deletions) = (10 + entropy.below(300), entropy.below(120));
        json!({ "number": 40 + turn, "title": title, "state": state, "merged": merged, "draft": false, "user": user,
            "additions": additions, "deletions": deletions, "changed_files": 4 })
    };
    let (event, mut payload) = match turn % 10 {
        0 | 4 | 7 => ("push", push(who, 1 + entropy.below(4), one(entropy, FILES), entropy)),
        1 => ("pull_request", json!({ "action": "opened", "pull_request": pull("open", false) })),
        2 => ("check_run", check(if entropy.below(3) == 0 { "failure" } else { "success" })),
        3 => {
            let review = json!({ "state": "approved", "user": user, "body": "Lovely." });
            (
                "pull_request_review",
                json!({ "action": "submitted", "review": review, "pull_request": pull("open", false) }),
            )
        }
        5 => ("pull_request", json!({ "action": "closed", "pull_request": pull("closed", true) })),
        6 => {
            let issue = json!({ "number": 90 + turn, "title": title, "user": user, "body": "It would sing." });
            ("issues", json!({ "action": "opened", "issue": issue }))
        }
        8 => {
            let (status, deployment) = (json!({ "state": "success" }), json!({ "environment": "production" }));
            ("deployment_status", json!({ "deployment_status": status, "deployment": deployment }))
        }
        _ => ("star", json!({ "action": "created" })),
    };
    payload["repository"] = json!({ "full_name": STATION, "language": "Rust" });
    payload["sender"] = user;
    Sample { source: "github", event, payload }
}

fn check(conclusion: &str) -> Value {
    json!({ "action": "completed", "check_run": { "name": "tests", "status": "completed", "conclusion": conclusion } })
}

fn push(who: &str, commits: u64, files: &[&str], entropy: &Entropy) -> Value {
    let commit = |n| {
        json!({ "id": entropy.token(20), "message": format!("Step {n}"), "author": { "name": who, "username": who },
            "added": [], "removed": [], "modified": files })
    };
    let commits: Vec<Value> = (0..commits).map(commit).collect();
    json!({ "ref": "refs/heads/main", "forced": false, "created": false, "deleted": false, "pusher": { "name": who },
        "commits": commits })
}

fn one<'a, T: ?Sized>(entropy: &Entropy, of: &[&'a T]) -> &'a T {
    of[entropy.below(of.len() as u64) as usize]
}
