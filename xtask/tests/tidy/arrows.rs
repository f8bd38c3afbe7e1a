//! Who may know whom.

use crate::manifest::{Crate, Place, beside};
use crate::scan::{line_of, places};
use crate::tree::{Broken, Tree};

pub(crate) const LEFT: &str = "An arrow only ever points left: kernel ← platform ← products ← server; what tests are built with is a dev-dependency.";
pub(crate) const PLATFORM: &str = "Inside platform/ there are exactly the arrows that ARCHITECTURE.md lists.";
pub(crate) const PRODUCTS: &str = "A product never names another product. They meet in the event log.";
pub(crate) const SERVER: &str = "`server` alone knows all products, and it knows each by one name.";
pub(crate) const KERNEL: &str =
    "The kernel does no I/O and reads no clock but its own; the clock and the randomness are passed in.";
pub(crate) const CLIENT: &str = "Outbound HTTP goes through `outbound`; nothing else in the graph opens a client.";
pub(crate) const ENGINE: &str =
    "Everything durable happens in a transaction that the caller holds: only platform/store knows the engine.";

/// The arrows inside platform/; `host` sees every part. A new one is a decision (docs/decisions).
const ARROWS: &[(&str, &[&str])] = &[
    ("attendance", &["store", "fleet", "events", "realtime"]),
    ("bus", &[]),
    ("endpoints", &["store", "identity", "jobs", "events", "webhooks", "outbound"]),
    ("events", &["store", "fleet", "identity", "jobs"]),
    ("fleet", &["store"]),
    ("guard", &["store", "bus", "identity"]),
    ("identity", &["store", "outbound"]),
    ("jobs", &["store", "identity"]),
    ("mail", &["store", "identity", "jobs"]),
    ("objects", &["outbound"]),
    ("outbound", &[]),
    ("realtime", &["bus"]),
    ("schedules", &["store", "fleet", "identity", "jobs"]),
    ("slo", &["store", "identity", "jobs", "outbound"]),
    ("store", &[]),
    ("webhooks", &["store", "identity", "jobs", "events", "outbound"]),
];
const IO: &[&str] =
    &["async-std", "hyper", "hyper-util", "mio", "reqwest", "rusqlite", "smol", "socket2", "sqlx", "tokio", "ureq"];
const CLIENTS: &[&str] =
    &["attohttpc", "awc", "curl", "isahc", "minreq", "reqwest", "surf", "tokio-tungstenite", "ureq"];
const ENGINES: &[&str] = &["diesel", "libsqlite3-sys", "postgres", "rusqlite", "sqlx", "tokio-postgres"];

pub(crate) fn left(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for it in tree.crates.iter().filter(|it| it.place != Place::Tool) {
        for need in it.needs.iter().filter(|need| need.here) {
            let Some(on) = tree.crates.iter().find(|other| other.dir == need.on) else { continue };
            let tests_with = need.dev && on.place == Place::Tool;
            if on.place > it.place && !tests_with {
                broken.push(Broken::new(it.manifest(), format!("{} must not need {}", it.dir, on.dir)));
            }
        }
    }
    broken
}

pub(crate) fn platform(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for it in tree.crates.iter().filter(|it| it.place == Place::Platform) {
        let part = it.dir.trim_start_matches("platform/");
        let Some((_, arrows)) =
            ARROWS.iter().find(|(from, _)| *from == part).or((part == "host").then_some(&("", &[])))
        else {
            broken.push(Broken::new(it.manifest(), "a new part needs its arrows in xtask/tests/tidy/arrows.rs"));
            continue;
        };
        let inside = it.ships_with().filter_map(|need| need.on.strip_prefix("platform/").filter(|_| need.here));
        for on in inside.filter(|on| part != "host" && !arrows.contains(on)) {
            broken.push(Broken::new(it.manifest(), format!("no arrow leads from {part} to {on}")));
        }
    }
    broken
}

pub(crate) fn products(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for it in tree.crates.iter().filter(|it| it.place == Place::Product) {
        for need in it.needs.iter().filter(|need| need.here && need.on.starts_with("products/")) {
            broken.push(Broken::new(it.manifest(), format!("{} must not need {}", it.dir, need.on)));
        }
    }
    for (path, text) in tree.files.iter().filter(|(path, _)| is_script(path)) {
        let mut parts = path.splitn(3, '/');
        let (Some("products"), Some(product), Some(_)) = (parts.next(), parts.next(), parts.next()) else { continue };
        for (line, import) in imports(text) {
            let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
            if import.starts_with('.') && !beside(dir, &import).starts_with(&format!("products/{product}/")) {
                broken.push(Broken::new(
                    format!("{path}:{line}"),
                    format!("imports {import}; what pages share is @console/…"),
                ));
            }
        }
    }
    broken
}

fn is_script(path: &str) -> bool {
    [".ts", ".svelte", ".js", ".mjs"].iter().any(|end| path.ends_with(end))
}

/// What a script imports, by the line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let quoted = |line: &str| {
        let from =
            line.find(" from ").map(|at| at + 6).or_else(|| line.trim_start().starts_with("import ").then_some(0))?;
        let rest = &line[from..];
        let open = rest.find(['"', '\''])?;
        let inside = &rest[open + 1..];
        Some(inside[..inside.find(['"', '\''])?].to_owned())
    };
    text.lines().enumerate().filter_map(|(i, line)| Some((i + 1, quoted(line)?))).collect()
}

pub(crate) fn server(tree: &Tree) -> Vec<Broken> {
    const LIST: &str = "server/src/products.rs";
    let mut broken = Vec::new();
    let is_product = |it: &&Crate| it.place == Place::Product;
    for it in tree.crates.iter().filter(|it| it.place != Place::Server) {
        for need in it.needs.iter().filter(|need| need.here && need.on.starts_with("products/") && need.on != it.dir) {
            broken.push(Broken::new(it.manifest(), format!("{} knows {}", it.dir, need.on)));
        }
    }
    for product in tree.crates.iter().filter(is_product) {
        let mut named = 0;
        for file in tree.rust_in(&["server/"]) {
            for at in places(&file.scan.code, &product.name) {
                let after = &file.scan.code[at + product.name.len()..];
                if !after.starts_with("::") && !file.scan.code[..at].trim_end().ends_with("use") {
                    continue;
                }
                named += 1;
                if file.path != LIST || named > 1 {
                    let what = format!("names the product {} (once, in {LIST}, is enough)", product.name);
                    broken.push(file.at(line_of(&file.scan.code, at), what));
                }
            }
        }
        let address = format!("/{}", product.name);
        for file in tree.rust_in(&["server/src/"]) {
            let texts = file.texts().filter(|text| !places(&text.text, &address).is_empty());
            broken.extend(texts.map(|text| file.at(text.line, format!("{address} is known to the product alone"))));
        }
        if named == 0 && tree.has("server") {
            broken.push(Broken::new(LIST, format!("the product {} is not served", product.name)));
        }
    }
    broken
}

pub(crate) fn kernel(tree: &Tree) -> Vec<Broken> {
    let kernel = tree.crates.iter().filter(|it| it.place == Place::Kernel);
    let needs = kernel.flat_map(|it| it.ships_with().map(move |need| (it, need)));
    let io = needs.filter(|(_, need)| IO.contains(&need.on.as_str()));
    let mut broken: Vec<_> = io.map(|(it, need)| Broken::new(it.manifest(), format!("needs {}", need.on))).collect();
    for file in tree.rust_in(&["kernel/src/"]) {
        broken.extend(file.says(&["std::fs", "std::net", "std::process", "std::thread", "tokio", "async fn"]));
    }
    broken
}

pub(crate) fn client(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for it in tree.crates.iter().filter(|it| it.place != Place::Tool && it.dir != "platform/outbound") {
        for need in it.ships_with() {
            let opens = need.features.iter().any(|feature| feature.starts_with("client") || feature == "full");
            if CLIENTS.contains(&need.on.as_str()) || need.on.starts_with("hyper") && opens {
                broken.push(Broken::new(it.manifest(), format!("needs the HTTP client of {}", need.on)));
            }
        }
    }
    let words =
        ["reqwest", "ureq", "hyper::client", "client::conn", "legacy::Client", "TcpStream::connect", "TcpSocket"];
    for file in tree.rust_in(&["kernel/", "platform/", "products/", "server/"]) {
        if !file.path.starts_with("platform/outbound/") {
            broken.extend(file.says(&words));
        }
    }
    broken
}

pub(crate) fn engine(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for it in tree.crates.iter().filter(|it| it.place != Place::Tool && it.dir != "platform/store") {
        for need in it.ships_with().filter(|need| ENGINES.contains(&need.on.as_str())) {
            broken.push(Broken::new(it.manifest(), format!("needs {}", need.on)));
        }
    }
    for file in tree.rust_in(&["platform/", "products/"]) {
        let owner = file.path.starts_with("platform/store/");
        if file.name() == "store.rs" && !owner {
            let opens = file.says(&[".write(", ".write_relaxed("]).into_iter();
            broken.extend(opens.map(|it| Broken {
                what: "a store takes the caller's `&mut Tx`; it opens none to write".into(),
                ..it
            }));
        }
    }
    broken
}
