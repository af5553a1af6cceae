//! Injected failures, for tests: the n-th charge, node or payload allocation of this thread fails.
//!
//! Compiled to nothing unless the feature `fault-injection` is on.

/// A place where a resource is granted and may be refused.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use arcfs::testing::{Fault, Injected};
///
/// let _full = Injected::new(Fault::Node, 1);
/// assert!(arcfs::MemFs::new().create_dir("/d").is_err());
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A reservation of quota.
    Charge,
    /// The creation of files or directories by one commit.
    Node,
    /// The allocation of a payload.
    Allocation,
}

#[cfg(feature = "fault-injection")]
#[allow(dead_code, reason = "who uses what depends on the other features")]
mod armed {
    use super::Fault;
    use std::cell::Cell;

    thread_local! {
        static COUNTDOWN: [Cell<u64>; 3] = const { [Cell::new(0), Cell::new(0), Cell::new(0)] };
    }

    /// How many grants of `fault` on this thread are left up to the one that fails; 0 if none is to.
    #[must_use]
    pub fn count(fault: Fault) -> u64 {
        COUNTDOWN.with(|cells| cells[fault as usize].get())
    }

    /// Lets the `n`-th grant of `fault` on this thread fail, counted from 1; 0 disarms it.
    pub fn fail_nth(fault: Fault, n: u64) {
        COUNTDOWN.with(|cells| cells[fault as usize].set(n));
    }

    /// Whether the armed fault has yet to strike on this thread.
    #[must_use]
    pub fn is_armed(fault: Fault) -> bool {
        count(fault) > 0
    }

    /// Whether this grant is the one that shall fail.
    #[must_use]
    pub fn strikes(fault: Fault) -> bool {
        COUNTDOWN.with(|cells| {
            let left = cells[fault as usize].get();
            cells[fault as usize].set(left.saturating_sub(1));
            left == 1
        })
    }
}

#[cfg(feature = "fault-injection")]
#[allow(unused_imports, reason = "as above")]
pub use armed::{count, fail_nth, is_armed, strikes};

/// Whether this grant is the one that shall fail: never, in this build.
#[cfg(not(feature = "fault-injection"))]
#[inline]
#[must_use]
pub const fn strikes(_: Fault) -> bool {
    false
}
