//! A server of somebody else on this machine: it tells what it was asked, and answers as a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::within;

/// A question: its method and path, and the fields of its form.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) line: String,
    pub(crate) form: Vec<(String, String)>,
}

impl Question {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

pub(crate) struct Elsewhere {
    address: SocketAddr,
    questions: mpsc::UnboundedReceiver<Question>,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Elsewhere {
    pub(crate) async fn that_answers(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = Arc::new(Mutex::new((status, body.to_owned())));
        let (say, questions) = mpsc::unbounded_channel();
        let shared = answer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone(), say.clone()));
            }
        });
        Self { address, questions, answer }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/there", self.address)
    }

    pub(crate) fn now_answers(&self, status: u16, body: &str) {
        *self.answer.lock().expect("a lock") = (status, body.to_owned());
    }

    pub(crate) async fn next(&mut self) -> Question {
        within(self.questions.recv()).await.expect("it listens")
    }

    /// What was asked and not looked at yet.
    pub(crate) fn rest(&mut self) -> Vec<Question> {
        std::iter::from_fn(|| self.questions.try_recv().ok()).collect()
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Mutex<(u16, String)>>, say: mpsc::UnboundedSender<Question>) {
    while let Some(question) = read(&mut stream).await {
        // A test that has heard enough may have gone.
        let _ = say.send(question);
        let (status, body) = answer.lock().expect("a lock").clone();
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Question> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.unwrap_or("0").parse().ok()?;
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let form = serde_urlencoded::from_bytes(&bytes[end..end + length]).ok()?;
    Some(Question { line: head.lines().next()?.to_owned(), form })
}
