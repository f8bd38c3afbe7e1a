//! Makes every part once, in the order of the arrows. It reads like the parts list of a machine.

use std::fs::File;
use std::sync::Arc;

use anyhow::{Context, Result};
use attendance::Attendance;
use axum::Router;
use bus::Bus;
use endpoints::Endpoints;
use events::{Events, Registry};
use fleet::Fleet;
use guard::Guard;
use host::{Ctx, Product};
use identity::Identity;
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy, SealKey};
use mail::Mail;
use outbound::Outbound;
use realtime::{Hub, Namespace, socketio};
use schedules::Schedules;
use slo::Slo;
use store::{Migration, Store};
use webhooks::{Sources, Webhooks};

use crate::config::{Config, Role, Surplus, days_ms};
use crate::doorman::Door;
use crate::health::Health;
use crate::products::Products;
use crate::telemetry::{Telemetry, level};
use crate::{alerts, doors, floors, keys, lifecycle, live, namespaces, overview, trust};

/// A made machine: its parts.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) ctx: Ctx,
    pub(crate) bus: Bus,
    pub(crate) fleet: Fleet,
    pub(crate) schedules: Schedules,
    pub(crate) identity: Identity,
    pub(crate) guard: Guard,
    pub(crate) sources: Sources,
    pub(crate) webhooks: Webhooks,
    pub(crate) endpoints: Endpoints,
    pub(crate) outbound: Outbound,
    pub(crate) slo: Slo,
    pub(crate) health: Health,
    pub(crate) level: level::LogLevel,
    pub(crate) overview: overview::Overview,
    pub(crate) live: live::Live,
    pub(crate) attendance: Option<Attendance>,
    /// Nobody else uses the data directory while it is held; the embedded store holds it by itself.
    _lock: Option<Arc<File>>,
}

/// Makes the machine and its router, and starts what reacts to the log; the door is opened by whoever serves the router.
pub(crate) async fn make(config: &Config, products: Products, telemetry: &Telemetry) -> Result<(Machine, Router)> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let products = products();

    let key = keys::open(config, &entropy)?;
    let lock = config.store.is_shared().then(|| store::lock(&config.server.data)).transpose()?;
    let store = floors::open_store(config, &products, &clock, &entropy).await?;
    floors::check_key(&store, &key, &entropy).await?;
    floors::attach_replica(config, &store).await?;
    let outbound = Outbound::new(config.outbound.settings());
    let identity = Identity::new(store.clone(), clock.clone(), entropy.clone(), key.clone());
    let identity = trust::open(config, identity, &outbound, &clock)?;
    let fleet = floors::join_fleet(config, &store, &clock, &entropy, holder()).await?;
    let (jobs, events) = open_log(config, &products, &store, &fleet, (&clock, &entropy)).await?;
    host::people::tell(&identity, &events);
    let bus = floors::open_bus(config, &store, &clock, &entropy).await?;
    let namespaces = open_namespaces(config, &products, &store)?;
    let hub = open_hub(config, &namespaces, &identity, &bus, (&clock, &entropy, &key));
    let objects = floors::open_objects(config, &outbound, &clock, &entropy)?;
    let mail = open_mail(config, &store, &jobs, &identity, (&clock, &entropy, &key))?;
    let ctx = Ctx { store, events, jobs, hub, identity, bus, objects, outbound, mail, key, clock, entropy };
    let Ctx { identity, bus, outbound, key, .. } = ctx.clone();

    let schedules = open_schedules(&ctx, &products).await?;
    schedules.led_by(fleet.clone());
    let guard = open_guard(config, &ctx.store, bus.clone(), (&ctx.clock, &ctx.entropy), &key)?;
    let sources = open_sources(&ctx, &key).await?;
    let webhooks = open_webhooks(config, &ctx, &sources)?;
    let endpoints = open_endpoints(config, &ctx, &outbound, &key);
    let slo = open_slo(config, telemetry, &ctx, &outbound);
    let health = Health::new(ctx.store.clone(), bus.clone(), ctx.clock.clone(), config.store.min_free_mb);
    let overview = overview::Overview::new(ctx.clone(), fleet.clone(), webhooks.clone(), health.clone(), holder());
    let live = live::Live::new(
        ctx.clone(),
        webhooks.clone(),
        overview.clone(),
        slo.clone(),
        schedules.clone(),
        endpoints.clone(),
    );
    let machine = Machine {
        attendance: lifecycle::open(config, &ctx, &fleet, &namespaces),
        ctx,
        bus,
        fleet,
        schedules,
        identity,
        guard,
        sources,
        webhooks,
        endpoints,
        outbound,
        slo,
        health,
        level: telemetry.level.clone(),
        overview,
        live,
        _lock: lock.map(Arc::new),
    };
    let router = doors::router(config, &products, telemetry, &machine);
    machine.start(config, products);
    Ok((machine, router))
}

impl Machine {
    /// Everything that reacts to the log, where that is this process's to do.
    fn start(&self, config: &Config, products: Vec<Product>) {
        if !config.server.does(Role::Worker) {
            return self.ctx.jobs.attend();
        }
        let handlers = products.into_iter().flat_map(|product| product.start(&self.ctx));
        let handlers = handlers
            .chain(self.webhooks.handlers())
            .chain(self.slo.handlers())
            .chain(self.ctx.mail.handlers())
            .chain(self.endpoints.start())
            .chain(self.ctx.events.handlers());
        self.ctx.jobs.serve(handlers.collect(), config.jobs.concurrency);
    }
}

/// Durable jobs, and the log that leads to them.
async fn open_log(
    config: &Config,
    products: &[Product],
    store: &Store,
    fleet: &Fleet,
    (clock, entropy): (&Clock, &Entropy),
) -> Result<(Jobs, Events)> {
    // A lock on the data directory proves that this is the only process; on a shared database, leases do.
    let life = if config.store.is_shared() { Life::Renewed } else { Life::Locked };
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), holder(), life)
        .await
        .context("the job engine cannot start")?;
    let registry = declared(config, products)?;
    let events = Events::new(store.clone(), jobs.clone(), clock.clone(), entropy.clone(), registry);
    events.led_by(fleet.clone());
    events.declare_streams().await.context("the streams cannot be declared")?;
    Ok((jobs, events))
}

/// The log over a data directory that no server has open: what is said in it, whoever starts next reacts to.
pub(crate) async fn open_log_alone(
    config: &Config,
    products: &[Product],
    store: &Store,
    (clock, entropy): (&Clock, &Entropy),
) -> Result<Events> {
    let life = if config.store.is_shared() { Life::Renewed } else { Life::Locked };
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), holder(), life).await?;
    Ok(Events::new(store.clone(), jobs, clock.clone(), entropy.clone(), declared(config, products)?))
}

/// How people are written to, by identity first of all.
fn open_mail(
    config: &Config,
    store: &Store,
    jobs: &Jobs,
    identity: &Identity,
    (clock, entropy, key): (&Clock, &Entropy, &SealKey),
) -> Result<Mail> {
    let parts = mail::Parts {
        store: store.clone(),
        jobs: jobs.clone(),
        identity: identity.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        key: key.clone(),
        base_url: config.base_url(&config.server.listen),
    };
    let mail = Mail::new(&config.mail.settings(), parts)?;
    mail.carry_for_identity();
    Ok(mail)
}

async fn open_schedules(ctx: &Ctx, products: &[Product]) -> Result<Schedules> {
    let schedules = Schedules::new(ctx.store.clone(), ctx.jobs.clone(), ctx.clock.clone(), ctx.entropy.clone());
    let declared = products.iter().flat_map(|it| it.schedule_list().iter().map(|schedule| (it.name(), *schedule)));
    schedules.declare(&declared.collect::<Vec<_>>()).await.context("a product's schedule cannot be declared")?;
    Ok(schedules)
}

/// What stands before every route, and records what the command line does.
pub(crate) fn open_guard(
    config: &Config,
    store: &Store,
    bus: Bus,
    (clock, entropy): (&Clock, &Entropy),
    key: &SealKey,
) -> Result<Guard> {
    let policies = config.limits.policies()?;
    Ok(Guard::new(store.clone(), bus, clock.clone(), entropy.clone(), key.clone(), policies))
}

async fn open_sources(ctx: &Ctx, key: &SealKey) -> Result<Sources> {
    let environment = |name: &str| std::env::var(name).ok();
    Ok(Sources::open(&ctx.store, key, &ctx.clock, &ctx.entropy, environment).await?)
}

fn open_webhooks(config: &Config, ctx: &Ctx, sources: &Sources) -> Result<Webhooks> {
    let Ctx { store, events, jobs, clock, entropy, .. } = ctx.clone();
    let webhooks = Webhooks::new(store, events, jobs, clock, entropy, sources.clone());
    let webhooks = webhooks.spool_in(&config.server.data).context("the spool of deliveries cannot be opened")?;
    webhooks.reach_out(ctx.outbound.clone(), &config.base_url(&config.server.listen));
    Ok(webhooks)
}

fn open_slo(config: &Config, telemetry: &Telemetry, ctx: &Ctx, outbound: &Outbound) -> Slo {
    Slo::new(slo::Setup {
        store: ctx.store.clone(),
        jobs: ctx.jobs.clone(),
        outbound: outbound.clone(),
        clock: ctx.clock.clone(),
        entropy: ctx.entropy.clone(),
        meter: telemetry.meter.clone(),
        targets: config.alerts.targets.clone(),
        base_url: config.base_url(&config.server.listen),
        bridge: alerts::bridge(ctx.events.clone()),
    })
}

/// Every table there is.
pub(crate) fn migrations(products: &[Product]) -> Vec<Migration> {
    let platform = [
        fleet::MIGRATIONS,
        identity::MIGRATIONS,
        guard::MIGRATIONS,
        jobs::MIGRATIONS,
        schedules::MIGRATIONS,
        events::MIGRATIONS,
        webhooks::MIGRATIONS,
        endpoints::MIGRATIONS,
        slo::MIGRATIONS,
        attendance::MIGRATIONS,
        floors::MIGRATIONS,
    ];
    platform.into_iter().chain(products.iter().map(Product::schema)).flatten().copied().collect()
}

fn open_endpoints(config: &Config, ctx: &Ctx, outbound: &Outbound, key: &SealKey) -> Endpoints {
    let disable_after_ms = days_ms(config.endpoints.disable_after_days);
    Endpoints::new(endpoints::Parts {
        store: ctx.store.clone(),
        jobs: ctx.jobs.clone(),
        events: ctx.events.clone(),
        outbound: outbound.clone(),
        clock: ctx.clock.clone(),
        entropy: ctx.entropy.clone(),
        key: key.clone(),
        settings: endpoints::Settings { disable_after_ms },
    })
}

fn declared(config: &Config, products: &[Product]) -> Result<Registry> {
    let mut registry = Registry::default();
    Webhooks::declare(&mut registry);
    Endpoints::declare(&mut registry);
    alerts::declare(&mut registry);
    Attendance::declare(&mut registry);
    host::people::declare(&mut registry);
    products.iter().for_each(|product| product.declare(&mut registry));
    for pattern in &config.events.open {
        registry.open(pattern).map_err(anyhow::Error::msg).context("the setting events.open")?;
    }
    registry.channel("jobs:job:{id}", "The progress of a job, and its result.");
    registry.channel("console:{what}", "What the console shows, as it changes.");
    Ok(registry)
}

/// Of the platform, of the products, and of the operator's own.
fn open_namespaces(config: &Config, products: &[Product], store: &Store) -> Result<Vec<Namespace>> {
    let jobs = Namespace::admin(live::JOBS).history(live::REPORTS, live::REPORTS_MS);
    let mut all = vec![Namespace::admin(live::NAMESPACE), jobs];
    all.extend(products.iter().flat_map(|product| product.channels(store)));
    lifecycle::told(config, namespaces::with(all, &config.realtime.namespaces)?)
}

fn open_hub(
    config: &Config,
    namespaces: &[Namespace],
    identity: &Identity,
    bus: &Bus,
    (clock, entropy, key): (&Clock, &Entropy, &SealKey),
) -> Hub {
    let doorman = Arc::new(Door(identity.clone()));
    let hub = Hub::new(bus.clone(), clock.clone(), entropy.clone(), doorman);
    config.realtime.allowed_origins.iter().for_each(|origin| hub.allow_origin(origin));
    hub.socketio_beat(config.realtime.socketio_beat());
    hub.socketio(socketio::Namespace::main(key.clone()));
    namespaces.iter().for_each(|namespace| hub.namespace(namespace.clone()));
    hub.connections_per_address(config.realtime.connections_per_address);
    let close_oldest = config.realtime.connections_per_person_policy == Surplus::CloseOldest;
    hub.connections_per_person(config.realtime.connections_per_person, close_oldest);
    hub
}

/// Who holds this process's lease, for people who look at the table.
fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}", host.trim(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each product brings. A change here is what a reviewer looks at.
    #[test]
    fn the_products_bring_what_they_are_known_for() {
        let summaries: Vec<_> = crate::products::all().iter().map(Product::summary).collect();
        let expected = host::Summary {
            name: "radio",
            events: vec!["radio.phrase", "radio.station"],
            reactions: vec!["github.* → radio.compose".into()],
            streams: vec!["radio.phrase → radio.air".into(), "radio.station → radio.doors".into()],
            jobs: vec![],
            schedules: vec![],
            pages: vec!["/radio", "/radio/{owner}/{repo}"],
        };
        let chat = host::Summary {
            name: "chat",
            events: vec![
                "chat.room.created",
                "chat.room.changed",
                "chat.room.deleted",
                "chat.member.joined",
                "chat.member.left",
                "chat.member.role",
                "chat.message.sent",
                "chat.message.edited",
                "chat.message.previewed",
                "chat.message.deleted",
                "chat.message.hidden",
                "chat.reaction.changed",
                "chat.receipt.moved",
                "chat.pin.changed",
                "chat.mine.changed",
                "chat.settings.changed",
                "chat.avatar.changed",
                "chat.status.changed",
            ],
            reactions: vec![
                "chat.message.sent → chat.notify".into(),
                "chat.message.edited → chat.notify_edited".into(),
                "chat.avatar.changed → chat.faces".into(),
                "chat.room.deleted → chat.sweep".into(),
                "user.deleted → chat.forget".into(),
            ],
            streams: vec![
                "chat.* → chat.carry".into(),
                "chat.* → chat.notices".into(),
                "realtime.* → chat.whereabouts".into(),
                "chat.status.changed → chat.statuses".into(),
                "chat.* → chat.count".into(),
            ],
            jobs: vec![
                "chat.push",
                "chat.digest",
                "chat.push.sweep",
                "chat.retention",
                "chat.sample",
                "chat.clear",
                "chat.preview",
            ],
            schedules: vec![
                "*/5 * * * * UTC → chat.digest".into(),
                "45 3 * * * UTC → chat.push.sweep".into(),
                "30 3 * * * UTC → chat.retention".into(),
                "* * * * * UTC → chat.sample".into(),
                "17 * * * * UTC → chat.clear".into(),
            ],
            pages: vec!["/chat", "/chat/{*path}"],
        };
        assert_eq!(summaries, [expected, chat]);
    }
}
