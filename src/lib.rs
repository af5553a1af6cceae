//! arcfs

mod charge;
mod clock;
mod content;
mod error;
mod fault;
mod lock;
mod memory_guard;
mod open_files;
mod path;
mod pattern;
mod quota;
mod root;
mod sync;
mod tree;
mod volume;

pub use error::{Error, ErrorKind, Result};
pub use memory_guard::{GuardAction, MemoryGuard, MemorySource};
pub use volume::Storage;

/// Doors for the crate's own models, benches and fuzz targets; no promise of stability.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::charge::{Account, Charge, ChunkCharge};
    pub use crate::clock::{Clock, ManualClock, SystemClock};
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
