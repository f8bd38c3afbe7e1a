//! Pushes: the only event that brings commits and files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::events::{Sketch, language_of_repository};
use super::heard::{Language, LanguageFrom, Size};
use super::kinds::Kind;
use super::read;
use super::voices;

/// From this many commits on a push is large.
const BIG_PUSH: usize = 6;

pub(super) fn hear(payload: &Value) -> Sketch {
    let commits = read::list(payload, "/commits");
    let deleted = read::flag(payload, "/deleted");
    let created = read::flag(payload, "/created");
    let kind = match () {
        () if deleted => Kind::BranchDeleted,
        () if read::flag(payload, "/forced") => Kind::ForcePush,
        () if commits.len() >= BIG_PUSH => Kind::BigPush,
        () => Kind::Push,
    };
    let touches = commits.iter().flat_map(files).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let action = if deleted {
        "deleted"
    } else if created {
        "created"
    } else {
        "updated"
    };
    let repeated = |commit: &&Value| commit.get("distinct").and_then(Value::as_bool) == Some(false);
    Sketch {
        action: action.to_owned(),
        author: author(payload, commits),
        url: read::https(
            payload,
            if deleted { &["/repository/html_url"] } else { &["/compare", "/repository/html_url"] },
        ),
        size: if touches > 0 { Size::Touched(count(touches)) } else { Size::Nothing },
        files: count(touches),
        language: language(commits).or_else(|| language_of_repository(payload)),
        authors: count(authors(commits)).max(1),
        commits: count(commits.len()),
        fresh_commits: count(commits.len() - commits.iter().filter(repeated).count()),
        ..Sketch::new(kind, title(kind, payload, commits))
    }
}

/// Everything after "octocat ".
fn title(kind: Kind, payload: &Value, commits: &[Value]) -> String {
    let git_ref = read::text(payload, "/ref").unwrap_or_default();
    let (what, place) = match git_ref.strip_prefix("refs/tags/") {
        Some(tag) => ("tag", tag),
        None => ("branch", git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref)),
    };
    let place = read::clean(place, read::NAME_MAX);
    let number = match commits.len() {
        1 => "1 commit".to_owned(),
        many => format!("{many} commits"),
    };
    match (kind, commits) {
        (Kind::BranchDeleted, _) => format!("deleted {what} {place}"),
        (Kind::ForcePush, []) => format!("force-pushed {what} {place}"),
        (Kind::ForcePush, _) => format!("force-pushed {number} to {place}"),
        (_, []) if read::flag(payload, "/created") => format!("created {what} {place}"),
        (_, []) => format!("moved {what} {place}"),
        (_, [only]) => match read::text(only, "/message").and_then(|message| message.trim().lines().next()) {
            Some(message) => format!("pushed {number} to {place}: {message}"),
            None => format!("pushed {number} to {place}"),
        },
        _ => format!("pushed {number} to {place}"),
    }
}

/// Every file that a commit touches.
fn files(commit: &Value) -> impl Iterator<Item = &str> {
    let lists = ["/added", "/modified", "/removed"];
    lists.into_iter().flat_map(|pointer| read::list(commit, pointer)).filter_map(Value::as_str)
}

/// The language of most of the files; of two with the same number, the first by name.
fn language(commits: &[Value]) -> Option<Language> {
    let different: BTreeSet<&str> = commits.iter().flat_map(files).collect();
    let mut counts: BTreeMap<&'static str, u32> = BTreeMap::new();
    for language in different.iter().filter_map(|path| voices::language_of(path)) {
        *counts.entry(language).or_default() += 1;
    }
    let (name, of) = counts.into_iter().reduce(|most, next| if next.1 > most.1 { next } else { most })?;
    let total = u32::try_from(different.len()).unwrap_or(u32::MAX);
    Some(Language { name: name.to_owned(), from: LanguageFrom::Files { of, total } })
}

/// How many different people wrote the commits.
fn authors(commits: &[Value]) -> usize {
    let who = |commit| read::first(commit, &["/author/username", "/author/email", "/author/name"]);
    commits.iter().filter_map(who).map(str::to_lowercase).collect::<BTreeSet<_>>().len()
}

/// Who wrote the newest commit, else who pushed.
fn author(payload: &Value, commits: &[Value]) -> Option<String> {
    let names = ["/author/username", "/author/name"];
    let head = payload.get("head_commit").and_then(|commit| read::name(commit, &names));
    let newest = || commits.last().and_then(|commit| read::name(commit, &names));
    head.or_else(newest).or_else(|| read::name(payload, &["/pusher/name"]))
}
