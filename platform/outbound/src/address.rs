//! Where a request may go, pure: an address in, a verdict out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use kernel::limits;

/// Who chose the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// A person, or something that a person sent: it must lie on the public internet, or in a network that the settings allow.
    Public,
    /// The operator, in the settings: anywhere, this machine included.
    Operator,
}

/// Why nothing is sent to an address. The words are for whoever wrote it, and repeat nothing of it but the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read, or is over [`limits::OUTBOUND_URL_BYTES`].
    #[error("this is no address of the form https://host/path")]
    Unreadable,
    /// Neither `https` nor `http`.
    #[error("the address must begin with https:// or http://")]
    Scheme,
    /// `user:password@host`: it would be stored and shown as a part of the address.
    #[error("the address must not hold a user name or a password")]
    Credentials,
    /// The settings do not allow this port.
    #[error("port {0} is not among those that the setting outbound.ports allows")]
    Port(u16),
    /// It lies, or its name leads, where only this machine or its neighbours are reached.
    #[error("the address leads to {0}; an operator can allow it with the setting outbound.allow_private")]
    Inside(&'static str),
}

/// What the settings say about addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    pub(crate) allow_private: Vec<IpNet>,
    pub(crate) ports: Vec<u16>,
}

impl Guard {
    /// Reads an address and checks what can be seen without looking its name up. The returned [`Uri`] is what is connected
    /// to: nothing parses the text a second time, so no two parsers can disagree.
    pub(crate) fn read(&self, url: &str, policy: Policy) -> Result<Uri, Refused> {
        if url.len() > limits::OUTBOUND_URL_BYTES {
            return Err(Refused::Unreadable);
        }
        let uri: Uri = url.parse().map_err(|_| Refused::Unreadable)?;
        let authority = uri.authority().ok_or(Refused::Unreadable)?;
        if !matches!(uri.scheme_str(), Some("https" | "http")) {
            return Err(Refused::Scheme);
        }
        if authority.as_str().contains('@') {
            return Err(Refused::Credentials);
        }
        // `host:` and `host:99999` parse, and would go to the scheme's own port.
        if authority.host().is_empty() || authority.as_str().len() != authority.host().len() && uri.port_u16().is_none()
        {
            return Err(Refused::Unreadable);
        }
        // What stands in brackets is an address of IPv6 or nothing: no name, no zone.
        if authority.host().starts_with('[') && !matches!(literal(&uri), Some(IpAddr::V6(_))) {
            return Err(Refused::Unreadable);
        }
        self.destination(&uri, policy)?;
        Ok(uri)
    }

    /// Checks the port, and the address where the host is one: a literal is never looked up.
    pub(crate) fn destination(&self, uri: &Uri, policy: Policy) -> Result<(), Refused> {
        if policy == Policy::Operator {
            return Ok(());
        }
        let port = port(uri);
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return Err(Refused::Port(port));
        }
        literal(uri).map_or(Ok(()), |ip| self.address(ip, policy))
    }

    /// Checks one resolved address.
    pub(crate) fn address(&self, ip: IpAddr, policy: Policy) -> Result<(), Refused> {
        if policy == Policy::Operator || self.allow_private.iter().any(|net| net.contains(&ip.to_canonical())) {
            return Ok(());
        }
        inside(ip).map_or(Ok(()), |what| Err(Refused::Inside(what)))
    }
}

/// The host as an address, when it is written as one.
fn literal(uri: &Uri) -> Option<IpAddr> {
    let host = uri.host()?;
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// The port that is connected to.
pub(crate) fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 })
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(a: u16, b: u16, c: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

/// IANA's registry of special-purpose IPv4 addresses, multicast, class E, and one cloud's metadata service that hides
/// among public addresses.
const INSIDE_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this machine"),
    (v4(10, 0, 0, 0, 8), "a private network"),
    (v4(100, 64, 0, 0, 10), "a carrier's inner network"),
    (v4(127, 0, 0, 0, 8), "this machine"),
    (v4(168, 63, 129, 16, 32), "a metadata service"),
    (v4(169, 254, 0, 0, 16), "a link-local or metadata address"),
    (v4(172, 16, 0, 0, 12), "a private network"),
    (v4(192, 0, 0, 0, 24), "an address reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "an address of documentation"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "a private network"),
    (v4(198, 18, 0, 0, 15), "a benchmarking network"),
    (v4(198, 51, 100, 0, 24), "an address of documentation"),
    (v4(203, 0, 113, 0, 24), "an address of documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

/// Of IPv6 only 2000::/3 is in use between networks. Within it: protocol assignments with Teredo, documentation, 6to4.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
const INSIDE_V6: &[(Ipv6Net, &str)] = &[
    (v6(0x2001, 0, 0, 23), "an address reserved for protocols"),
    (v6(0x2001, 0xdb8, 0, 32), "an address of documentation"),
    (v6(0x2002, 0, 0, 16), "a 6to4 address"),
    (v6(0x3fff, 0, 0, 20), "an address of documentation"),
    (v6(0xfc00, 0, 0, 7), "a private network"),
    (v6(0xfe80, 0, 0, 10), "a link-local address"),
    (v6(0xff00, 0, 0, 8), "a multicast address"),
];
/// NAT64 (RFC 6052): an IPv4 address stands in the last 32 bits, and behind it a whole IPv4 internet, inside included.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// What an address that is not on the public internet is.
fn inside(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => INSIDE_V4.iter().find(|(net, _)| net.contains(&ip)).map(|(_, what)| *what),
        IpAddr::V6(ip) if NAT64.contains(&ip) => {
            let [.., a, b, c, d] = ip.octets();
            inside(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(Ipv6Addr::LOCALHOST | Ipv6Addr::UNSPECIFIED) => Some("this machine"),
        IpAddr::V6(ip) => {
            let special = INSIDE_V6.iter().find(|(net, _)| net.contains(&ip)).map(|(_, what)| *what);
            special.or((!GLOBAL_V6.contains(&ip)).then_some("a reserved address"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_inside_is_refused_in_every_spelling() {
        for inside_address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            let ip: IpAddr = inside_address.parse().expect("an address");
            assert!(Guard::default().address(ip, Policy::Public).is_err(), "{inside_address}");
            assert_eq!(Guard::default().address(ip, Policy::Operator), Ok(()), "{inside_address}");
        }
    }

    #[test]
    fn what_is_public_passes() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.0.0.1",
            "128.0.0.1",
            "168.63.129.17",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            let ip = public.parse().expect("an address");
            assert_eq!(Guard::default().address(ip, Policy::Public), Ok(()), "{public}");
        }
    }

    #[test]
    fn the_form_is_checked_before_anything_is_looked_up() {
        let guard = Guard { ports: vec![443, 8443], ..Guard::default() };
        for (url, refused) in [
            ("https://example.org/hook?token=s", None),
            ("https://example.org:8443", None),
            ("http://example.org/", Some(Refused::Port(80))),
            ("https://example.org:22/", Some(Refused::Port(22))),
            ("ftp://example.org/", Some(Refused::Scheme)),
            ("file:///etc/passwd", Some(Refused::Unreadable)),
            ("example.org", Some(Refused::Scheme)),
            ("/hook", Some(Refused::Unreadable)),
            ("https://", Some(Refused::Unreadable)),
            ("https://:443/", Some(Refused::Unreadable)),
            ("https://[]/", Some(Refused::Unreadable)),
            ("https://[localhost]/", Some(Refused::Unreadable)),
            ("https://[127.0.0.1]/", Some(Refused::Unreadable)),
            ("https://[fe80::1%25eth0]/", Some(Refused::Unreadable)),
            ("https://example.org:/", Some(Refused::Unreadable)),
            ("https://example.org:99999/", Some(Refused::Unreadable)),
            ("https://exa mple.org/", Some(Refused::Unreadable)),
            ("https://bücher.example/", Some(Refused::Unreadable)),
            ("https://user:pw@example.org/", Some(Refused::Credentials)),
            ("https://example.org@127.0.0.1/", Some(Refused::Credentials)),
            ("https://127.0.0.1/", Some(Refused::Inside("this machine"))),
            ("https://[::1]/", Some(Refused::Inside("this machine"))),
            ("https://[::ffff:169.254.169.254]/", Some(Refused::Inside("a link-local or metadata address"))),
            ("", Some(Refused::Unreadable)),
        ] {
            assert_eq!(guard.read(url, Policy::Public).err(), refused, "{url}");
        }
        let long = format!("https://example.org/{}", "a".repeat(limits::OUTBOUND_URL_BYTES));
        assert_eq!(guard.read(&long, Policy::Public).err(), Some(Refused::Unreadable));
        assert!(guard.read("http://127.0.0.1:9/", Policy::Operator).is_ok());
    }

    #[test]
    fn an_allowed_network_is_allowed_and_no_other() {
        let guard = Guard { allow_private: vec!["10.1.0.0/16".parse().expect("a network")], ..Guard::default() };
        let check = |ip: &str| guard.address(ip.parse().expect("an address"), Policy::Public);
        assert_eq!(check("10.1.2.3"), Ok(()));
        assert_eq!(check("::ffff:10.1.2.3"), Ok(()));
        assert!(check("10.2.0.1").is_err() && check("127.0.0.1").is_err());
    }

    proptest! {
        #[test]
        fn an_embedded_address_is_judged_as_itself(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            let mapped = IpAddr::V6(ip.to_ipv6_mapped());
            let translated = IpAddr::V6(Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits)));
            prop_assert_eq!(inside(mapped), inside(ip.into()));
            prop_assert_eq!(inside(translated), inside(ip.into()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _ = Guard::default().read(&text, Policy::Public);
        }
    }
}
