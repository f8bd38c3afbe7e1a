#![doc = include_str!("../README.md")]

#[cfg(feature = "audience")]
pub mod audience;
#[cfg(feature = "client")]
mod github;
#[cfg(feature = "provider")]
pub mod provider;
#[cfg(feature = "client")]
mod server;

#[cfg(unix)]
mod cluster;
mod database;
#[cfg(unix)]
mod deployed;
#[cfg(unix)]
mod nginx;
#[cfg(unix)]
mod pgbouncer;
#[cfg(unix)]
mod port;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod private;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
mod redis;
#[cfg(unix)]
mod resp;
#[cfg(unix)]
mod sentinel;
#[cfg(feature = "store")]
mod store;

pub use database::{database, on_postgres, schema};
#[cfg(feature = "client")]
pub use github::GitHub;
#[cfg(feature = "client")]
pub use server::{Admin, Server, Start};
#[cfg(feature = "store")]
pub use store::open;

#[cfg(unix)]
pub use {
    cluster::Cluster,
    nginx::Nginx,
    pgbouncer::Pgbouncer,
    postgres::Postgres,
    private::until,
    proxy::{Proxy, Side},
    redis::Redis,
    sentinel::Sentinel,
};
