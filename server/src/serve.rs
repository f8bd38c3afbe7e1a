//! Opens the door, serves until a signal, closes in order.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kernel::{Clock, Entropy};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Role};
use crate::products::{Products, first_page};
use crate::wiring::{self, Machine};
use crate::{accept, backup, control, demo, doorman, gauges, live, telemetry, upkeep};

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
    let bound = listen.parse().map_err(anyhow::Error::from).and_then(|address| Ok(accept::listen(address)?));
    let listener = bound.with_context(|| format!("{listen} cannot be listened on; {HINT}"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    let (machine, router) = wiring::make(&config, products, &telemetry).await?;

    let stop = CancellationToken::new();
    // Ends last: the others' last words go out with it.
    let silence = CancellationToken::new();
    let telling = tokio::spawn(telemetry.run(machine.outbound.clone(), machine.ctx.store.clone(), silence.clone()));
    let control = tokio::spawn(control::listen(&config, &machine, address, stop.clone())?);
    // Ends behind the last connection: until then what is taken back ends what it opened.
    let empty = CancellationToken::new();
    let background = machine.run(&config, &stop, &empty);
    // Until nothing is led in any more.
    let resign = CancellationToken::new();
    let leading = tokio::spawn(machine.fleet.clone().run(resign.clone()));
    // Before anybody reads that it is ready: a signal then is one to stop gracefully.
    let mut signals = Signals::watch()?;
    greet(&config, &machine, address, (mode, products)).await?;
    tracing::info!(%address, startup_ms = begun.elapsed().as_secs_f64() * 1000.0, version = env!("CARGO_PKG_VERSION"), "ready");
    let demo = (mode == Mode::Demo).then(|| {
        tokio::spawn(demo::play(products, machine.webhooks.clone(), machine.ctx.entropy.clone(), stop.clone()))
    });

    let door = CancellationToken::new();
    let open = tokio::spawn(accept::accept(listener, router, accept::STALL, door.clone()));
    signals.next().await;
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("second signal: ending at once");
        std::process::exit(1);
    });
    tracing::info!("stopping");
    machine.health.drain();
    tokio::time::sleep(Duration::from_secs(config.server.drain_wait_s)).await;
    let grace = Duration::from_secs(config.server.grace_s);
    stop.cancel();
    machine.ctx.hub.drain(config.drain_window()).await;
    empty.cancel();
    // Who was in a channel here has left now, not when the others miss this process.
    machine.bus.depart().await;
    door.cancel();
    if tokio::time::timeout(grace, open).await.is_err() {
        tracing::warn!("requests still open at the end of the grace time were cut");
    }
    machine.ctx.jobs.stop(grace).await;
    machine.ctx.events.stop().await;
    for task in background.into_iter().chain(demo).chain([control]) {
        // A task that panicked has said so; the others end with `stop`.
        let _ = task.await;
    }
    resign.cancel();
    let _ = leading.await;
    machine.ctx.store.close().await;
    tracing::info!("stopped");
    silence.cancel();
    if tokio::time::timeout(LAST_WORDS, telling).await.is_err() {
        tracing::warn!("traces or error reports were left unsent");
    }
    Ok(ExitCode::SUCCESS)
}

impl Machine {
    /// Every loop that is no reaction to the log, until `stop`; those that connections need, until the house is `empty`.
    fn run(&self, config: &Config, stop: &CancellationToken, empty: &CancellationToken) -> Vec<JoinHandle<()>> {
        let (ctx, stop) = (self.ctx.clone(), || stop.clone());
        let upkeep = upkeep::Parts {
            webhooks: self.webhooks.clone(),
            events: ctx.events.clone(),
            jobs: ctx.jobs.clone(),
            guard: self.guard.clone(),
            endpoints: self.endpoints.clone(),
        };
        let (hub, pings) = (ctx.hub.clone(), empty.clone());
        let rights = doorman::watch(self.identity.clone(), ctx.hub.clone(), empty.clone());
        let mut tasks = vec![
            tokio::spawn(self.health.clone().watch(stop())),
            tokio::spawn(self.live.clone().run(stop())),
            tokio::spawn(gauges::run(ctx.jobs.clone(), stop())),
            tokio::spawn(live::job_channels(ctx.jobs, ctx.hub, stop())),
            tokio::spawn(self.webhooks.clone().run(stop())),
            tokio::spawn(async move { hub.run(pings).await }),
            tokio::spawn(rights),
            tokio::spawn(self.slo.clone().run(stop())),
        ];
        tasks.extend(self.attendance.clone().map(|it| tokio::spawn(it.run(empty.clone()))));
        if config.server.does(Role::Scheduler) {
            let backups = backup::run(
                (ctx.store, ctx.objects),
                backup::directory(config),
                config.backup.clone(),
                ctx.clock,
                stop(),
            );
            tasks.push(tokio::spawn(self.schedules.clone().run(stop())));
            let (fleet, keep, end) = (self.fleet.clone(), config.retention.clone(), stop());
            tasks.push(tokio::spawn(async move {
                fleet.while_leading("upkeep", &end, || upkeep::run(upkeep.clone(), keep.clone(), end.clone())).await;
            }));
            tasks.push(tokio::spawn(backups));
        }
        tasks
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
    if !config.server.does(Role::Api) {
        let roles: Vec<_> = config.server.roles.iter().map(|role| role.name()).collect();
        eprintln!("Roles:   {}", roles.join(", "));
        return Ok(());
    }
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

/// What asks this process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn watch() -> Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("signals cannot be watched")?;
        let interrupt = signal(SignalKind::interrupt()).context("signals cannot be watched")?;
        Ok(Self { terminate, interrupt })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
