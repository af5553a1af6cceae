//! arcfs

mod charge;
mod content;
mod error;
mod fault;
mod sync;

pub use content::{Chunks, Content, ContentReader};
pub use error::{Error, ErrorKind, Result};
