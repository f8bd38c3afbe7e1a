//! A mail server (RFC 5321, as far as a client of ours needs it): it records, refuses, stalls and dies where a test says so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the server does with a letter; without a word it takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Takes it.
    Takes,
    /// Answers the recipient so.
    Says(&'static str),
    /// Answers the whole letter so.
    SaysAtTheEnd(&'static str),
    /// Has the whole letter, and never says so.
    Stalls,
    /// Has the whole letter, and is gone before it says so.
    Dies,
    /// Is gone in the middle of the letter.
    DiesMidway,
}

/// What happened at the server.
#[derive(Debug)]
pub(crate) enum Saw {
    /// A connection was opened: the how manieth.
    Connection(usize),
    /// A letter came, and this was done with it.
    Letter(Does, String),
    /// Somebody signed in with this (`AUTH PLAIN`, decoded by nobody).
    Auth(String),
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    does: Mutex<VecDeque<Does>>,
    /// What `EHLO` offers, a line each.
    offers: &'static [&'static str],
    /// The answer to `AUTH`.
    auth: Mutex<&'static str>,
    saw: mpsc::Sender<Saw>,
}

impl Server {
    pub(crate) async fn new(offers: &'static [&'static str]) -> (Self, mpsc::Receiver<Saw>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (saw, seen) = mpsc::channel(1_000);
        let (does, auth) = (Mutex::default(), Mutex::new("235 2.7.0 in"));
        let inner = Arc::new(Inner { does, offers, auth, saw });
        let server = Self { port, inner: inner.clone() };
        tokio::spawn(async move {
            let mut connections = 0;
            while let Ok((socket, _)) = listener.accept().await {
                connections += 1;
                let _ = inner.saw.send(Saw::Connection(connections)).await;
                let inner = inner.clone();
                tokio::spawn(async move { inner.talk(socket).await });
            }
        });
        (server, seen)
    }

    /// What it does with the next letters.
    pub(crate) fn next(&self, does: &[Does]) {
        self.inner.does.lock().expect("unpoisoned").extend(does);
    }

    pub(crate) fn answers_auth(&self, line: &'static str) {
        *self.inner.auth.lock().expect("unpoisoned") = line;
    }
}

impl Inner {
    /// Until the client goes, or this side does.
    async fn talk(&self, socket: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(socket);
        say(&mut stream, "220 mail.test ready").await?;
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" => {
                    let mut lines: Vec<&str> = vec!["mail.test"];
                    lines.extend(self.offers);
                    let last = lines.len() - 1;
                    let text: Vec<_> = lines
                        .iter()
                        .enumerate()
                        .map(|(n, line)| format!("250{}{line}", if n == last { ' ' } else { '-' }))
                        .collect();
                    say(&mut stream, &text.join("\r\n")).await?;
                }
                "AUTH" => {
                    let answer = *self.auth.lock().expect("unpoisoned");
                    self.saw.send(Saw::Auth(line.trim().to_owned())).await.ok()?;
                    say(&mut stream, answer).await?;
                }
                "RCPT" => match self.refusal() {
                    Some(does @ Does::Says(answer)) => {
                        self.saw.send(Saw::Letter(does, line.trim().to_owned())).await.ok()?;
                        say(&mut stream, answer).await?;
                    }
                    _ => say(&mut stream, "250 2.1.5 fine").await?,
                },
                "DATA" => self.letter(&mut stream).await?,
                "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
                _ => say(&mut stream, "250 2.0.0 fine").await?,
            }
        }
    }

    /// What a recipient is answered, if it is refused.
    fn refusal(&self) -> Option<Does> {
        self.does.lock().expect("unpoisoned").pop_front_if(|does| matches!(does, Does::Says(_)))
    }

    async fn letter(&self, stream: &mut BufReader<TcpStream>) -> Option<()> {
        let does = self.does.lock().expect("unpoisoned").pop_front().unwrap_or(Does::Takes);
        say(stream, "354 go on").await?;
        let (mut text, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if does == Does::DiesMidway {
                self.saw.send(Saw::Letter(does, text)).await.ok()?;
                return None;
            }
            if line == ".\r\n" {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        self.saw.send(Saw::Letter(does, text)).await.ok()?;
        match does {
            Does::Dies => None,
            Does::Stalls => {
                line.clear();
                // Until the client has had enough.
                let _ = stream.read_line(&mut line).await;
                None
            }
            Does::SaysAtTheEnd(answer) => say(stream, answer).await,
            _ => say(stream, "250 2.0.0 taken").await,
        }
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> Option<()> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.ok()
}
