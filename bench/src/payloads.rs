//! Deliveries as GitHub sends them. The payloads are real ones, of the npm package `@octokit/webhooks-examples` that the
//! end-to-end tests use too; in each delivery the id, the commit, the sender and the repository differ.

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{GitHub, Server};

const EXAMPLES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../e2e/web/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
);
/// What differs, as it stands in the payloads.
const COMMIT: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
const PERSON: &str = "21031067";
const REPOSITORY: &str = "\"full_name\":\"Codertocat/Hello-World\"";

/// A request, ready to be written to a socket.
pub(crate) struct Delivery {
    /// GitHub's id of it.
    pub(crate) id: String,
    pub(crate) request: Vec<u8>,
}

/// Signs deliveries to one server, ahead of time.
pub(crate) struct Sender {
    github: GitHub,
    address: String,
    repositories: usize,
    push: String,
    star: String,
    issue: String,
}

impl Sender {
    /// For that many repositories, in turn.
    pub(crate) fn new(server: &Server, repositories: usize) -> Result<Self> {
        let text =
            std::fs::read_to_string(EXAMPLES).context("the payloads are not installed: run `npm ci` in e2e/web")?;
        let groups: Vec<Value> = serde_json::from_str(&text)?;
        let example = |event: &str, marks: &[&str]| {
            let group = groups.iter().find(|group| group["name"] == event);
            let mut payloads =
                group.and_then(|group| group["examples"].as_array()).into_iter().flatten().map(Value::to_string);
            payloads
                .find(|text| marks.iter().all(|mark| text.contains(mark)))
                .with_context(|| format!("no {event} to send"))
        };
        let (github, address) = (server.github(), server.address());
        let push = example("push", &["\"refs/heads/", COMMIT, PERSON, REPOSITORY])?;
        let star = example("star", &["\"created\"", PERSON, REPOSITORY])?;
        let issue = example("issues", &["\"opened\"", PERSON, REPOSITORY])?;
        Ok(Self { github, address, repositories, push, star, issue })
    }

    /// A push of one commit, about 8 KB.
    pub(crate) fn push(&self, number: usize) -> Delivery {
        self.delivery("push", &self.push, number)
    }

    /// A star or a new issue, in turn.
    pub(crate) fn small_event(&self, number: usize) -> Delivery {
        let (event, payload) = if number.is_multiple_of(2) { ("star", &self.star) } else { ("issues", &self.issue) };
        self.delivery(event, payload, number)
    }

    fn delivery(&self, event: &str, payload: &str, number: usize) -> Delivery {
        let repository = format!("\"full_name\":\"Codertocat/Hello-World-{}\"", number % self.repositories);
        let body = payload.replace(COMMIT, &format!("{:040x}", number + 1)).replace(REPOSITORY, &repository);
        let body = body.replace(PERSON, &format!("{}", 21_000_000 + number)).into_bytes();
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let (signature, length) = (self.github.sign(&body), body.len());
        let head = format!(
            "POST /in/github HTTP/1.1\r\nhost: {}\r\nuser-agent: GitHub-Hookshot/5bb2a4f\r\naccept: */*\r\n\
             content-type: application/json\r\nx-github-delivery: {id}\r\nx-github-event: {event}\r\n\
             x-github-hook-id: 292430182\r\nx-github-hook-installation-target-id: 79929171\r\n\
             x-github-hook-installation-target-type: repository\r\nx-hub-signature-256: {signature}\r\n\
             content-length: {length}\r\n\r\n",
            self.address
        );
        Delivery { id, request: [head.into_bytes(), body].concat() }
    }
}

/// The channel of the first repository's station.
pub(crate) const CHANNEL: &str = "radio:codertocat/hello-world-0";
