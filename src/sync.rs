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

#[cfg(arcfs_loom)]
pub mod breaks {
    //! Deliberate mistakes in production code: each makes a model fail, which shows that the model
    //! would notice. They exist in the loom build only, and one is in force at a time.

    use std::sync::atomic::{AtomicU32, Ordering};

    /// A mistake that some production code can be told to make.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[repr(u32)]
    pub enum Break {
        /// A reservation is added first, then checked, then undone.
        ReserveAddsFirst = 1,
        /// A reservation is stored over whatever was counted meanwhile.
        ReserveStoresBlindly,
        /// What comes back is stored over whatever was counted meanwhile.
        GiveBackStoresBlindly,
        /// The quota checks that an amount fits, and reserves it without looking again.
        QuotaChecksThenActs,
        /// The guard stores its debit over the debits of others.
        GuardTakesBlindly,
        /// A new reading forgets what was granted while it was made.
        GuardInstallsBlindly,
        /// Whoever gets the turn reads, however young the reading is.
        GuardRefreshesUnchecked,
        /// The time of a reading is published without its bytes.
        GuardPublishesRelaxed,
    }

    /// Of `std`, not of loom: it is set before a model starts and is no part of it.
    static IN_FORCE: AtomicU32 = AtomicU32::new(0);

    /// Puts one mistake in force, or none.
    pub fn set(mistake: Option<Break>) {
        IN_FORCE.store(mistake.map_or(0, |mistake| mistake as u32), Ordering::SeqCst);
    }

    /// Whether this mistake is to be made.
    #[must_use]
    pub fn is(mistake: Break) -> bool {
        IN_FORCE.load(Ordering::SeqCst) == mistake as u32
    }
}
