//! The private servers: each starts, answers, is killed, comes back, and leaves nothing behind.

mod nginx;
mod orphans;
mod postgres;
mod proxy;
mod redis;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

/// Whether somebody accepts connections on this port.
fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// What a plain GET is answered, within this time.
fn get(port: u16, within: Duration) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), within)?;
    stream.set_read_timeout(Some(within))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether the folder is gone, and every process that ran in it (those that /proc shows).
fn is_gone(dir: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut folders = processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
    !dir.exists() && !folders.any(|folder| folder.starts_with(dir))
}

/// Says that a test needs what is not here; the only reason for which one of these does nothing.
fn skipped(is_there: bool, program: &str) -> bool {
    if !is_there {
        eprintln!("skipped: {program} is not installed");
    }
    !is_there
}
