//! Neither errors nor logs hold an address: its path and query may be secrets.

use std::io;
use std::sync::{Arc, Mutex};

use outbound::Policy;
use tokio::net::TcpListener;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{SOON, Server, Then, answer, get, plain};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_of_an_address_is_logged_or_told() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let fine = Server::saying(answer("200 OK", "", b"ok"), Then::Next).await;
    let silent = Server::saying("", Then::Silence).await;
    let broken = Server::saying("HTTP/1.1 2", Then::End).await;
    let mut errors = Vec::new();
    for base in [closed, fine.url(""), silent.url(""), broken.url(""), format!("https://{}", fine.address)] {
        let url = format!("{base}/hooks/hunter2-path?token=hunter2-query");
        for policy in [Policy::Operator, Policy::Public] {
            let request = get(policy, &url).timeout(SOON);
            errors.push(format!("{request:?} {:?}", plain().send(request.clone()).await.map(|answer| answer.status)));
        }
    }
    for url in ["http://hunter2-user:hunter2-password@example.org/", "hunter2://x", "http://hunter2 x/"] {
        errors.push(format!("{:?}", plain().send(get(Policy::Operator, url)).await.expect_err("refused").to_string()));
    }
    let log = String::from_utf8(log.0.lock().expect("a lock").clone()).expect("text");
    assert!(log.contains("request out"), "it was logged at all: {log}");
    for text in errors.iter().chain([&log]) {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
