#![doc = include_str!("../README.md")]

mod ctx;
pub mod people;
mod product;

pub use ctx::Ctx;
pub use product::{Product, Sample, Sampler, Summary};
