//! A keep-alive HTTP/1.1 connection that costs the load generator next to nothing.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("no connection to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends a whole request and waits for the whole answer: its status and body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(end) = find(&self.answer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = parse(&self.answer[..head])?;
        while self.answer.len() < head + length {
            self.read_more().await?;
        }
        Ok((status, &self.answer[head..]))
    }

    /// The body of a page, as text.
    pub(crate) async fn get(&mut self, path: &str) -> Result<String> {
        let (status, body) = self.ask(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes()).await?;
        if status != 200 {
            bail!("GET {path}: {status}");
        }
        Ok(String::from_utf8_lossy(body).into_owned())
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.answer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// Status and length of the body. Our server says the length of every answer that the benches ask for.
fn parse(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head).context("the head of the answer is no text")?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    let lengths = text.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().and_then(|(_, length)| length.trim().parse().ok());
    Ok((status, length.context("the answer has no length")?))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\ncontent-length: 17\r\n\r\n";
        assert_eq!(parse(head).expect("a head"), (200, 17));
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
