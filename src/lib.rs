//! arcfs

mod charge;
mod error;
mod fault;
mod sync;

pub use error::{Error, ErrorKind, Result};
