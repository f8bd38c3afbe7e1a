//! The store's promises, on every engine there is.

mod conformance;
mod embedded;
