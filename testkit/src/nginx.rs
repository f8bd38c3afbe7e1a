//! A private nginx.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::private::{Private, find, output};

/// A running nginx from the system's packages, on 127.0.0.1. Dropping it kills and removes it. Its methods block.
pub struct Nginx {
    server: Private,
}

impl Nginx {
    /// Whether it is installed.
    pub fn is_there() -> bool {
        find("nginx").is_some()
    }

    /// Starts one with what stands inside `http` (upstreams, maps, servers; a file of `conf.d`), given the port to listen on. Room
    /// for 16,000 connections a worker; nothing is logged but errors; whatever nginx writes lies in its folder.
    ///
    /// # Errors
    /// When it is not installed, when nginx refuses the text, or does not start.
    pub fn start(inside_http: impl FnOnce(u16) -> String) -> Result<Self> {
        let mut http =
            "worker_processes auto;\nworker_rlimit_nofile 20000;\nevents { worker_connections 16000; }\nhttp {\n"
                .to_owned();
        http.push_str("access_log off;\n");
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            // Writing to a String cannot fail.
            let _ = writeln!(http, "{kind}_temp_path {kind};");
        }
        Self::whole(|port| format!("{http}{}\n}}\n", inside_http(port)))
    }

    /// Starts one with a whole file, given the port to listen on. Paths in it are relative to a folder of its own, but not those
    /// that nginx was built with: the file names its temporary paths and its logs. It may say neither `daemon` nor `pid`.
    ///
    /// # Errors
    /// When it is not installed, when nginx refuses the file, or does not start.
    pub fn whole(file: impl FnOnce(u16) -> String) -> Result<Self> {
        let server = Private::new("nginx")?;
        server.write("nginx.conf", &file(server.port()))?;
        let mut it = Self { server };
        output(it.nginx()?.arg("-t")).context("nginx refuses the configuration")?;
        it.start_again()?;
        Ok(it)
    }

    fn nginx(&self) -> Result<std::process::Command> {
        let program = find("nginx").context("nginx is not installed (Debian: sudo apt-get install nginx-light)")?;
        let mut nginx = self.server.command(program);
        let dir = self.server.dir();
        nginx.arg("-p").arg(dir).args(["-e", "stderr", "-c"]).arg(dir.join("nginx.conf"));
        nginx.args(["-g", &format!("daemon off; pid {}/nginx.pid; error_log stderr notice;", dir.display())]);
        Ok(nginx)
    }

    /// `http://127.0.0.1:{port}`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// Its port on 127.0.0.1: the same for all its life.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where one that was started by [`Nginx::deployed`] writes who asked for what.
    pub fn access_log(&self) -> PathBuf {
        self.server.dir().join("access.log")
    }

    /// Its process, whose children are the workers; none while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// The end of its log of errors.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// Stops it at once (a "fast" shutdown).
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&mut self) -> Result<()> {
        self.server.stop("TERM")
    }

    /// Ends it as a power switch would: SIGKILL to it and its workers.
    ///
    /// # Errors
    /// When they do not die.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it with the same configuration, on the same port. It must have ended.
    ///
    /// # Errors
    /// When it runs, or does not become ready.
    pub fn start_again(&mut self) -> Result<()> {
        let nginx = self.nginx()?;
        self.server.launch(nginx, |server| TcpStream::connect(("127.0.0.1", server.port())).is_ok())
    }

    /// Stops the time for it: connections stay open, and nobody answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        self.server.pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When no signal can be sent.
    pub fn resume(&self) -> Result<()> {
        self.server.resume()
    }
}
