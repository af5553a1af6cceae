//! arcfs

mod builder;
mod charge;
mod clock;
mod content;
mod error;
mod export;
mod fault;
mod file;
mod fs;
mod lock;
mod memory_guard;
mod open_files;
mod open_options;
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
pub use content::{Chunks, Content, ContentReader};
pub use error::{Error, ErrorKind, Result};
pub use export::{ExportIter, ExportOptions};
pub use file::File;
pub use fs::MemFs;
pub use memory_guard::{GuardAction, MemoryGuard, MemorySource};
pub use open_options::OpenOptions;
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

    /// Content as a one-shot write builds it.
    pub fn build_content(
        bytes: &[u8],
        charge: Charge,
        account: &std::sync::Arc<Account>,
    ) -> crate::Result<crate::Content> {
        crate::Content::build(bytes, charge, account, 0)
    }

    pub mod root {
        pub use crate::root::*;
    }
    pub mod tree {
        pub use crate::tree::edit::*;
        pub use crate::tree::examine::{Effect, Refusal};
        pub use crate::tree::lookup::{Found, find};
        pub use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
        pub use crate::tree::node::{Dir, FileNode, Node, Totals};
        pub use crate::tree::root::{Limits, Root};
    }
    pub mod path {
        pub use crate::path::*;
    }
    pub mod pattern {
        pub use crate::pattern::*;
    }
}
