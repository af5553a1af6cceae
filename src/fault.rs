//! Injected failures, for tests: the n-th charge, node or payload allocation of this thread fails.
//!
//! Compiled to nothing unless the feature `testing` is on.

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

#[cfg(feature = "testing")]
mod armed {
    use super::Fault;
    use std::cell::{Cell, RefCell};

    /// One failure that is to happen.
    struct Armed {
        id: u64,
        /// How many grants are left up to the one that fails; 0 if none is to any more.
        left: u64,
        struck: bool,
    }

    thread_local! {
        /// The failures of each sort, of which only the last counts.
        static STACKS: [RefCell<Vec<Armed>>; 3] =
            const { [RefCell::new(Vec::new()), RefCell::new(Vec::new()), RefCell::new(Vec::new())] };
        static NEXT_ID: Cell<u64> = const { Cell::new(0) };
    }

    /// Lets the `n`-th grant of `fault` on this thread fail, counted from 1 and while no later failure of
    /// this sort is armed. Returns what it is known by.
    #[must_use]
    pub fn arm(fault: Fault, n: u64) -> u64 {
        let id = NEXT_ID.with(|next| next.replace(next.get() + 1));
        STACKS.with(|stacks| stacks[fault as usize].borrow_mut().push(Armed { id, left: n, struck: false }));
        id
    }

    /// Forgets a failure, whether or not later ones are armed. When the thread ends, they are gone anyway.
    pub fn disarm(fault: Fault, id: u64) {
        let _ = STACKS.try_with(|stacks| stacks[fault as usize].borrow_mut().retain(|armed| armed.id != id));
    }

    /// How many grants are left up to the one that fails (0 if none is to any more), and whether one
    /// has failed.
    #[must_use]
    pub fn state(fault: Fault, id: u64) -> (u64, bool) {
        STACKS.with(|stacks| {
            let stack = stacks[fault as usize].borrow();
            stack.iter().find(|armed| armed.id == id).map_or((0, false), |armed| (armed.left, armed.struck))
        })
    }

    /// Whether this grant is the one that shall fail.
    #[must_use]
    pub fn strikes(fault: Fault) -> bool {
        let strikes = STACKS.try_with(|stacks| {
            let mut stack = stacks[fault as usize].borrow_mut();
            let Some(armed) = stack.last_mut() else { return false };
            let strikes = armed.left == 1;
            armed.left = armed.left.saturating_sub(1);
            armed.struck |= strikes;
            strikes
        });
        strikes.unwrap_or(false) // the thread ends
    }
}

#[cfg(feature = "testing")]
pub use armed::{arm, disarm, state, strikes};

/// Whether this grant is the one that shall fail: never, in this build.
#[cfg(not(feature = "testing"))]
#[inline]
#[must_use]
pub const fn strikes(_: Fault) -> bool {
    false
}
