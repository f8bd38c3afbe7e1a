//! Who may do what, attacked: links, sessions, cookies, and the permission of administrators.

mod admin;
mod bearer;
mod doors;
mod elsewhere;
mod joining;
mod keys;
mod links;
mod revocations;
mod rights;
mod sessions;
mod sign_in;
mod sign_in_with;
mod support;
mod tickets;
mod tokens;
