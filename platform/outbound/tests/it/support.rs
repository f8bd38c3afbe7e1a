//! A server that says what a test wants, byte by byte, and a resolver that changes its mind.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use outbound::{Looked, Lookup, Outbound, Policy, Request, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Long for a machine, short for a person.
pub(crate) const SOON: Duration = Duration::from_millis(300);

/// Listens on this machine; every request on every connection gets the same bytes, and then silence or the end.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

/// What follows the answer's bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next request may come.
    Next,
    /// The connection ends.
    End,
    /// Nothing, for as long as the other side waits.
    Silence,
}

impl Server {
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (connections, heard) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let answer: Arc<[u8]> = answer.into().into();
        let (counted, ear) = (connections.clone(), heard.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (answer, ear) = (answer.clone(), ear.clone());
                tokio::spawn(async move {
                    let mut said = vec![0; 64 * 1024];
                    loop {
                        match stream.read(&mut said).await {
                            Ok(0) | Err(_) => return,
                            Ok(n) => ear.lock().expect("a lock").push(String::from_utf8_lossy(&said[..n]).into_owned()),
                        }
                        if stream.write_all(&answer).await.is_err() || then == Then::End {
                            return;
                        }
                        if then == Then::Silence {
                            // Until the other side has had enough.
                            let _ = stream.read(&mut said).await;
                            return;
                        }
                    }
                });
            }
        });
        Self { address, connections, heard }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Connections that were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn heard(&self) -> String {
        self.heard.lock().expect("a lock").concat()
    }
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Answers each lookup with the next line; the last one stays.
pub(crate) struct Fickle(Mutex<VecDeque<Vec<IpAddr>>>);

impl Fickle {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |line: &&[&str]| line.iter().map(|ip| ip.parse().expect("an address")).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Lookup for Fickle {
    fn addresses(&self, _: &str) -> Looked {
        let mut answers = self.0.lock().expect("a lock");
        let found = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { found.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

pub(crate) fn client(lookup: Arc<dyn Lookup>, allow: &[&str]) -> Outbound {
    let allow_private = allow.iter().map(|net| net.parse().expect("a network")).collect();
    Outbound::new(Settings { allow_private, lookup, ..Settings::default() })
}

/// A client for an operator's addresses.
pub(crate) fn plain() -> Outbound {
    Outbound::new(Settings::default())
}

pub(crate) fn get(policy: Policy, url: impl Into<String>) -> Request {
    Request::new("test", policy, Method::GET, url)
}

/// `bytes` zeros, packed: a thousandth of that.
pub(crate) fn bomb(bytes: u64) -> Vec<u8> {
    let mut packed = Vec::new();
    let zeros = io::repeat(0).take(bytes);
    flate2::read::GzEncoder::new(zeros, flate2::Compression::best()).read_to_end(&mut packed).expect("packed");
    packed
}
