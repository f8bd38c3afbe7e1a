//! The chat as its users meet it: through its routes and channels, over a real store.

mod digests;
mod find;
mod live;
mod marks;
mod messages;
mod office;
mod personal;
mod pushes;
mod rights;
mod rooms;
mod service;
mod support;
