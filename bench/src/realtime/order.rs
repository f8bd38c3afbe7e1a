//! What a publisher is told to do: a line of four words on its standard input, answered by a line when it is done.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::http::Connection;
use crate::pace::Pace;

/// An order takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

const GOING: Duration = Duration::from_secs(5);

/// So many messages a second (0 for as fast as it goes), how many, their bytes, their channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    pub(crate) per_s: u32,
    pub(crate) count: u32,
    pub(crate) bytes: usize,
    pub(crate) channel: &'a str,
}

impl<'a> Order<'a> {
    pub(crate) fn read(line: &'a str) -> Result<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let [per_s, count, bytes, channel] = words[..] else { anyhow::bail!("no order: {line}") };
        Ok(Self { per_s: per_s.parse()?, count: count.parse()?, bytes: bytes.parse()?, channel })
    }

    /// The data of a message: JSON of this many bytes.
    pub(crate) fn data(&self) -> String {
        format!("{{\"text\":\"{}\"}}", "x".repeat(self.bytes.saturating_sub(11)))
    }
}

/// Who publishes.
pub(crate) enum Publisher {
    /// The server itself.
    Inside(Box<Inside>),
    /// Whoever posts to it.
    Posts(Connection),
}

/// A server that prints its address, and obeys.
pub(crate) struct Inside {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Inside {
    /// Starts it: itself, its address, its process.
    pub(crate) async fn start(mut command: Command) -> Result<(Self, String, u32)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let pid = child.id().context("it is gone")?;
        let orders = child.stdin.take().context("standard input")?;
        let mut answers = BufReader::new(child.stdout.take().context("standard output")?).lines();
        let address = answers.next_line().await?.context("it said no address")?;
        Ok((Self { child, orders, answers }, address, pid))
    }
}

impl Publisher {
    /// Publishes, and waits until that is done.
    pub(crate) async fn obey(&mut self, order: Order<'_>) -> Result<()> {
        let Order { per_s, count, bytes, channel } = order;
        match self {
            Self::Inside(server) => {
                server.orders.write_all(format!("{per_s} {count} {bytes} {channel}\n").as_bytes()).await?;
                let done = tokio::time::timeout(PATIENCE, server.answers.next_line()).await;
                done.with_context(|| format!("{order:?} is not done"))??.context("the server ended")?;
            }
            Self::Posts(connection) => {
                let data = order.data();
                let head =
                    format!("POST /pub/{channel} HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n", data.len());
                let request = [head.as_bytes(), data.as_bytes()].concat();
                let pace = (per_s > 0).then(|| Pace::start(per_s, count as usize));
                for _ in 0..count {
                    if let Some(pace) = &pace {
                        pace.next().await;
                    }
                    let (status, _) = connection.ask(&request).await?;
                    ensure!((200..300).contains(&status), "a message was answered with {status}");
                }
            }
        }
        Ok(())
    }

    /// Ends a server that it is.
    pub(crate) async fn end(self) -> Result<()> {
        if let Self::Inside(server) = self {
            let Inside { mut child, orders, .. } = *server;
            drop(orders);
            // A peer that does not go when it is told to is no finding of ours.
            match tokio::time::timeout(GOING, child.wait()).await {
                Ok(status) => ensure!(status?.success(), "the server ended badly"),
                Err(_) => child.kill().await?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_four_words() {
        let order = Order::read("25 250 100 bench:all").expect("an order");
        assert_eq!((order.per_s, order.count, order.channel, order.data().len()), (25, 250, "bench:all", 100));
        assert!(Order::read("25 250 100").is_err() && Order::read("x 250 100 bench:all").is_err());
    }
}
