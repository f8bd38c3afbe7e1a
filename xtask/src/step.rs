//! One command after the other, each with its time; a failing one says how to repeat it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Says something between the steps.
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// Runs a command to its end with our output, and prints how long it took.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let line = shell_line(&command);
    say(&line);
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("cannot start: {line}"))?;
    let took = begun.elapsed().as_secs_f64();
    if !status.success() {
        bail!("failed after {took:.1} s ({status}). To repeat it:\n  {line}");
    }
    say(&format!("done in {took:.1} s"));
    Ok(())
}

/// Turns this process into the command, so that Ctrl-C and signals reach it and nobody else.
#[cfg(unix)]
pub(crate) fn become_it(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start: {}", shell_line(&command)))
}

/// Runs the command and ends as it ends.
#[cfg(not(unix))]
pub(crate) fn become_it(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start: {}", shell_line(&command)))?;
    std::process::exit(status.code().unwrap_or(1));
}

/// Whether a program of this name is on the path.
pub(crate) fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths)
        .any(|dir| ["", ".exe", ".cmd"].iter().any(|end| dir.join(format!("{program}{end}")).is_file()))
}

/// The command as one would type it at the root of the repository.
fn shell_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        let plain = !arg.is_empty() && arg.chars().all(|c| c.is_alphanumeric() || "-_=./:,+@".contains(c));
        // Writing to a String cannot fail.
        let _ = if plain { write!(line, " {arg}") } else { write!(line, " '{}'", arg.replace('\'', r"'\''")) };
    }
    match command.get_current_dir().and_then(|dir| dir.strip_prefix(crate::cargo::root()).ok()) {
        Some(dir) if !dir.as_os_str().is_empty() => format!("(cd {} && {line})", dir.display()),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_again() {
        let mut command = Command::new("/usr/bin/npm");
        command.args(["run", "it's"]).current_dir(crate::cargo::root().join("console"));
        assert_eq!(shell_line(&command), r"(cd console && npm run 'it'\''s')");
        assert_eq!(shell_line(&crate::cargo::command(&["build", "-p", "mainspring"])), "cargo build -p mainspring");
    }

    #[test]
    fn a_failing_step_says_how_to_repeat_it() {
        let mut command = Command::new("false");
        command.arg("really");
        let error = run(command).expect_err("false fails").to_string();
        assert!(error.ends_with("To repeat it:\n  false really"), "{error}");
    }
}
