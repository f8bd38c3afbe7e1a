use anyhow::Result;
use testkit::{Cluster, Redis, Sentinel};

use crate::{answers, skipped};

#[test]
fn it_comes_back_empty_on_the_same_port() -> Result<()> {
    if skipped(Redis::is_there(), "redis-server") {
        return Ok(());
    }
    let mut redis = Redis::with(&["--maxmemory", "5mb"])?;
    let port = redis.port();
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{port}/"));
    assert_eq!(redis.command(&["SET", "a", "line\r\nand line"])?, "OK");
    assert_eq!(redis.command(&["GET", "a"])?, "line\r\nand line");
    assert_eq!(redis.command(&["CONFIG", "GET", "maxmemory"])?, "maxmemory\n5242880");
    assert!(redis.command(&["INCR", "a"]).is_err_and(|error| format!("{error:#}").contains("not an integer")));

    redis.pause()?;
    assert!(answers(port), "the kernel accepts for a paused one");
    redis.resume()?;
    assert_eq!(redis.command(&["EXISTS", "a"])?, "1");
    redis.kill()?;
    assert!(!answers(port));
    redis.start_again()?;
    assert_eq!(redis.command(&["DBSIZE"])?, "0");
    redis.stop()?;
    assert!(!answers(port));
    redis.start_again()?;
    drop(redis);
    assert!(!answers(port));
    Ok(())
}

#[test]
fn sentinels_fail_over_and_back() -> Result<()> {
    if skipped(Redis::is_there(), "redis-server") {
        return Ok(());
    }
    let mut redis = Sentinel::start()?;
    let first = redis.primary()?;
    assert_eq!(redis.sentinels().len(), 3);
    let primary = redis.servers().first().expect("a primary");
    assert_eq!(primary.port(), first);
    assert_eq!(primary.commands(&[&["SET", "kept", "7"], &["WAIT", "1", "5000"]])?, ["OK", "1"]);

    let second = redis.failover()?;
    assert_ne!(second, first);
    assert_eq!(redis.servers()[1].command(&["INCR", "kept"])?, "8");
    redis.revive()?;
    assert_eq!(redis.servers()[0].command(&["GET", "kept"])?, "8");
    assert!(redis.servers()[0].command(&["INCR", "kept"]).is_err(), "a replica took a write");
    Ok(())
}

#[test]
fn a_slot_moves_with_its_keys() -> Result<()> {
    if skipped(Redis::is_there(), "redis-server") {
        return Ok(());
    }
    let mut redis = Cluster::start()?;
    assert_eq!(redis.urls().len(), 3);
    let slot: u16 = redis.nodes()[0].command(&["CLUSTER", "KEYSLOT", "{a}"])?.parse()?;
    let from = redis.owner(slot)?;
    let to = (from + 1) % 3;
    for n in 0..250 {
        redis.nodes()[from].command(&["SET", &format!("{{a}}{n}"), "7"])?;
    }
    redis.move_slot(slot, from, to)?;
    assert_eq!(redis.owner(slot)?, to);
    assert_eq!(redis.nodes()[to].command(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()])?, "250");
    for node in redis.nodes().iter().enumerate().filter(|(i, _)| *i != to).map(|(_, node)| node) {
        let refused = node.command(&["GET", "{a}1"]).expect_err("it is served elsewhere");
        assert!(format!("{refused:#}").contains("MOVED"), "{refused:#}");
    }
    assert!(redis.move_slot(slot, from, to).is_err(), "it has moved");

    redis.nodes()[to].kill()?;
    redis.nodes()[to].start_again()?;
    redis.whole()?;
    assert_eq!(redis.owner(slot)?, to, "a node forgot its slots");
    Ok(())
}
