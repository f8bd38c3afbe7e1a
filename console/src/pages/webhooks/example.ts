// A first webhook that anyone can send: signed as GitHub signs, by tools that are on every machine with a shell.

/** Stands in the example until the secret is revealed. */
export const SECRET_UNKNOWN = "paste-the-secret-here";

/** Text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A small push, complete enough for every product that listens to GitHub. No quote marks that a shell would take. */
export function examplePush(atIso: string): string {
  const message = "Teach the kettle to sing";
  const commit = {
    id: "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    message,
    timestamp: atIso,
    author: { name: "Octo Cat", username: "octocat" },
  };
  return JSON.stringify({
    ref: "refs/heads/main",
    before: "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d",
    after: commit.id,
    created: false,
    deleted: false,
    forced: false,
    compare: "https://github.com/octocat/hello-world/compare/7fd1a60b01f9...6dcb09b5b578",
    repository: {
      id: 1296269,
      name: "hello-world",
      full_name: "octocat/hello-world",
      html_url: "https://github.com/octocat/hello-world",
      language: "Rust",
      owner: { login: "octocat" },
    },
    pusher: { name: "octocat" },
    sender: { login: "octocat" },
    commits: [commit],
    head_commit: commit,
  });
}

/** The commands that sign the example and send it to a source of the `github` kind. */
export function signedCurl(address: string, secret: string | null, body: string): string {
  return [
    `secret=${shellWord(secret ?? SECRET_UNKNOWN)}`,
    `body=${shellWord(body)}`,
    `signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$secret" | sed 's/^.* //')`,
    `curl -i ${shellWord(address)} \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -H 'X-GitHub-Event: push' \\`,
    `  -H "X-GitHub-Delivery: try-$(date +%s)-$$" \\`,
    `  -H "X-Hub-Signature-256: sha256=$signature" \\`,
    `  --data-binary "$body"`,
  ].join("\n");
}
