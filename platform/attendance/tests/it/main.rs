//! The promise of the account, attacked: real connections, real stores; processes that are killed or stand still.

mod dead;
mod fleet;
mod living;
mod support;
