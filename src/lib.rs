//! arcfs

mod charge;
mod error;
mod sync;

pub use error::{Error, ErrorKind, Result};
