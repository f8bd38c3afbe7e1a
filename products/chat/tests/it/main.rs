//! The chat as its users meet it: through its routes and channels, over a real store.

mod avatars;
mod digests;
mod files;
mod find;
mod gone;
mod hidden;
mod impostors;
mod live;
mod marks;
mod mentioned;
mod messages;
mod office;
mod personal;
mod previews;
mod pushes;
mod receipts;
mod rights;
mod roommates;
mod rooms;
mod service;
mod settings;
mod sockets;
mod support;
mod switches;
mod watch;
mod whereabouts;
