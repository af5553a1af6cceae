//! arcfs

mod builder;
mod charge;
mod clock;
mod content;
mod error;
mod export;
mod fault;
mod fs;
mod host;
mod lock;
mod memory_guard;
mod open_files;
mod ops;
mod path;
mod pattern;
mod quota;
mod root;
mod snapshot;
mod sync;
mod tree;
mod usage;
mod volume;

pub use builder::MemFsBuilder;
pub use clock::{Clock, SystemClock};
pub use content::Content;
pub use error::{Error, ErrorKind, Result};
pub use export::{ExportIter, ExportOptions};
pub use fs::MemFs;
pub use host::{ExportReport, ImportReport, SkipReason, Skipped};
pub use memory_guard::{GuardAction, MemoryGuard, MemorySource};
pub use snapshot::Snapshot;
pub use tree::diff::{Change, Diff};
pub use tree::metadata::Metadata;
pub use tree::name::Name;
pub use tree::read_dir::{DirEntry, ReadDir};
pub use tree::walk::{Walk, WalkDir};
pub use usage::{Stats, Usage};
pub use volume::Storage;

/// Doors for the crate's own models, benches and fuzz targets; no promise of stability.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::charge::{Account, Charge, ChunkCharge};
    pub use crate::clock::ManualClock;
    pub use crate::lock::*;
    pub use crate::memory_guard::{Guard, Reading};
    pub use crate::open_files::*;
    pub use crate::quota::{NoRelief, NodeLimit, Quota, Relief};
    pub use crate::sync::*;

    pub mod path {
        pub use crate::path::*;
    }
    pub mod pattern {
        pub use crate::pattern::*;
    }
}
