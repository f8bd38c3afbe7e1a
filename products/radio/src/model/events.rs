//! What GitHub says → what the station hears.

use serde_json::Value;

use super::heard::{Heard, Language, LanguageFrom, Size};
use super::kinds::Kind;
use super::push;
use super::read::{self, TITLE_MAX, clean};
use super::voices;

/// Understands an event, or stays silent: other event types, a star taken back, and payloads that are no object.
///
/// `event_type` is the `X-GitHub-Event` header. Any JSON is safe to hear.
pub fn hear(event_type: &str, payload: &Value) -> Option<Heard> {
    payload.as_object()?;
    let sketch = match event_type {
        "push" => push::hear(payload),
        "pull_request" => pull_request(payload),
        "pull_request_review" => review(payload),
        "check_run" => check(payload),
        "deployment_status" => deployment(payload),
        "issues" => issue(payload),
        "issue_comment" => comment(payload),
        "workflow_run" => workflow(payload),
        "release" => release(payload),
        "star" => star(payload)?,
        "fork" => fork(payload),
        "create" => create(payload)?,
        _ => return None,
    };
    Some(sketch.finish(payload))
}

/// What an event type knows of its own; the rest is alike for all.
pub(super) struct Sketch {
    pub(super) kind: Kind,
    /// Empty: the payload's `action`.
    pub(super) action: String,
    /// The title after the actor's name; a whole title when `impersonal`.
    pub(super) title: String,
    pub(super) impersonal: bool,
    /// None: the actor.
    pub(super) author: Option<String>,
    pub(super) url: Option<String>,
    pub(super) size: Size,
    pub(super) files: u32,
    pub(super) language: Option<Language>,
    pub(super) authors: u32,
    pub(super) commits: u32,
    pub(super) fresh_commits: u32,
}

impl Sketch {
    pub(super) fn new(kind: Kind, title: String) -> Self {
        let (author, url, language) = (None, None, None);
        let (action, impersonal, size) = (String::new(), false, Size::Nothing);
        let (files, authors, commits, fresh_commits) = (0, 1, 0, 0);
        Self { kind, action, title, impersonal, author, url, size, files, language, authors, commits, fresh_commits }
    }

    fn finish(self, payload: &Value) -> Heard {
        let (mood, strength, _) = self.kind.row();
        let intensity = strength.of(self.commits, self.files, self.size.lines());
        let actor = read::name(payload, &["/sender/login", "/pusher/name"]);
        let title = match &actor {
            _ if self.impersonal => self.title,
            Some(actor) => format!("{actor} {}", self.title),
            None => format!("Someone {}", self.title),
        };
        let action =
            if self.action.is_empty() { read::text(payload, "/action").unwrap_or_default() } else { &self.action };
        Heard {
            kind: self.kind,
            action: clean(action, read::NAME_MAX),
            mood,
            intensity,
            title: clean(&title, TITLE_MAX),
            author: self.author.or_else(|| actor.clone()),
            actor,
            url: self.url.or_else(|| read::https(payload, &["/repository/html_url"])),
            size: self.size,
            files: self.files,
            language: self.language.or_else(|| language_of_repository(payload)),
            authors: self.authors,
            commits: self.commits,
            fresh_commits: self.fresh_commits,
            failed: self.kind.failed(),
        }
    }
}

/// GitHub's word for the repository.
pub(super) fn language_of_repository(payload: &Value) -> Option<Language> {
    let said = read::name(payload, &["/pull_request/base/repo/language", "/repository/language"])?;
    let name = voices::canonical(&said).map_or(clean(&said, 40), str::to_owned);
    Some(Language { name, from: LanguageFrom::Repository })
}

fn action(payload: &Value) -> &str {
    read::text(payload, "/action").unwrap_or_default()
}

/// Such as ` #12: Fix the door`, as far as the payload says; a note stands before the colon.
fn numbered(payload: &Value, pointer: &str, note: &str) -> String {
    let number = match read::count(payload, &format!("{pointer}/number")) {
        0 => note.to_owned(),
        number => format!(" #{number}{note}"),
    };
    match read::text(payload, &format!("{pointer}/title")) {
        Some(title) => format!("{number}: {title}"),
        None => number,
    }
}

/// GitHub's action in words, with the thing that it happens to.
fn in_words(action: &str, thing: &str) -> String {
    match action {
        "synchronize" => format!("updated {thing}"),
        "ready_for_review" => format!("offered for review {thing}"),
        "converted_to_draft" => format!("made a draft of {thing}"),
        "review_requested" => format!("asked for a review of {thing}"),
        "" => format!("changed {thing}"),
        "assigned" | "closed" | "created" | "deleted" | "edited" | "labeled" | "locked" | "milestoned" | "opened"
        | "pinned" | "published" | "reopened" | "transferred" | "unassigned" | "unlabeled" | "unlocked"
        | "unpinned" | "unpublished" => format!("{action} {thing}"),
        other => format!("changed {thing} ({})", clean(&other.replace('_', " "), 40)),
    }
}

fn pull_request(payload: &Value) -> Sketch {
    let thing = format!("pull request{}", numbered(payload, "/pull_request", ""));
    let merged =
        read::flag(payload, "/pull_request/merged") || read::text(payload, "/pull_request/merged_at").is_some();
    let (kind, title) = match action(payload) {
        "opened" => (Kind::PullRequestOpened, format!("opened {thing}")),
        "closed" if merged => (Kind::PullRequestMerged, format!("merged {thing}")),
        "closed" => {
            (Kind::PullRequestClosed, format!("closed pull request{}", numbered(payload, "/pull_request", " unmerged")))
        }
        other => (Kind::PullRequestChanged, in_words(other, &thing)),
    };
    let lines = read::count(payload, "/pull_request/additions") + read::count(payload, "/pull_request/deletions");
    Sketch {
        author: read::name(payload, &["/pull_request/user/login"]),
        url: read::https(payload, &["/pull_request/html_url"]),
        size: Size::Changed(lines),
        ..Sketch::new(kind, title)
    }
}

/// A review counts when it is handed in; an edit of an old approval approves nothing.
fn review(payload: &Value) -> Sketch {
    let thing = format!("pull request{}", numbered(payload, "/pull_request", ""));
    let state = read::text(payload, "/review/state").unwrap_or_default().to_ascii_lowercase();
    let handed_in = matches!(action(payload), "submitted" | "");
    let (kind, title) = match state.as_str() {
        "approved" if handed_in => (Kind::ReviewApproved, format!("approved {thing}")),
        "changes_requested" if handed_in => (Kind::ReviewChangesRequested, format!("asked for changes in {thing}")),
        _ if handed_in => (Kind::ReviewOther, format!("reviewed {thing}")),
        _ if action(payload) == "dismissed" => (Kind::ReviewOther, format!("dismissed a review of {thing}")),
        _ => (Kind::ReviewOther, format!("changed a review of {thing}")),
    };
    Sketch {
        action: if handed_in && !state.is_empty() { state } else { String::new() },
        author: read::name(payload, &["/review/user/login"]),
        url: read::https(payload, &["/review/html_url", "/pull_request/html_url"]),
        size: Size::Written(read::written(read::text(payload, "/review/body"))),
        ..Sketch::new(kind, title)
    }
}

/// How a check or a workflow ended, and the words for it. Only the action `completed` ends one: a rerun still carries
/// the conclusion of the run before.
fn ending(payload: &Value, at: &str) -> (Option<bool>, String) {
    let status = read::text(payload, &format!("{at}/status")).unwrap_or_default();
    let conclusion = read::text(payload, &format!("{at}/conclusion")).unwrap_or_default();
    let completed = match action(payload) {
        "" => status == "completed",
        action => action == "completed",
    };
    match (completed, conclusion) {
        (true, "success") => (Some(true), "passed".to_owned()),
        (true, "failure") => (Some(false), "failed".to_owned()),
        (true, "") => (None, "ended".to_owned()),
        (true, other) => (None, format!("ended: {}", clean(&other.replace('_', " "), 40))),
        (false, _) => match action(payload) {
            "rerequested" => (None, "was asked to run again".to_owned()),
            _ if matches!(status, "" | "completed") => (None, "changed".to_owned()),
            _ => (None, format!("is {}", clean(&status.replace('_', " "), 40))),
        },
    }
}

fn check(payload: &Value) -> Sketch {
    let (passed, words) = ending(payload, "/check_run");
    let kind = match passed {
        Some(true) => Kind::CheckPassed,
        Some(false) => Kind::CheckFailed,
        None => Kind::CheckOther,
    };
    let name = read::name(payload, &["/check_run/name"]).map_or(String::new(), |name| format!(" {name}"));
    Sketch {
        impersonal: true,
        url: read::https(payload, &["/check_run/html_url", "/check_run/details_url"]),
        ..Sketch::new(kind, format!("Check{name} {words}"))
    }
}

fn workflow(payload: &Value) -> Sketch {
    let (passed, words) = ending(payload, "/workflow_run");
    let kind = match passed {
        Some(true) => Kind::WorkflowPassed,
        Some(false) => Kind::WorkflowFailed,
        None => Kind::WorkflowOther,
    };
    let name =
        read::name(payload, &["/workflow_run/name", "/workflow/name"]).map_or(String::new(), |name| format!(" {name}"));
    let branch =
        read::name(payload, &["/workflow_run/head_branch"]).map_or(String::new(), |branch| format!(" on {branch}"));
    Sketch {
        impersonal: true,
        author: read::name(payload, &["/workflow_run/actor/login"]),
        url: read::https(payload, &["/workflow_run/html_url"]),
        ..Sketch::new(kind, format!("Workflow{name} {words}{branch}"))
    }
}

fn deployment(payload: &Value) -> Sketch {
    let state = read::text(payload, "/deployment_status/state").unwrap_or_default();
    let (kind, words) = match state {
        "success" => (Kind::DeploymentSucceeded, "arrived".to_owned()),
        "failure" => (Kind::DeploymentFailed, "failed".to_owned()),
        "error" => (Kind::DeploymentErred, "broke".to_owned()),
        "" => (Kind::DeploymentOther, "changed".to_owned()),
        other => (Kind::DeploymentOther, format!("is {}", clean(&other.replace('_', " "), 40))),
    };
    let place = read::name(payload, &["/deployment_status/environment", "/deployment/environment"]);
    let place = place.map_or(String::new(), |place| format!(" to {place}"));
    Sketch {
        action: state.to_owned(),
        author: read::name(payload, &["/deployment/creator/login"]),
        impersonal: true,
        url: read::https(payload, &["/deployment_status/log_url", "/deployment_status/target_url"]),
        ..Sketch::new(kind, format!("Deployment{place} {words}"))
    }
}

fn issue(payload: &Value) -> Sketch {
    let thing = format!("issue{}", numbered(payload, "/issue", ""));
    let kind = match action(payload) {
        "opened" => Kind::IssueOpened,
        "closed" => Kind::IssueClosed,
        _ => Kind::IssueChanged,
    };
    Sketch {
        author: read::name(payload, &["/issue/user/login"]),
        url: read::https(payload, &["/issue/html_url"]),
        size: Size::Written(read::written(read::text(payload, "/issue/body"))),
        ..Sketch::new(kind, in_words(action(payload), &thing))
    }
}

fn comment(payload: &Value) -> Sketch {
    let is_pull_request = payload.pointer("/issue/pull_request").is_some_and(Value::is_object);
    let thing = if is_pull_request { "pull request" } else { "issue" };
    let thing = format!("{thing}{}", numbered(payload, "/issue", ""));
    let title = match action(payload) {
        "edited" => format!("edited a comment on {thing}"),
        "deleted" => format!("deleted a comment on {thing}"),
        _ => format!("commented on {thing}"),
    };
    Sketch {
        author: read::name(payload, &["/comment/user/login"]),
        url: read::https(payload, &["/comment/html_url", "/issue/html_url"]),
        size: Size::Written(read::written(read::text(payload, "/comment/body"))),
        ..Sketch::new(Kind::IssueComment, title)
    }
}

fn release(payload: &Value) -> Sketch {
    let kind = if action(payload) == "published" { Kind::ReleasePublished } else { Kind::ReleaseChanged };
    let name =
        read::name(payload, &["/release/name", "/release/tag_name"]).map_or(String::new(), |name| format!(" {name}"));
    Sketch {
        author: read::name(payload, &["/release/author/login"]),
        url: read::https(payload, &["/release/html_url"]),
        size: Size::Written(read::written(read::text(payload, "/release/body"))),
        ..Sketch::new(kind, in_words(action(payload), &format!("release{name}")))
    }
}

/// A star that is taken back makes no sound.
fn star(payload: &Value) -> Option<Sketch> {
    let name = read::name(payload, &["/repository/full_name"]).unwrap_or_else(|| "the repository".to_owned());
    (action(payload) == "created").then(|| Sketch::new(Kind::StarCreated, format!("starred {name}")))
}

fn fork(payload: &Value) -> Sketch {
    let to = read::name(payload, &["/forkee/full_name"]).map_or(String::new(), |name| format!(" to {name}"));
    Sketch {
        action: "created".to_owned(),
        url: read::https(payload, &["/forkee/html_url"]),
        ..Sketch::new(Kind::Forked, format!("forked the repository{to}"))
    }
}

fn create(payload: &Value) -> Option<Sketch> {
    let kind = match read::text(payload, "/ref_type")? {
        "branch" => Kind::BranchCreated,
        "tag" => Kind::TagCreated,
        _ => return None,
    };
    let what = if kind == Kind::TagCreated { "tag" } else { "branch" };
    let name = read::name(payload, &["/ref"]).map_or(String::new(), |name| format!(" {name}"));
    Some(Sketch { action: "created".to_owned(), ..Sketch::new(kind, format!("created {what}{name}")) })
}
