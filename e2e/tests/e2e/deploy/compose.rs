//! What matters of the compose files, in each shape and each environment.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Postgres, Redis, Server, Start};
use tokio::process::Command;

use super::yaml::{NAMED, compose};
use super::{deploy, read};

const SHAPES: [&str; 2] = ["compose.yaml", "compose.roles.yaml"];
const ENVIRONMENTS: [Option<&str>; 3] = [None, Some("compose.dev.yaml"), Some("compose.prod.yaml")];
/// What the roles of `--role` are called.
const ROLES: [&str; 6] = ["api", "ingress", "realtime", "scheduler", "scraper", "worker"];

/// Every shape in every environment, with its name.
fn all() -> Result<Vec<(String, Value)>> {
    let files = SHAPES.iter().flat_map(|shape| ENVIRONMENTS.map(|over| [Some(*shape), over]));
    let files = files.map(|files| files.into_iter().flatten().collect::<Vec<_>>());
    files.map(|files| Ok((files.join(" + "), compose(&files)?))).collect()
}

fn services(compose: &Value) -> impl Iterator<Item = (&str, &Value)> {
    compose["services"].as_object().into_iter().flatten().map(|(name, service)| (name.as_str(), service))
}

/// Those that run our binary.
fn ours(compose: &Value) -> impl Iterator<Item = (&str, &Value)> {
    services(compose).filter(|(_, service)| service["image"].as_str().is_some_and(|it| it.starts_with("mainspring:")))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn seconds(value: &Value) -> Result<u64> {
    let text = value.as_str().context("no duration")?;
    text.strip_suffix('s').and_then(|text| text.parse().ok()).with_context(|| format!("{text} is no duration"))
}

/// Mebibytes of `256M`, `1G`, `192mb`.
fn mebibytes(text: &str) -> Result<u64> {
    let text = text.to_lowercase();
    let number = |unit| text.strip_suffix(unit).and_then(|text: &str| text.parse::<u64>().ok());
    let megabytes = number("m").or_else(|| number("mb"));
    megabytes.or_else(|| Some(number("g")? * 1024)).with_context(|| format!("{text} is no size"))
}

#[test]
fn every_service_is_bounded_watched_and_started_again() -> Result<()> {
    for (which, compose) in all()? {
        for (name, service) in services(&compose) {
            let whole = || {
                let image = service["image"].as_str().context("image")?;
                let (repository, tag) = image.rsplit_once(':').context("a version")?;
                ensure!(tag.starts_with(|c: char| c.is_ascii_digit()) && tag.contains('.'), "{image} is not pinned");
                ensure!(!repository.contains(['.', ':']), "{image} names a host");
                let limits = &service["deploy"]["resources"]["limits"];
                ensure!(limits["cpus"].as_str().is_some_and(|cpus| cpus.parse::<f64>().is_ok()), "{limits}");
                mebibytes(limits["memory"].as_str().context("memory")?)?;
                let health = &service["healthcheck"];
                ensure!(texts(&health["test"]).len() > 1 && health["retries"].as_u64().is_some(), "{health}");
                ensure!(seconds(&health["timeout"])? < seconds(&health["interval"])?, "{health}");
                ensure!(["unless-stopped", "always", "no"].contains(&service["restart"].as_str().context("restart")?));
                ensure!(seconds(&service["stop_grace_period"])? >= 10);
                ensure!(texts(&service["security_opt"]) == ["no-new-privileges:true"]);
                ensure!(service["logging"]["options"]["max-size"].is_string(), "logs without an end");
                Ok(())
            };
            whole().with_context(|| format!("{which}: {name}"))?;
        }
    }
    Ok(())
}

#[test]
fn only_nginx_is_reached_from_outside() -> Result<()> {
    for (which, compose) in all()? {
        assert_eq!(compose["networks"]["data"]["internal"], true, "{which}");
        for (name, service) in services(&compose) {
            let networks: Vec<_> = service["networks"].as_object().into_iter().flatten().map(|(it, _)| &**it).collect();
            let expected: &[&str] = match name {
                "nginx" => &["edge"],
                "postgres" | "redis" => &["data"],
                _ => &["edge", "data"],
            };
            assert_eq!(BTreeSet::from_iter(networks), expected.iter().copied().collect(), "{which}: {name}");
            assert_eq!(service["ports"].is_array(), name == "nginx", "{which}: {name} publishes a port");
            assert!(service["privileged"].is_null() && service["network_mode"].is_null(), "{which}: {name}");
        }
        for (name, service) in ours(&compose).chain(services(&compose).filter(|(name, _)| *name == "nginx")) {
            assert_eq!((&service["read_only"], texts(&service["cap_drop"])), (&true.into(), vec!["ALL"]), "{name}");
        }
    }
    Ok(())
}

#[test]
fn what_is_named_is_there() -> Result<()> {
    for (which, compose) in all()? {
        let declared = |what: &str, name: &str| assert!(compose[what].get(name).is_some(), "{which}: {what}: {name}");
        let mut kept = BTreeMap::new();
        for (name, service) in services(&compose) {
            service["networks"].as_object().into_iter().flatten().for_each(|(it, _)| declared("networks", it));
            texts(&service["secrets"]).into_iter().for_each(|it| declared("secrets", it));
            for volume in texts(&service["volumes"]) {
                let (from, to) = volume.split_once(':').context("a place")?;
                match from.strip_prefix("./") {
                    Some(file) => {
                        assert!(deploy(file).is_file() && to.ends_with(":ro"), "{which}: {volume}");
                    }
                    None => {
                        declared("volumes", from);
                        let other = kept.insert(from.to_owned(), name);
                        assert!(other.is_none(), "{which}: {name} and {other:?} share {from}");
                    }
                }
            }
            for (other, on) in service["depends_on"].as_object().into_iter().flatten() {
                declared("services", other);
                assert_eq!(on["condition"], "service_healthy", "{which}: {name}");
            }
        }
        for (name, _) in compose["volumes"].as_object().into_iter().flatten() {
            assert!(kept.contains_key(name), "{which}: nobody uses {name}");
        }
        for (name, secret) in compose["secrets"].as_object().into_iter().flatten() {
            // Beside the files, where git and the image do not see it.
            assert!(secret["file"].as_str().is_some_and(|it| it.starts_with("./secrets/")), "{which}: {name}");
        }
    }
    Ok(())
}

#[test]
fn nginx_finds_every_instance_and_is_the_one_that_is_believed() -> Result<()> {
    for (which, compose) in all()? {
        let address = |service: &Value| service["networks"]["edge"]["ipv4_address"].as_str().map(str::to_owned);
        let nginx = &compose["services"]["nginx"];
        let front = address(nginx).context("nginx has a fixed address")?;
        let fixed: BTreeMap<_, _> =
            ours(&compose).filter_map(|(name, it)| Some((name.to_owned(), address(it)?))).collect();
        let hosts = texts(&nginx["extra_hosts"]).into_iter().filter_map(|it| it.split_once(':'));
        let hosts: BTreeMap<_, _> = hosts.map(|(name, at)| (name.to_owned(), at.to_owned())).collect();
        assert_eq!(hosts, fixed, "{which}");
        let volumes = texts(&nginx["volumes"]);
        let upstreams = volumes.iter().find_map(|it| it.strip_suffix(":/etc/nginx/upstreams.conf:ro"));
        let upstreams = read(upstreams.context("upstreams")?)?;
        let servers = upstreams.lines().filter_map(|line| line.trim().strip_prefix("server ")?.split(':').next());
        let servers: BTreeSet<_> = servers.map(str::to_owned).collect();
        assert_eq!(servers, hosts.keys().cloned().collect(), "{which}");
        assert_eq!(nginx["depends_on"].as_object().map(|on| on.keys().cloned().collect()), Some(servers), "{which}");

        let pool = &compose["networks"]["edge"]["ipam"]["config"][0];
        let net = |key: &str| {
            Ok::<_, anyhow::Error>(pool[key].as_str().context("a network")?.rsplit_once('.').context("v4")?.0)
        };
        assert_eq!((net("subnet")?, &pool["ip_range"]), (net("ip_range")?, &"172.30.77.128/25".into()), "{which}");
        let all: BTreeSet<_> = fixed.values().chain([&front]).collect();
        assert_eq!(all.len(), fixed.len() + 1, "{which}: two have the same address");
        for at in all {
            let (net_of, host) = at.rsplit_once('.').context("v4")?;
            assert!(
                net_of == net("subnet")? && host.parse::<u8>()? < 128,
                "{which}: {at} may be given to somebody else"
            );
        }
        for (name, service) in ours(&compose) {
            let trusted = service["environment"]["MAINSPRING__SERVER__TRUSTED_PROXIES"].as_str().unwrap_or_default();
            assert_eq!(trusted, format!("[\"{front}/32\"]"), "{which}: {name}");
        }
    }
    Ok(())
}

/// What a stop may take: the wait, the window for connections and the last of them, the grace of requests and of jobs, last words.
pub(super) fn longest_stop(settings: &toml::Table) -> Result<u64> {
    let of = |section: &str, key: &str| {
        settings[section][key].as_integer().context("seconds")?.try_into().context("seconds")
    };
    let (wait, window, grace): (u64, u64, u64) =
        (of("server", "drain_wait_s")?, of("realtime", "drain_s")?, of("server", "grace_s")?);
    Ok(wait + window + 5 + 2 * grace + 5)
}

/// The variables that a service has, as the environment of a process here; its key lies elsewhere.
fn environment(service: &Value, start: Start) -> Start {
    let variables = service["environment"].as_object().into_iter().flatten();
    variables.fold(start, |start, (name, value)| match value.as_str() {
        Some(value) => start.env(name, value),
        None => start,
    })
}

#[tokio::test]
async fn every_variable_is_a_setting_and_each_role_is_done_by_somebody() -> Result<()> {
    let defaults: toml::Table = std::fs::read_to_string(deploy("../mainspring.toml"))?.parse()?;
    let setting = |section: &str, key: &str| defaults.get(section).and_then(|section| section.get(key));
    for shape in SHAPES {
        let compose = compose(&[shape])?;
        let mut roles = BTreeSet::new();
        for (name, service) in ours(&compose) {
            for variable in service["environment"].as_object().context("variables")?.keys() {
                let Some(of) = variable.strip_prefix("MAINSPRING__") else {
                    assert!(
                        ["DATABASE_URL", "REDIS_URL", "GITHUB_WEBHOOK_SECRET"].contains(&&**variable),
                        "{variable}"
                    );
                    continue;
                };
                let (section, key) = of.split_once("__").context("a section")?;
                assert!(setting(&section.to_lowercase(), &key.to_lowercase()).is_some(), "{shape}: {variable}");
            }
            let data = tempfile::tempdir()?;
            let start = environment(service, Start::default()).data(data.path());
            let (fine, said) = start.command_once(&["config", "check"]).await?;
            assert!(fine, "{shape}: {name}: {said}");
            let (_, said) = start.command_once(&["config", "print"]).await?;
            assert!(NAMED.iter().all(|(_, password)| !said.contains(password)), "{said}");
            let of = service["environment"]["MAINSPRING__SERVER__ROLES"].as_str().unwrap_or(r#"["all"]"#);
            roles.extend(serde_json::from_str::<Vec<String>>(of)?);
            let stop = longest_stop(&defaults)?;
            assert!(seconds(&service["stop_grace_period"])? >= stop, "{shape}: {name} is killed while it drains");
        }
        let all: BTreeSet<_> = ROLES.map(str::to_owned).into();
        assert!(roles == ["all".to_owned()].into() || roles == all, "{shape}: {roles:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_health_check_says_what_the_probe_says() -> Result<()> {
    let mut server = Server::start().await?;
    let compose = compose(&["compose.yaml"])?;
    let test = texts(&compose["services"]["mainspring-1"]["healthcheck"]["test"]);
    let [kind, bash, c, script] = test[..] else { panic!("{test:?}") };
    assert_eq!((kind, bash, c), ("CMD", "bash", "-c"));
    let port = server.address().rsplit_once(':').context("a port")?.1.to_owned();
    let ask = async |path: &str| {
        let script = script.replace("/127.0.0.1/8080", &format!("/127.0.0.1/{port}")).replace("/readyz", path);
        Command::new("bash").args(["-c", &script]).output().await
    };
    assert!(ask("/readyz").await?.status.success(), "{:?}", ask("/readyz").await?);
    assert!(!ask("/nothing-here").await?.status.success(), "a 404 is no health");
    server.kill().await?;
    assert!(!ask("/readyz").await?.status.success());
    Ok(())
}

#[test]
fn postgres_and_redis_take_their_settings() -> Result<()> {
    let compose = compose(&["compose.yaml"])?;
    if Postgres::is_there() {
        let mut postgres = Postgres::fast()?;
        for files in [compose.clone(), super::yaml::compose(&["compose.yaml", "compose.dev.yaml"])?] {
            let command = texts(&files["services"]["postgres"]["command"]);
            let settings: Vec<_> = command.iter().filter_map(|word| word.split_once('=')).collect();
            assert_eq!(command.len(), 1 + 2 * settings.len(), "{command:?}");
            postgres.settings(&settings)?;
        }
        assert_eq!(postgres.sql("SHOW max_wal_size")?, "4GB");
    }
    if Redis::is_there() {
        let file = read("redis.conf")?;
        let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let words = lines.clone().flat_map(|line| {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            let values = value.split(' ').map(|word| word.trim_matches('"').to_owned());
            std::iter::once(format!("--{name}")).chain(values)
        });
        let words: Vec<_> = words.collect();
        let redis = Redis::with(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        assert_eq!(redis.command(&["CONFIG", "GET", "maxmemory-policy"])?, "maxmemory-policy\nallkeys-lru");
        assert_eq!(redis.command(&["CONFIG", "GET", "save"])?.trim(), "save");
        let most = lines.into_iter().find_map(|line| line.strip_prefix("maxmemory ")).context("maxmemory")?;
        let limit =
            compose["services"]["redis"]["deploy"]["resources"]["limits"]["memory"].as_str().context("a limit")?;
        assert!(mebibytes(most)? * 5 <= mebibytes(limit)? * 4, "Redis is killed before it evicts: {most} of {limit}");
    }
    Ok(())
}
