//! What is shown of the engine besides its jobs.

pub use crate::batches::BatchRow;
pub use crate::policy::{KindRow, QueueRow};
pub use crate::progress::Progress;
