//! The store's promises, on every engine there is.

mod archives;
mod backups;
mod bounds;
mod conformance;
mod damage;
mod embedded;
mod full_disk;
mod interrupted;
mod mounts;
mod pooled;
mod postgres;
mod power;
mod replica;
mod transfer;
