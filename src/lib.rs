//! arcfs

mod charge;
mod error;
mod fault;
#[cfg_attr(not(feature = "internals"), allow(dead_code))] // until the operations use it
mod path;
mod sync;

pub use error::{Error, ErrorKind, Result};
