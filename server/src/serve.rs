//! Opens the door, serves until a signal, closes in order.

use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use kernel::{Clock, Entropy, limits};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::config::Config;
use crate::edge::Peer;
use crate::products::{Products, first_page};
use crate::wiring::{self, Machine};
use crate::{backup, control, demo, telemetry, upkeep};

/// Whether sample activity is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only what comes from outside.
    Plain,
    /// A sample repository is busy.
    Demo,
}

/// The address that was given has another owner, or is not ours.
const HINT: &str = "choose another with --listen 127.0.0.1:PORT";

/// Traces and error reports that are still to be sent at the end get so long.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT; a second signal ends it at once.
///
/// # Errors
/// When the settings, the data directory or the address cannot be used.
pub async fn serve(config: Config, mode: Mode, products: Products) -> Result<ExitCode> {
    let begun = Instant::now();
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let telemetry = telemetry::install(&config.log, |name| std::env::var(name).ok(), &clock, &entropy)?;
    let listen = &config.server.listen;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened on; {HINT}"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    let (machine, router) = wiring::make(&config, products, &telemetry).await?;

    let stop = CancellationToken::new();
    // Ends last: the others' last words go out with it.
    let silence = CancellationToken::new();
    let telling = tokio::spawn(telemetry.run(machine.outbound.clone(), silence.clone()));
    let control = control::listen(&config, &machine, address, stop.clone())?;
    let background = [
        tokio::spawn(machine.health.clone().watch(stop.clone())),
        tokio::spawn(machine.live.clone().run(stop.clone())),
        tokio::spawn(machine.webhooks.clone().run(stop.clone())),
        tokio::spawn(machine.schedules.clone().run(stop.clone())),
        tokio::spawn(beat(machine.ctx.hub.clone(), stop.clone())),
        tokio::spawn(upkeep::run(machine.upkeep(), config.retention.clone(), stop.clone())),
        tokio::spawn(machine.slo.clone().run(stop.clone())),
        tokio::spawn(backup::run(
            machine.ctx.store.clone(),
            backup::directory(&config),
            config.backup.clone(),
            clock.clone(),
            stop.clone(),
        )),
        tokio::spawn(control),
    ];
    greet(&config, &machine, address, (mode, products)).await?;
    tracing::info!(%address, startup_ms = begun.elapsed().as_secs_f64() * 1000.0, version = env!("CARGO_PKG_VERSION"), "ready");
    let demo = (mode == Mode::Demo).then(|| {
        tokio::spawn(demo::play(products, machine.webhooks.clone(), machine.ctx.entropy.clone(), stop.clone()))
    });

    let door = CancellationToken::new();
    let open = tokio::spawn(accept(listener, router, door.clone()));
    wait_for_signal().await?;
    tokio::spawn(async {
        if wait_for_signal().await.is_ok() {
            tracing::warn!("second signal: ending at once");
            std::process::exit(1);
        }
    });
    tracing::info!("stopping");
    machine.health.drain();
    tokio::time::sleep(Duration::from_secs(config.server.drain_wait_s)).await;
    let grace = Duration::from_secs(config.server.grace_s);
    stop.cancel();
    machine.ctx.hub.drain().await;
    door.cancel();
    if tokio::time::timeout(grace, open).await.is_err() {
        tracing::warn!("requests still open at the end of the grace time were cut");
    }
    machine.ctx.jobs.stop(grace).await;
    machine.ctx.events.stop().await;
    for task in background.into_iter().chain(demo) {
        // A task that panicked has said so; the others end with `stop`.
        let _ = task.await;
    }
    machine.ctx.store.close().await;
    tracing::info!("stopped");
    silence.cancel();
    if tokio::time::timeout(LAST_WORDS, telling).await.is_err() {
        tracing::warn!("traces or error reports were left unsent");
    }
    Ok(ExitCode::SUCCESS)
}

/// Pings and time-outs of realtime connections.
async fn beat(hub: realtime::Hub, stop: CancellationToken) {
    hub.run(stop).await;
}

impl Machine {
    fn upkeep(&self) -> upkeep::Parts {
        upkeep::Parts {
            webhooks: self.webhooks.clone(),
            events: self.ctx.events.clone(),
            jobs: self.ctx.jobs.clone(),
            guard: self.guard.clone(),
            endpoints: self.endpoints.clone(),
        }
    }
}

/// The lines for whoever started it. They go to standard error: standard output is the log, and a link is a secret.
async fn greet(
    config: &Config,
    machine: &Machine,
    address: SocketAddr,
    (mode, products): (Mode, Products),
) -> Result<()> {
    let base = control::base_url(config, address);
    eprintln!("Mainspring {} is ready: {base}", env!("CARGO_PKG_VERSION"));
    if machine.identity.has_sessions().await? {
        eprintln!("Console: {base}/console (a new link: mainspring admin-link)");
    } else {
        let link = machine.identity.make_link().await?;
        eprintln!("Console: {base}/console/enter/{} (works once, for 15 minutes)", link.expose());
    }
    let page = if mode == Mode::Demo { demo::page(products) } else { first_page(&products()) };
    if let Some(page) = page {
        eprintln!("Listen:  {base}{page}");
    }
    Ok(())
}

async fn wait_for_signal() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be watched")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Accepts until told to stop, then lets open requests finish.
async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(limits::CONNECTIONS));
    loop {
        let Some(place) = stop.run_until_cancelled(places.clone().acquire_owned()).await else { break };
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                let served = connection(stream, peer, router.clone(), stop.clone());
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

/// Serves one connection; at the stop, what it is answering is finished and nothing more is read.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // Small answers must not wait for more bytes to come.
    let _ = stream.set_nodelay(true);
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
