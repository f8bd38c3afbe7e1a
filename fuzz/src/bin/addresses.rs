//! Where an address that a person gave leads: never inside, however it is written.
//!
//! - What is let out has a scheme of the web, names nobody, and a host of plain letters that a plain reading of the text finds.
//! - A host that is an address is on the public internet by the rules of `is_public`; of a name the very host is looked up, and
//!   every address that it has is.
//! - Nothing is looked up for what is refused by its form.
//!
//! Input: how many addresses the name has (4 bits of 4 bytes, 4 bits of 16) and these; then the address.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fuzz::Input;
use libfuzzer_sys::fuzz_target;
use outbound::{Looked, Lookup, Outbound, Policy, Refused, Settings};
use tokio::runtime::{Builder, Runtime};

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let count = input.byte();
    let mut found: Vec<IpAddr> = (0..count / 16 % 4).map(|_| Ipv4Addr::from(input.bytes::<4>()).into()).collect();
    found.extend((0..count % 4).map(|_| IpAddr::from(Ipv6Addr::from(input.bytes::<16>()))));
    let Ok(url) = std::str::from_utf8(input.0) else { return };
    let bed = bed();
    *bed.names.held() = Names { found: found.clone(), asked: Vec::new() };
    let checked = bed.runtime.block_on(bed.outbound.check(url, Policy::Public));
    let asked = std::mem::take(&mut bed.names.held().asked);
    let Ok(()) = checked else {
        let inside = matches!(checked, Err(Refused::Inside(_)));
        return assert!(asked.is_empty() || inside && asked.len() == 1, "{asked:?} is looked up for {checked:?}");
    };
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    assert!(scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"), "{scheme}");
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    assert!(!authority.contains('@'), "somebody is named");
    let (host, literal) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => (host, true),
        None => (authority.split(':').next().unwrap_or_default(), false),
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
    assert!(!host.is_empty() && host.bytes().all(plain), "{host:?}");
    if let Ok(ip) = host.parse::<IpAddr>() {
        assert!(is_public(ip), "{ip} is inside");
    } else {
        assert!(!literal, "{host} in brackets is no address");
        assert_eq!(asked, [host], "another name is looked up");
        assert!(found.iter().all(|ip| is_public(*ip)), "{found:?} is inside");
    }
});

/// By the words of the standard library and the RFCs that carry one address in another.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let local = ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified();
            let special = ip.is_multicast() || ip.is_broadcast() || ip.is_documentation() || a == 0 || a >= 240;
            !local && !special && !(a == 100 && b / 64 == 1) && !(a == 198 && b / 2 == 9)
        }
        IpAddr::V6(ip) => {
            let [.., a, b, c, d] = ip.octets();
            let carried = is_public(Ipv4Addr::new(a, b, c, d).into());
            match ip.segments() {
                // Mapped (RFC 4291, 2.5.5.2) and translated (RFC 6052, 2.1).
                [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => carried,
                // Teredo, documentation, 6to4.
                [0x2001, 0 | 0xdb8, ..] | [0x2002, ..] => false,
                [first, ..] => first >> 13 == 1,
            }
        }
    }
}

/// What a name leads to, and which were asked for.
#[derive(Default)]
struct Names {
    found: Vec<IpAddr>,
    asked: Vec<String>,
}

#[derive(Clone, Default)]
struct Stub(Arc<Mutex<Names>>);

impl Stub {
    fn held(&self) -> std::sync::MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookup for Stub {
    fn addresses(&self, name: &str) -> Looked {
        let mut names = self.held();
        names.asked.push(name.to_owned());
        let found = names.found.clone();
        Box::pin(async { Ok(found) })
    }
}

struct Bed {
    names: Stub,
    outbound: Outbound,
    runtime: Runtime,
}

fn bed() -> &'static Bed {
    static MADE: OnceLock<Bed> = OnceLock::new();
    MADE.get_or_init(|| {
        let names = Stub::default();
        let outbound = Outbound::new(Settings { lookup: Arc::new(names.clone()), ..Settings::default() });
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Bed { names, outbound, runtime }
    })
}
