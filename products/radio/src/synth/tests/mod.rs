//! What the synthesiser promises, measured by means that it does not use itself.

mod measure;
mod notes;
mod promises;
