//! Finds the servers: one, the master that the Sentinels name, or the masters of a Cluster.

use std::collections::HashMap;

use kernel::limits;
use redis::{ErrorKind, RedisResult, Value};

use super::net::{Dial, Net, PARTITIONS, Share};
use super::settings::{Address, Form};

/// The Cluster's slots.
const SLOTS: u16 = 16_384;

/// Servers, each with the partitions that it serves.
pub(super) type Found = Vec<(Address, Share)>;

impl Dial {
    /// Where everything is now. `net` is what was reached until now: its nodes are asked first.
    pub(super) async fn find(&self, net: &Net) -> RedisResult<Found> {
        match &self.settings.form {
            Form::Single(address) => Ok(vec![(address.clone(), Share::MAX)]),
            Form::Sentinel { sentinels, master, password } => {
                let password = password.as_ref().map(kernel::Secret::expose);
                let mut last = nobody();
                for sentinel in sentinels {
                    match self.named_by(sentinel, master, password).await {
                        Ok(address) => return Ok(vec![(address, Share::MAX)]),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Form::Cluster(seeds) => {
                let mut last = nobody();
                let known = net.nodes.iter().filter(|node| !node.is_lost()).map(|node| &node.address);
                for address in known.chain(seeds).take(limits::BUS_NODES) {
                    match self.slots_by(address).await {
                        Ok(servers) => return Ok(servers),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    async fn named_by(&self, sentinel: &Address, master: &str, password: Option<&str>) -> RedisResult<Address> {
        let mut connection = self.ask_sentinel(sentinel, password).await?;
        let mut question = redis::cmd("SENTINEL");
        let named: Option<(String, u16)> =
            question.arg("GET-MASTER-ADDR-BY-NAME").arg(master).query_async(&mut connection).await?;
        let (host, port) = named.ok_or((ErrorKind::Client, "the Sentinels know no master of this name"))?;
        Ok(Address { host, port })
    }

    async fn slots_by(&self, asked: &Address) -> RedisResult<Found> {
        let mut connection = self.ask(asked).await?;
        let ranges: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
        let ranges: Vec<_> = ranges.iter().filter_map(|range| read_range(range, asked)).collect();
        let mut shares: HashMap<(String, u16), Share> = HashMap::new();
        for partition in 0..PARTITIONS {
            let slot = slot_of(&self.name(partition));
            let master = ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).map(|(.., at)| at);
            if let Some(Address { host, port }) = master {
                *shares.entry((host.clone(), *port)).or_default() |= 1 << partition;
            }
        }
        if shares.is_empty() {
            return Err((ErrorKind::Client, "the Cluster serves no slot").into());
        }
        Ok(shares.into_iter().map(|((host, port), share)| (Address { host, port }, share)).collect())
    }
}

fn nobody() -> redis::RedisError {
    (ErrorKind::Client, "there is nobody to ask").into()
}

/// `[first, last, [host, port, …] of the master, replicas…]`; a node that does not know its own host is where it was asked.
fn read_range(range: &[Value], asked: &Address) -> Option<(u16, u16, Address)> {
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range else { return None };
    let host = match master.first()? {
        Value::BulkString(host) if !host.is_empty() => String::from_utf8(host.clone()).ok()?,
        Value::SimpleString(host) if !host.is_empty() => host.clone(),
        _ => asked.host.clone(),
    };
    let Value::Int(port) = master.get(1)? else { return None };
    Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, Address { host, port: u16::try_from(*port).ok()? }))
}

/// The slot of a partition's name: the CRC of what stands in the braces (Redis Cluster specification, "Key
/// distribution model").
fn slot_of(name: &str) -> u16 {
    let tag = name.trim_start_matches('{').split('}').next().unwrap_or_default();
    crc16(tag.as_bytes()) % SLOTS
}

/// CRC-16/XMODEM.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let crc = crc ^ (u16::from(*byte) << 8);
        (0..8).fold(crc, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
    }
}
