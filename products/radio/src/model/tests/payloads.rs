//! What strangers send: odd, broken and hostile payloads are understood as far as they go, and never hurt.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::read::clean;
use super::*;

const TYPES: [&str; 13] = [
    "push",
    "pull_request",
    "pull_request_review",
    "check_run",
    "deployment_status",
    "issues",
    "issue_comment",
    "workflow_run",
    "release",
    "star",
    "fork",
    "create",
    "ping",
];

fn title(event_type: &str, payload: &Value) -> String {
    hear(event_type, payload).expect("heard").title
}

#[test]
fn titles_read_like_sentences() {
    let told = |sample| heard(sample).title;
    assert_eq!(told("push"), "alice pushed 3 commits to main");
    assert_eq!(told("force_push"), "dave force-pushed 2 commits to main");
    assert_eq!(told("branch_deleted"), "bob deleted branch old-door");
    assert_eq!(told("pull_request_opened"), "bob opened pull request #42: A door that opens both ways");
    assert_eq!(told("pull_request_closed"), "alice closed pull request #42 unmerged: A door that opens both ways");
    assert_eq!(told("pull_request_updated"), "bob updated pull request #42: A door that opens both ways");
    assert_eq!(told("changes_requested"), "carol asked for changes in pull request #42: A door that opens both ways");
    assert_eq!(told("check_failure"), "Check tests failed");
    assert_eq!(told("workflow_running"), "Workflow tests is in progress on main");
    assert_eq!(told("deployment_error"), "Deployment to production broke");
    assert_eq!(told("issue_comment"), "grace commented on issue #17: The door squeaks");
    assert_eq!(told("release_published"), "alice published release 1.2.0, the quiet door");
    assert_eq!(told("fork"), "ivan forked the repository to ivan/garden");
    assert_eq!(told("tag_created"), "alice created tag v1.2.0");
}

#[test]
fn a_deleted_branch_is_quiet_activity() {
    let payload =
        json!({ "ref": "refs/heads/a/b", "deleted": true, "forced": true, "head_commit": null, "commits": [] });
    let heard = hear("push", &payload).expect("heard");
    assert_eq!((heard.kind, heard.mood, commits(&heard)), (Kind::BranchDeleted, Mood::Activity, 0));
    assert_eq!((heard.title.as_str(), heard.action.as_str()), ("Someone deleted branch a/b", "deleted"));
}

#[test]
fn pushes_without_commits_and_of_tags_have_their_own_words() {
    let push =
        |git_ref: &str, created: bool| json!({ "ref": git_ref, "created": created, "sender": { "login": "bob" } });
    assert_eq!(title("push", &push("refs/heads/x", true)), "bob created branch x");
    assert_eq!(title("push", &push("refs/heads/x", false)), "bob moved branch x");
    assert_eq!(title("push", &push("refs/tags/v1", true)), "bob created tag v1");
    let one = json!({ "ref": "refs/heads/x", "commits": [{ "message": "Fix it\n\nLong story" }] });
    assert_eq!(title("push", &one), "Someone pushed 1 commit to x: Fix it");
}

#[test]
fn a_commit_counts_once_wherever_it_is_pushed() {
    let payload = json!({ "commits": [{ "distinct": true }, { "distinct": false }, {}] });
    let heard = hear("push", &payload).expect("heard");
    assert_eq!((heard.commits, commits(&heard)), (3, 2));
}

#[test]
fn one_person_with_two_spellings_is_one_author() {
    let by = |author: Value| json!({ "author": author });
    let payload = json!({ "commits": [
        by(json!({ "username": "Alice" })), by(json!({ "username": "alice", "email": "a@example.org" })),
        by(json!({ "email": "bob@example.org" })), by(json!(null)),
    ] });
    assert_eq!(hear("push", &payload).expect("heard").authors, 2);
}

#[test]
fn languages_by_any_name_are_known() {
    let of =
        |language: Value| hear("fork", &json!({ "repository": { "language": language } })).expect("heard").language;
    assert_eq!(of(json!("golang")).expect("known").name, "Go");
    assert_eq!(of(json!("Vim Script")).expect("kept").name, "Vim Script");
    assert_eq!(of(json!(null)), None);
    assert_eq!(of(json!("")), None);
}

#[test]
fn an_edited_approval_approves_nothing() {
    let payload = json!({ "action": "edited", "review": { "state": "approved" } });
    assert_eq!(hear("pull_request_review", &payload).expect("heard").kind, Kind::ReviewOther);
    let shouted = json!({ "action": "submitted", "review": { "state": "APPROVED" } });
    assert_eq!(hear("pull_request_review", &shouted).expect("heard").kind, Kind::ReviewApproved);
}

#[test]
fn text_becomes_plain_and_short() {
    assert_eq!(clean("  a \n\t b\u{0}c\u{202e}d  ", 60), "a bcd");
    assert_eq!(clean("abcdef", 6), "abcdef");
    assert_eq!(clean("abcdefg", 6), "abcde…");
    assert_eq!(clean("ab cdefg", 5), "ab c…");
    assert_eq!(clean("\u{1b}[31mred", 60), "[31mred");
    let payload = json!({ "action": "opened", "issue": { "number": 1, "title": "x".repeat(100_000) } });
    assert_eq!(title("issues", &payload).chars().count(), 200);
}

#[test]
fn only_plain_https_addresses_pass() {
    let of = |url: &str| hear("issues", &json!({ "issue": { "html_url": url } })).expect("heard").url;
    assert_eq!(of("https://github.com/a/b").as_deref(), Some("https://github.com/a/b"));
    let long = format!("https://x/{}", "y".repeat(5000));
    for bad in ["http://x", "javascript:alert(1)", "HTTPS://x", "https://", " https://x", "https://x\"onload", &long] {
        assert_eq!(of(bad), None, "{bad}");
    }
}

#[test]
fn stations_are_repositories() {
    let of = |name: Value| station_of(&json!({ "repository": { "full_name": name } }));
    assert_eq!(
        of(json!("Octo-Cat/Hello_World.js")),
        Some(("octo-cat/hello_world.js".into(), "Octo-Cat/Hello_World.js".into()))
    );
    let long = format!("a/{}", "b".repeat(101));
    for bad in ["", "a", "a/", "/b", "a/b/c", "a/..", "./b", "a b/c", "a/ü", "a/b\n", &long] {
        assert_eq!(of(json!(bad)), None, "{bad}");
    }
    assert_eq!(of(json!(7)), None);
    assert_eq!(station_of(&json!(null)), None);
    assert!(valid_station("rust-lang", "rust.vim") && !valid_station("rust-lang", "."));
}

#[test]
fn huge_and_absurd_numbers_are_bounded() {
    for number in [json!(u64::MAX), json!(1e300), json!(-5), json!("12"), json!(null), json!([1])] {
        let payload = json!({ "action": "opened", "pull_request": { "number": number, "additions": number, "deletions": number } });
        let phrase = compose(&hear("pull_request", &payload).expect("heard"), &surroundings("x", u32::MAX));
        assert!(phrase.duration_s <= 8.0 && phrase.intensity <= 1.0);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        prop::sample::select(vec!["opened", "closed", "completed", "success", "https://x", "refs/heads/x"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec![
                "action",
                "pull_request",
                "commits",
                "author",
                "sender",
                "repository",
                "review",
                "check_run",
                "ref",
                "issue",
                "language",
                "forced",
                "title",
                "number",
                "state",
                "release",
                "html_url",
                "added",
            ])
            .prop_map(str::to_owned),
            "[a-z_]{1,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every place in a payload, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), all)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), all))
        }
        _ => {}
    }
}

/// Whatever is heard keeps its promises and can be played.
fn assert_playable(event_type: &str, payload: &Value) {
    let _ = station_of(payload);
    let Some(heard) = hear(event_type, payload) else { return };
    assert!(heard.title.chars().count() <= 200 && !heard.title.contains(char::is_control), "{}", heard.title);
    assert!((0.0..=1.0).contains(&heard.intensity));
    assert!(heard.url.iter().all(|url| url.starts_with("https://")));
    assert!(heard.actor.iter().chain(&heard.author).all(|name| (1..=60).contains(&name.chars().count())));
    let phrase = serde_json::to_value(compose(&heard, &surroundings("x", 7))).expect("JSON");
    assert_eq!(schema::faults(&phrase), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_json_is_safe_to_hear(event_type in prop::sample::select(TYPES.to_vec()), payload in any_json()) {
        assert_playable(event_type, &payload);
    }

    #[test]
    fn a_mutated_payload_is_safe_to_hear(
        sample in prop::sample::select(samples::ALL),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        let (event_type, mut payload) = samples::payload(sample.name, "octocat/hello-world").expect("a sample");
        for (index, change) in changes {
            let mut all = Vec::new();
            places(&payload, "", &mut all);
            if let Some(place) = payload.pointer_mut(index.get(&all).as_str()) {
                *place = change;
            }
        }
        assert_playable(event_type, &payload);
    }

    #[test]
    fn clean_text_is_bounded(text in "\\PC{0,80}|.{0,80}", max in 1usize..40) {
        let plain = clean(&text, max);
        prop_assert!(plain.chars().count() <= max && !plain.contains(char::is_control) && plain.trim() == plain);
    }
}
