//! The little of the Redis protocol (RESP2) that a test asks with.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A server that is paused answers nobody: whoever asks gives up after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends one command to 127.0.0.1 on a connection of its own: the texts and numbers of the answer, lists laid flat, without nils.
///
/// # Errors
/// When nobody answers in time, or the answer is an error.
pub(crate) fn ask(port: u16, command: &[&str]) -> Result<Vec<String>> {
    Ok(ask_each(port, &[command])?.concat())
}

/// Sends these one after the other on one connection: the answer of each.
///
/// # Errors
/// When one is not answered in time, or with an error.
pub(crate) fn ask_each(port: u16, commands: &[&[&str]]) -> Result<Vec<Vec<String>>> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut answers = BufReader::new(&stream);
    let answer = |command: &&[&str]| {
        let mut request = format!("*{}\r\n", command.len());
        for word in *command {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        (&stream).write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        read(&mut answers, &mut answer).with_context(|| format!("127.0.0.1:{port} was asked {command:?}"))?;
        Ok(answer)
    };
    commands.iter().map(answer).collect()
}

fn read(from: &mut impl BufRead, into: &mut Vec<String>) -> Result<()> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let (kind, rest) = line.trim_end().split_at_checked(1).context("the connection was closed")?;
    match kind {
        "+" | ":" => into.push(rest.to_owned()),
        "-" => bail!("{rest}"),
        // A length of -1 is nil.
        "$" => {
            if let Ok(length) = rest.parse::<usize>() {
                let mut text = vec![0; length + 2];
                from.read_exact(&mut text)?;
                into.push(String::from_utf8_lossy(&text[..length]).into_owned());
            }
        }
        "*" => {
            for _ in 0..rest.parse::<usize>().unwrap_or_default() {
                read(from, into)?;
            }
        }
        _ => bail!("{line:?} is no answer"),
    }
    Ok(())
}
