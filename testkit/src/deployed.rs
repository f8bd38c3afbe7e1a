//! nginx as `deploy/` has it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::Nginx;

impl Nginx {
    /// Starts one with `deploy/nginx.conf`, but for where it listens and writes: on its port, and on the one 10,000 above for its own
    /// health; its access log is [`Nginx::access_log`]. `upstreams` is the file of `deploy/` with who serves what, in which each of
    /// the `hosts` gets its address; `tls` stands in the place of what is mounted for HTTPS.
    ///
    /// # Errors
    /// When the files no longer hold what is put elsewhere, when a host of the upstreams has no address, or as [`Nginx::whole`].
    pub fn deployed(upstreams: &str, hosts: &[(&str, &str)], tls: &str) -> Result<Self> {
        let mut behind = read(upstreams)?;
        for (name, address) in hosts {
            behind = put(&behind, &format!("server {name}:8080 "), &format!("server {address} "))?;
        }
        ensure!(!behind.contains(":8080"), "an upstream has no process: {behind}");
        let file = put(&read("nginx.conf")?, "include upstreams.conf;", &behind)?;
        let file = put(&file, "include tls/*.conf;", tls)?;
        let file = put(&file, "_path /tmp/", "_path ")?;
        let file = put(&file, "access_log /dev/stdout line;", "access_log access.log line;")?;
        let (door, health) = ("listen 8080 ", "listen 127.0.0.1:8081;");
        ensure!(file.contains(door) && file.contains(health), "deploy/nginx.conf listens elsewhere");
        Self::whole(|port| {
            let file = file.replace(door, &format!("listen 127.0.0.1:{port} "));
            // The port that far above is kept free with it.
            file.replace(health, &format!("listen 127.0.0.1:{};", port + 10_000))
        })
    }
}

fn read(file: &str) -> Result<String> {
    let path: PathBuf = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy")).join(file);
    std::fs::read_to_string(path).with_context(|| format!("deploy/{file}"))
}

/// Puts one text in the place of another that must be there.
fn put(text: &str, of: &str, with: &str) -> Result<String> {
    ensure!(text.contains(of), "{of:?} is not in the file any more");
    Ok(text.replace(of, with))
}
