//! Makes every part once, in the order of the arrows. It reads like the parts list of a machine.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use bus::Bus;
use events::{Events, Registry};
use guard::Guard;
use host::{Ctx, Product};
use identity::{Caller, Identity};
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy};
use realtime::{Hub, Namespace};
use store::{Migration, Store};
use webhooks::{Secrets, Webhooks};

use crate::config::Config;
use crate::health::{self, Health};
use crate::{edge, keys, live, openapi, overview, pages, products, telemetry};

/// A made machine: its parts, and the router over them.
pub(crate) struct Machine {
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) events: Events,
    pub(crate) hub: Hub,
    pub(crate) identity: Identity,
    pub(crate) secrets: Secrets,
    pub(crate) webhooks: Webhooks,
    pub(crate) guard: Guard,
    pub(crate) health: Health,
    pub(crate) entropy: Entropy,
    pub(crate) live: live::Live,
    pub(crate) router: Router,
}

/// Makes the machine and starts what reacts to the log; the door is opened by whoever serves the router.
pub(crate) async fn make(config: &Config) -> Result<Machine> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let products = products::all();
    let recorder = telemetry::metrics()?;

    let key = keys::open(&config.server.data, &entropy)?;
    let store = open_store(config, &products, &clock, &entropy)?;
    let identity = Identity::new(store.clone(), clock.clone(), entropy.clone());
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), holder(), Life::Locked)
        .await
        .context("the job engine cannot start")?;
    let events = Events::new(store.clone(), jobs.clone(), clock.clone(), entropy.clone(), declared(&products));
    events.declare_streams().await.context("the streams cannot be declared")?;
    let environment = |name: &str| std::env::var(name).ok();
    let secrets = Secrets::open(&store, &key, &clock, &entropy, environment).await?;
    let webhooks = Webhooks::new(store.clone(), events.clone(), clock.clone(), entropy.clone(), secrets.clone());
    let bus = Bus::memory(clock.clone(), &entropy);
    let hub = open_hub(config, &products, &store, &identity, &bus, &clock, &entropy);
    let guard = Guard::new(store.clone(), bus, clock.clone(), entropy.clone(), key.clone(), config.limits.policies()?);
    let health = Health::new(store.clone(), clock.clone());

    let ctx = Ctx {
        store: store.clone(),
        events: events.clone(),
        jobs: jobs.clone(),
        hub: hub.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    let overview = overview::Overview::new(ctx.clone(), webhooks.clone(), health.clone(), holder());
    let live = live::Live::new(ctx.clone(), webhooks.clone(), overview.clone());
    let api = openapi::Api::new()
        .with(identity::routes(identity.clone()))
        .with(guard::routes(guard.clone()))
        .with(overview::routes(overview))
        .with(webhooks::api_routes(webhooks.clone()))
        .with(events::routes(events.clone()))
        .with(jobs::routes(jobs.clone()));
    let api = products.iter().fold(api, |api, product| api.with(product.router(&ctx)));
    let router = api
        .router()
        .merge(webhooks::ingress_routes(webhooks.clone()))
        .merge(hub.routes())
        .merge(health::routes(health.clone()))
        .merge(overview::metrics_route(recorder, config.ops.metrics))
        .merge(pages::routes(&products))
        .fallback(pages::nothing_here);
    let edge = edge::Edge {
        clock: clock.clone(),
        entropy: entropy.clone(),
        identity: identity.clone(),
        trusted_proxies: config.server.trusted_proxies.as_slice().into(),
    };
    let router = router
        .layer(axum::middleware::from_fn_with_state(guard.clone(), Guard::handle))
        .layer(axum::middleware::from_fn_with_state(edge, edge::handle));

    let handlers = products.into_iter().flat_map(|product| product.start(&ctx)).collect();
    jobs.serve(handlers, config.jobs.concurrency);
    Ok(Machine { store, jobs, events, hub, identity, secrets, webhooks, guard, health, entropy, live, router })
}

/// Every table there is.
pub(crate) fn migrations(products: &[Product]) -> Vec<Migration> {
    let platform = [identity::MIGRATIONS, guard::MIGRATIONS, jobs::MIGRATIONS, events::MIGRATIONS, webhooks::MIGRATIONS];
    platform.into_iter().chain(products.iter().map(Product::schema)).flatten().copied().collect()
}

/// Opens the store of a data directory.
pub(crate) fn open_store(config: &Config, products: &[Product], clock: &Clock, entropy: &Entropy) -> Result<Store> {
    let (dir, durability) = (&config.server.data, config.store.durability);
    Ok(Store::embedded(dir, durability, &migrations(products), clock, entropy)?)
}

fn declared(products: &[Product]) -> Registry {
    let mut registry = Registry::default();
    Webhooks::declare(&mut registry);
    products.iter().for_each(|product| product.declare(&mut registry));
    registry
}

fn open_hub(
    config: &Config,
    products: &[Product],
    store: &Store,
    identity: &Identity,
    bus: &Bus,
    clock: &Clock,
    entropy: &Entropy,
) -> Hub {
    let identity = identity.clone();
    let authenticate: realtime::Authenticate = Arc::new(move |headers| {
        let (identity, headers) = (identity.clone(), headers.clone());
        Box::pin(async move {
            let admin = identity.caller_of(&headers).await == Caller::Admin;
            realtime::Caller { user: if admin { "admin" } else { "" }.to_owned(), admin }
        })
    });
    let hub = Hub::new(bus.clone(), clock.clone(), entropy.clone(), authenticate);
    config.realtime.allowed_origins.iter().for_each(|origin| hub.allow_origin(origin));
    hub.namespace(Namespace::admin(live::NAMESPACE));
    for namespace in products.iter().flat_map(|product| product.channels(store)) {
        hub.namespace(namespace);
    }
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
        let summaries: Vec<_> = products::all().iter().map(Product::summary).collect();
        let expected = host::Summary {
            name: "radio",
            events: vec!["radio.phrase"],
            reactions: vec!["github.* → radio.compose".into()],
            streams: vec!["radio.phrase → radio.air".into()],
            jobs: vec![],
            pages: vec!["/radio", "/radio/{owner}/{repo}"],
        };
        assert_eq!(summaries, [expected]);
    }
}
