//! The API against its own description, by Schemathesis (a property-based tester that we did not write): generated requests of
//! every operation find no 5xx, no status that the description does not name and no answer of another form.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::Server;
use tokio::process::Command;

/// Streams that never end, a wait that is asked for, and the way out of the session that all requests are made with.
const LEFT_OUT: &str = r"(/events/tail|/channels/.*/events|/radio/.*/(events|stream\..*)|/jobs/claim|/session/end)$";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
const PATIENCE: Duration = Duration::from_secs(280);

/// `cargo xtask test` installs it into `target/`; one on the path does as well.
fn program() -> PathBuf {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/schemathesis/bin/schemathesis");
    Some(PathBuf::from(installed)).filter(|path| path.exists()).unwrap_or_else(|| "schemathesis".into())
}

#[tokio::test]
async fn every_answer_is_as_the_description_says() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let seed = std::env::var("MAINSPRING_SEED").unwrap_or_else(|_| "1".to_owned());
    let examples = std::env::var("MAINSPRING_EXAMPLES").unwrap_or_else(|_| "8".to_owned());
    println!("seed {seed}, {examples} examples of each operation (MAINSPRING_SEED, MAINSPRING_EXAMPLES)");
    let run = Command::new(program())
        .args(["run", &format!("{}/api/v1/openapi.json", server.url())])
        .args(["--header", &format!("Cookie: {}", admin.cookie), "--header", "X-Mainspring-Console: 1"])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--exclude-path-regex", LEFT_OUT])
        .args(["--max-examples", &examples, "--seed", &seed, "--request-timeout", "20", "--continue-on-failure"])
        .args(["--warnings", "off"])
        .current_dir(server.data())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let run = tokio::time::timeout(PATIENCE, run).await.context("Schemathesis did not end")?;
    let run = run.context("Schemathesis is not installed: `cargo xtask test` installs it (python3 with venv)")?;
    let said = String::from_utf8_lossy(&run.stdout);
    let summary = said.split("Test cases:").nth(1).unwrap_or(&said);
    println!("{}", summary.trim());
    ensure!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    ensure!(reqwest::get(server.url() + "/readyz").await?.status() == 200, "it is not well afterwards");
    Ok(())
}
