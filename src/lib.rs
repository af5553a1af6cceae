//! arcfs

mod charge;
mod content;
mod error;
mod fault;
#[cfg_attr(not(feature = "internals"), allow(dead_code))] // until the operations use it
mod path;
#[cfg_attr(not(feature = "internals"), allow(dead_code))] // until the operations use it
mod pattern;
mod sync;
mod tree;

pub use content::{Chunks, Content, ContentReader};
pub use error::{Error, ErrorKind, Result};
pub use tree::diff::{Change, Diff};
pub use tree::metadata::Metadata;
pub use tree::name::Name;
pub use tree::read_dir::{DirEntry, ReadDir};
pub use tree::walk::{Walk, WalkDir};

/// Doors for the crate's own fuzz targets and benches; no promise of stability.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub mod path {
        pub use crate::path::*;
    }
    pub mod pattern {
        pub use crate::pattern::*;
    }
}
