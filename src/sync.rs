//! The one place where atomics, locks and parking come from.
//!
//! Ordinary builds take them from `std` and `parking_lot`; a build with `--cfg arcfs_loom` takes
//! them from loom, so that the models in `loom-tests/` run the production code. `Arc` is `std`'s
//! in both: the crate has no unsafe code that could misuse it.

#[cfg(not(arcfs_loom))]
pub mod atomic {
    //! Atomics of this build.
    pub use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
}

#[cfg(arcfs_loom)]
pub mod atomic {
    //! Atomics of this build.
    pub use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
}
