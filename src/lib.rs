//! arcfs

mod charge;
mod error;
mod fault;
#[allow(dead_code, reason = "the operations that lock come later")]
mod lock;
#[allow(dead_code, reason = "the operations that lock come later")]
mod open_files;
#[allow(dead_code, unused_imports, reason = "the operations that lock come later")]
mod sync;

pub use error::{Error, ErrorKind, Result};

/// Doors for the crate's own models, benches and fuzz targets; no promise of stability.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::lock::*;
    pub use crate::open_files::*;
    pub use crate::sync::*;
}
