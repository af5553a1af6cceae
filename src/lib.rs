//! arcfs

mod charge;
mod clock;
mod error;
mod fault;
mod memory_guard;
mod quota;
mod sync;

pub use error::{Error, ErrorKind, Result};
pub use memory_guard::{GuardAction, MemoryGuard, MemorySource};

/// Doors for the crate's own models, benches and fuzz targets. No promise of stability.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::charge::{Account, Charge, ChunkCharge};
    pub use crate::clock::{Clock, ManualClock, SystemClock};
    pub use crate::memory_guard::{Guard, Reading};
    pub use crate::quota::{NoRelief, NodeLimit, Quota, Relief};
    #[cfg(arcfs_loom)]
    pub use crate::sync::breaks::{self, Break};
}
