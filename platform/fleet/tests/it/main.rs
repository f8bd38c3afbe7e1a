//! The promise of the fleet, on real stores: two of one directory are two processes.

mod alone;
mod support;
mod three;
