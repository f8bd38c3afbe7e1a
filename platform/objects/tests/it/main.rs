//! Objects in a directory and in a bucket: one suite for both, and what each may suffer.

mod bucket;
mod conformance;
mod directory;
