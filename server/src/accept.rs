//! The front door: accepts connections, serves each, and lets what is open finish.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use kernel::limits;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::edge::Peer;

/// How long a client may take nothing of an answer.
pub(crate) const STALL: Duration = Duration::from_millis(limits::WRITE_STALL_MS);

/// Listens with room for a storm: when another process dies, all of its clients come within a moment. Whom the system has no room
/// for must knock again and again, each time after twice as long. The system has a bound of its own (`net.core.somaxconn`).
///
/// # Errors
/// When the address cannot be used.
pub(crate) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // As the usual way to bind does: a server that starts again takes the address of the one before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::WAITING_CONNECTIONS)?;
    TcpListener::from_std(socket.into())
}

/// Accepts until told to stop, then lets open requests finish. A client that takes nothing of an answer for `stall` is dropped.
pub(crate) async fn accept(listener: TcpListener, router: Router, stall: Duration, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(limits::CONNECTIONS));
    loop {
        let Some(place) = stop.run_until_cancelled(places.clone().acquire_owned()).await else { break };
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                let served = connection(stream, peer, router.clone(), stall, stop.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of files: the next accept would fail at once as well.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Without this, a client that stops reading keeps its connection, and the answer it does not read, for as long as it lives: its
/// system goes on confirming that it is there. The clock is the kernel's (RFC 5482, `tcp(7)`): it runs while bytes wait that the
/// client does not take, and begins anew whenever it takes some. So it costs nothing, and says nothing about an answer that has
/// nothing to send.
#[cfg(target_os = "linux")]
fn give_up_after(stream: &TcpStream, stall: Duration) -> std::io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(stall))
}

/// Elsewhere the system decides.
#[cfg(not(target_os = "linux"))]
fn give_up_after(_: &TcpStream, _: Duration) -> std::io::Result<()> {
    Ok(())
}

/// Serves one connection; at the stop, what it is answering is finished and nothing more is read.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stall: Duration, stop: CancellationToken) {
    // Small answers must not wait for more bytes to come. Both fail on a closed socket only.
    let _ = stream.set_nodelay(true);
    let _ = give_up_after(&stream, stall);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits::HEADER_MS))
        .max_buf_size(limits::HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::convert::Infallible;

    use axum::routing::get;
    use bytes::Bytes;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;

    const CHUNK: Bytes = Bytes::from_static(&[7; 64 * 1024]);
    const STALL: Duration = Duration::from_millis(1_500);
    const GUARD: Duration = Duration::from_secs(30);

    /// Tells when the answer that holds it is dropped.
    struct Held(mpsc::Sender<()>);

    impl Drop for Held {
        fn drop(&mut self) {
            let _ = self.0.try_send(());
        }
    }

    async fn serve(most: usize) -> (SocketAddr, mpsc::Receiver<()>, CancellationToken) {
        let (tell, dropped) = mpsc::channel(4);
        let answer = move || {
            let held = Held(tell.clone());
            async move {
                let chunks = stream::unfold((held, most), async |(held, left)| {
                    Some((Ok::<_, Infallible>(CHUNK), (held, left.checked_sub(1)?)))
                });
                Body::from_stream(chunks)
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, stop) = (listener.local_addr().expect("an address"), CancellationToken::new());
        let router = Router::new().route("/large", get(answer));
        tokio::spawn(accept(listener, router, STALL, stop.clone()));
        (address, dropped, stop)
    }

    async fn ask(address: SocketAddr) -> TcpStream {
        let mut client = TcpStream::connect(address).await.expect("connected");
        client.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("asked");
        client
    }

    #[tokio::test]
    async fn a_client_that_stops_reading_is_dropped_with_what_it_was_to_read() {
        let (address, mut dropped, _stop) = serve(usize::MAX).await;
        let begun = std::time::Instant::now();
        let mut client = ask(address).await;
        let mut first = [0; 1024];
        client.read_exact(&mut first).await.expect("the beginning");
        tokio::time::timeout(GUARD, dropped.recv()).await.expect("dropped").expect("told");
        assert!(begun.elapsed() >= STALL, "not before its time");
    }

    #[tokio::test]
    async fn a_slow_reader_that_goes_on_reading_gets_everything() {
        // More than the systems at both ends keep for one connection.
        let chunks = 400;
        let (address, _dropped, _stop) = serve(chunks).await;
        let begun = std::time::Instant::now();
        let mut client = ask(address).await;
        let (mut taken, mut buffer) = (0, vec![0; 4 * 1024 * 1024]);
        // A pause is longer than a third of what is allowed, and all of them together several times as long.
        let mut pause = tokio::time::interval(STALL / 3);
        loop {
            pause.tick().await;
            let until = tokio::time::Instant::now() + STALL / 30;
            let mut portion = 0;
            while let Ok(read) = tokio::time::timeout_at(until, client.read(&mut buffer[portion..])).await {
                let read = read.expect("not cut");
                portion += read;
                if read == 0 || portion == buffer.len() {
                    break;
                }
            }
            taken += portion;
            if portion == 0 {
                break;
            }
        }
        assert!(taken >= chunks * CHUNK.len(), "{taken}");
        assert!(begun.elapsed() > STALL * 2, "it was slow: {:?}", begun.elapsed());
    }
}
