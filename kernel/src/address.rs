//! From where a request comes.

use std::net::{IpAddr, Ipv6Addr};

/// The client's address, as the edge found it out, behind the proxies that are trusted. It travels in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What a client is counted by: its address, or for IPv6 its /64, which one customer has for himself. None for this machine itself.
    pub fn counted(self) -> Option<IpAddr> {
        match self.0.to_canonical() {
            address if address.is_loopback() => None,
            IpAddr::V4(address) => Some(address.into()),
            IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_counted_once_and_this_machine_is_not() {
        let counted = |address: &str| ClientAddress(address.parse().expect("an address")).counted();
        assert_eq!(counted("2001:db8:1:2:3::4"), counted("2001:db8:1:2:ffff::1"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:203.0.113.9"), counted("203.0.113.9"));
        assert_eq!(["127.0.0.2", "::1", "::ffff:127.0.0.1"].map(counted), [None; 3]);
    }
}
