//! Every route there is, and what stands before all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use guard::{Client, Guard};
use host::Product;
use realtime::Hub;

use crate::config::{Config, Role};
use crate::programs::Programs;
use crate::telemetry::{Telemetry, level};
use crate::wiring::Machine;
use crate::{edge, health, lagging, minting, openapi, overview, pages};

pub(crate) fn router(config: &Config, products: &[Product], telemetry: &Telemetry, machine: &Machine) -> Router {
    let ctx = &machine.ctx;
    let does = |role| config.server.does(role);
    let mut api = openapi::Api::new();
    if does(Role::Api) {
        api = api
            .with(identity::routes(machine.identity.clone()))
            .with(guard::routes(machine.guard.clone()))
            .with(minting::routes(ctx.clock.clone(), machine.identity.clone(), ctx.hub.clone()))
            .with(overview::routes(machine.overview.clone()))
            .with(slo::routes(machine.slo.clone()))
            .with(level::routes(machine.level.clone()))
            .with(webhooks::api_routes(machine.webhooks.clone()))
            .with(endpoints::routes(machine.endpoints.clone()))
            .with(events::routes(ctx.events.clone()))
            .with(jobs::routes(ctx.jobs.clone()))
            .with(schedules::routes(machine.schedules.clone()));
    }
    if does(Role::Ingress) {
        api = api.with(webhooks::ingress_routes(machine.webhooks.clone()));
    }
    // A product's routes are pages, an API and streams in one.
    if does(Role::Api) || does(Role::Realtime) {
        api = products.iter().fold(api, |api, product| api.with(product.router(ctx)));
    }
    let mut router = api.router().merge(health::routes(machine.health.clone())).merge(overview::metrics_route(
        telemetry.clone(),
        config.ops.metrics,
        ctx.store.clone(),
    ));
    if does(Role::Realtime) {
        router = router.merge(ctx.hub.routes());
    }
    // By whichever process: orders go round over the bus.
    if does(Role::Api) || does(Role::Realtime) {
        router = router.merge(ctx.hub.api_routes(Arc::new(Programs(machine.identity.clone()))));
        router = router.merge(pages::routes(products));
    }
    let router = router.fallback(pages::nothing_here);
    let edge = edge::Edge {
        clock: ctx.clock.clone(),
        entropy: ctx.entropy.clone(),
        identity: machine.identity.clone(),
        trusted_proxies: config.server.trusted_proxies.as_slice().into(),
    };
    // The last one added is the first that a request meets.
    router
        .layer(from_fn(opens_from_its_address))
        .layer(from_fn_with_state(machine.guard.clone(), Guard::handle))
        .layer(from_fn_with_state(ctx.store.clone(), lagging::handle))
        .layer(from_fn_with_state(edge, edge::handle))
}

/// Connections that a request opens are its address's.
async fn opens_from_its_address(request: Request, next: Next) -> Response {
    let from = request.extensions().get::<Client>().and_then(|client| client.counted());
    Hub::opens_from(from, next.run(request)).await
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use axum::http::{Method, Request, StatusCode};
    use http_body_util::BodyExt;
    use identity::{NewKey, Scope};
    use kernel::{Clock, Entropy};
    use serde_json::{Value, json};
    use slo::objective::{ALL, Match, Sli};
    use tower::ServiceExt;

    use super::*;
    use crate::{backup, config, telemetry, wiring};

    pub(crate) struct House {
        telemetry: Telemetry,
        pub(crate) machine: Machine,
        pub(crate) router: Router,
        _data: tempfile::TempDir,
    }

    impl House {
        pub(crate) async fn new() -> Self {
            let data = tempfile::tempdir().expect("a directory");
            let dir = Some(data.path().display().to_string());
            let config =
                config::load(&config::Overrides { data: dir, ..config::Overrides::default() }).expect("settings");
            let telemetry = telemetry::install(&config.log, |_| None, &Clock::system(), &Entropy::system());
            let telemetry = telemetry.expect("the only one of this process");
            let made = wiring::make(&config, crate::products::all, &telemetry).await;
            let (machine, router) = made.expect("made");
            for name in backup::BESIDE {
                assert!(
                    data.path().join(name).exists(),
                    "{name} is called otherwise by who makes it: no backup has it"
                );
            }
            Self { telemetry, machine, router, _data: data }
        }

        async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> (StatusCode, Value) {
            let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
            let request = request.header("authorization", format!("Bearer {token}")).body(Body::from(body.to_string()));
            let response = self.router.clone().oneshot(request.expect("a request")).await.expect("answered");
            let status = response.status();
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            (status, serde_json::from_slice(&body).unwrap_or_default())
        }

        /// Requests that an objective counted since the last look: all, and bad ones.
        fn counted(&self) -> Vec<(&'static str, u64, u64)> {
            let counts = self.telemetry.meter.take();
            ALL.iter().zip(counts).map(|(objective, counts)| (objective.name, counts.total, counts.bad)).collect()
        }
    }

    /// `(method, path, operation)` of every route that is described.
    fn operations(document: &Value) -> impl Iterator<Item = (Method, &str, &Value)> {
        let paths = document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, operations)| {
            let operations = operations.as_object().into_iter().flatten();
            operations.filter_map(move |(method, it)| Some((method.to_uppercase().parse().ok()?, path.as_str(), it)))
        })
    }

    /// Names that several operations have.
    fn named_twice(document: &Value) -> BTreeSet<String> {
        let mut known = BTreeSet::new();
        let names = operations(document).map(|(_, _, operation)| operation["operationId"].to_string());
        names.filter(|name| !known.insert(name.clone())).collect()
    }

    /// Whether a client may ask this route to wait until there is something to say.
    fn waits(document: &Value, operation: &Value) -> bool {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let named = schema["$ref"].as_str().and_then(|name| document.pointer(name.strip_prefix('#')?));
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        named.unwrap_or(schema)["properties"].get("wait_s").is_some()
            || parameters.into_iter().any(|parameter| parameter["name"] == "wait_s")
    }

    /// The lists of routes that other parts keep by name, against the routes that there are.
    #[tokio::test]
    async fn what_other_parts_know_of_routes_is_so() {
        let house = House::new().await;
        let scopes = Scope::ALL.to_vec();
        let made = house
            .machine
            .identity
            .make_key(identity::people::Actor::Admin, &NewKey { name: "x".into(), scopes, expires_at_ms: None })
            .await;
        let (id, token) = made.expect("made");
        let token = token.expose();
        let (_, document) = house.send(Method::GET, "/api/v1/openapi.json", token, &Value::Null).await;

        assert_eq!(named_twice(&document), BTreeSet::new(), "clients are generated by these names");

        // Every namespace of channels is described.
        let (_, asyncapi) = house.send(Method::GET, "/api/v1/asyncapi.json", token, &Value::Null).await;
        let channels: Vec<_> = asyncapi["channels"].as_object().into_iter().flatten().collect();
        let store = &house.machine.ctx.store;
        let of_products = crate::products::all();
        let of_products =
            of_products.iter().flat_map(|product| product.channels(store)).map(|namespace| namespace.name);
        for name in of_products.chain([crate::live::NAMESPACE, crate::live::JOBS]) {
            let mut addresses = channels.iter().filter_map(|(_, channel)| channel["address"].as_str());
            assert!(addresses.any(|address| address.starts_with(&format!("{name}:"))), "{name}: {asyncapi}");
        }

        // A worker that waits for jobs is not a slow answer.
        let waiting: BTreeSet<_> =
            operations(&document).filter(|(_, _, it)| waits(&document, it)).map(|(_, path, _)| path).collect();
        let latency = ALL.iter().find(|objective| objective.name == "api_latency").expect("an objective");
        let Sli::Share { of, .. } = latency.sli else { panic!("a share of requests") };
        let excepted = of.iter().find_map(|it| match it {
            Match::None("route", routes) => Some(routes.iter().copied().collect::<BTreeSet<_>>()),
            _ => None,
        });
        assert!(!waiting.is_empty());
        assert_eq!(excepted, Some(waiting), "the objective leaves out the routes that wait, and no other");
        house.counted();
        let wait = json!({ "queues": ["nobody works here"], "wait_s": 1 });
        let begun = std::time::Instant::now();
        let (status, answer) = house.send(Method::POST, "/api/v1/jobs/claim", token, &wait).await;
        assert_eq!((status, &answer["jobs"]), (StatusCode::OK, &json!([])));
        assert!(begun.elapsed().as_millis() >= 1_000, "it waited");
        house.send(Method::GET, "/api/v1/events", token, &Value::Null).await;
        let counted = house.counted();
        assert!(counted.contains(&("api_availability", 2, 0)), "{counted:?}");
        assert!(counted.contains(&("api_latency", 1, 0)), "{counted:?}");

        // What a worker says about its jobs is in the jobs, and a preview changes nothing; every other change by a key is in
        // the audit log.
        let audited = async || {
            let query = guard::Query { actor: Some(format!("key:{id}")), limit: 200, ..guard::Query::default() };
            house.machine.guard.audit(query).await.expect("read").len()
        };
        let before = audited().await;
        let (mut unaudited, mut changes) = (0, 0);
        for (method, path, operation) in operations(&document).filter(|(method, ..)| !method.is_safe()) {
            let unheard = operation["tags"][0] == "workers" || path.ends_with("/preview");
            if !unheard && !path.starts_with("/api/v1/") {
                continue;
            }
            house.send(method, &path.replace(['{', '}'], ""), token, &json!({})).await;
            *(if unheard { &mut unaudited } else { &mut changes }) += 1;
        }
        assert!(unaudited >= 5 && changes > 20, "{unaudited} routes without an entry, {changes} others");
        assert_eq!(audited().await - before, changes);
    }

    /// Whoever connects comes from an address; and what it says apart is its connection's, and not its address's.
    #[tokio::test]
    async fn a_connection_is_its_addresss_and_what_it_says_its_own() {
        let house = House::new().await;
        house.machine.ctx.hub.connections_per_address(1);
        let post = async |address: [u8; 4], path: &str, body: String| {
            let mut request =
                Request::builder().method(Method::POST).uri(path).body(Body::from(body)).expect("a request");
            request.extensions_mut().insert(edge::Peer((address, 4711).into()));
            house.router.clone().oneshot(request).await.expect("answered")
        };
        let open = async |address| post(address, "/connection/http_stream", r#"{"id":1,"connect":{}}"#.into()).await;
        let first = open([203, 0, 113, 9]).await;
        assert_eq!(open([203, 0, 113, 9]).await.status(), StatusCode::TOO_MANY_REQUESTS);
        let other = open([203, 0, 113, 10]).await;
        assert_eq!((first.status(), other.status()), (StatusCode::OK, StatusCode::OK));
        let mut answers = first.into_body();
        let frame = answers.frame().await.expect("a frame").expect("no error");
        let reply: Value = serde_json::from_slice(frame.data_ref().expect("data")).expect("JSON");
        let (session, node) = (&reply["connect"]["session"], &reply["connect"]["node"]);
        for (session, policy) in [(session, "\"session\""), (&json!("1-x"), "\"public\"")] {
            let said =
                json!({ "session": session, "node": node, "data": r#"{"id":2,"unsubscribe":{"channel":"a:b"}}"# });
            let answer = post([203, 0, 113, 9], "/emulation", said.to_string()).await;
            let counted = answer.headers()["ratelimit-policy"].to_str().expect("text");
            assert!(answer.status() == StatusCode::NO_CONTENT && counted.starts_with(policy), "{counted}");
        }
    }
}
