//! arcfs

mod charge;
mod content;
mod error;
mod fault;
mod path;
mod sync;
mod tree;

pub use error::{Error, ErrorKind, Result};
